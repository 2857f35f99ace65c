// A Verilated torus on a bus, for programs in C that load and store its registers.
//
// The model is `clostorus_axi`, or, with -DWISHBONE, `clostorus_wishbone`. A call runs the clock for
// as long as its access takes, with random pauses on every channel.

#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "verilated.h"
#include "harness_context.h"
#include "harness_stalls.h"

namespace {

constexpr int patience_cycles = 64;  // Of give and take, for a beat.

struct Bus {
    VerilatedContext context;
    std::unique_ptr<Vtop> top;
    Stalls pauses;
    uint64_t cycles = 0;
    uint32_t errors = 0;
    uint64_t in_beat = 0, out_beat = 0;
    uint32_t in_parts = 0, out_parts = 0;

    void step() {
        top->clk = 0;
        top->eval();
#ifndef WISHBONE
        const bool taken = top->s_axis_tvalid && top->s_axis_tready;
#endif
        top->clk = 1;
        top->eval();
        ++cycles;
#ifndef WISHBONE
        if (taken) top->s_axis_tvalid = in_beat = in_parts = 0;  // Whichever call it is in.
#endif
    }
    void rest() {
        while (pauses.next()) step();
    }
};

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT Bus* bus_create(uint32_t pauses_per_mille, uint32_t seed) {
    auto bus = std::make_unique<Bus>();
    const Current current(bus->context);
    bus->top = std::make_unique<Vtop>(&bus->context, "");
    bus->pauses.seed(seed, pauses_per_mille);
    bus->top->rst = 1;
    bus->step();
    bus->top->rst = 0;
    return bus.release();
}

EXPORT void bus_destroy(Bus* bus) {
    {
        const Current current(bus->context);
        bus->top->final();
        bus->top.reset();
    }
    delete bus;
}

// How many accesses ended with an error.
EXPORT uint32_t bus_errors(const Bus* bus) { return bus->errors; }

EXPORT uint64_t bus_cycles(const Bus* bus) { return bus->cycles; }

#ifdef WISHBONE

static uint32_t access(Bus* bus, uint32_t offset, bool writes, uint32_t value) {
    const Current current(bus->context);
    Vtop& top = *bus->top;
    bus->rest();
    top.wb_cyc = top.wb_stb = 1;
    top.wb_we = writes;
    top.wb_adr = offset;
    top.wb_sel = 15;
    top.wb_dat_w = value;
    do bus->step();
    while (!top.wb_ack && !top.wb_err);
    bus->errors += top.wb_err;
    const uint32_t data = top.wb_dat_r;
    top.wb_cyc = top.wb_stb = 0;
    bus->step();
    return data;
}

EXPORT uint32_t bus_load(Bus* bus, uint32_t offset) { return access(bus, offset, false, 0); }

EXPORT void bus_store(Bus* bus, uint32_t offset, uint32_t value) {
    access(bus, offset, true, value);
}

#else

EXPORT uint32_t bus_load(Bus* bus, uint32_t offset) {
    const Current current(bus->context);
    Vtop& top = *bus->top;
    bus->rest();
    top.s_axil_araddr = offset;
    top.s_axil_arvalid = 1;
    bool taken;
    do {
        top.eval();
        taken = top.s_axil_arready;
        bus->step();
    } while (!taken);
    top.s_axil_arvalid = 0;
    bus->rest();
    top.s_axil_rready = 1;
    uint32_t data;
    do {
        top.eval();
        taken = top.s_axil_rvalid;
        data = top.s_axil_rdata;
        bus->errors += taken && top.s_axil_rresp;
        bus->step();
    } while (!taken);
    top.s_axil_rready = 0;
    return data;
}

EXPORT void bus_store(Bus* bus, uint32_t offset, uint32_t value) {
    const Current current(bus->context);
    Vtop& top = *bus->top;
    bool address = false, data = false, taken;
    top.s_axil_awaddr = offset;
    top.s_axil_wdata = value;
    top.s_axil_wstrb = 15;
    while (!address || !data) {
        top.s_axil_awvalid = !address && (top.s_axil_awvalid || !bus->pauses.next());
        top.s_axil_wvalid = !data && (top.s_axil_wvalid || !bus->pauses.next());
        top.eval();
        address |= top.s_axil_awvalid && top.s_axil_awready;
        data |= top.s_axil_wvalid && top.s_axil_wready;
        bus->step();
    }
    top.s_axil_awvalid = top.s_axil_wvalid = 0;
    bus->rest();
    top.s_axil_bready = 1;
    do {
        top.eval();
        taken = top.s_axil_bvalid;
        bus->errors += taken && top.s_axil_bresp;
        bus->step();
    } while (!taken);
    top.s_axil_bready = 0;
}

static uint32_t parts(const Vtop& top) { return sizeof top.s_axis_tdata / sizeof(uint32_t); }

// As `give` and `take` of clostorus.h; a beat is joined of words, and split into them.
EXPORT int bus_give(void* context, const uint32_t* words, int count) {
    Bus* bus = static_cast<Bus*>(context);
    const Current current(bus->context);
    Vtop& top = *bus->top;
    int given = 0;
    while (true) {
        for (; given < count && bus->in_parts < parts(top); ++bus->in_parts)
            bus->in_beat |= uint64_t{words[given++]} << (32 * bus->in_parts);
        if (bus->in_parts < parts(top)) return given;
        if (!top.s_axis_tvalid) bus->rest();
        top.s_axis_tkeep = (1u << 4 * parts(top)) - 1u;
        top.s_axis_tdata = bus->in_beat;
        top.s_axis_tvalid = 1;  // An offer stays until it is taken, beyond this call.
        for (int cycle = 0; top.s_axis_tvalid && cycle < patience_cycles; ++cycle) bus->step();
        if (top.s_axis_tvalid) return given;
    }
}

EXPORT int bus_take(void* context, uint32_t* words, int most) {
    Bus* bus = static_cast<Bus*>(context);
    const Current current(bus->context);
    Vtop& top = *bus->top;
    int taken = 0;
    for (int cycle = 0; taken < most && cycle < patience_cycles; ++cycle) {
        if (bus->out_parts) {
            words[taken++] = static_cast<uint32_t>(bus->out_beat);
            bus->out_beat >>= 32;
            --bus->out_parts;
            continue;
        }
        top.m_axis_tready = !bus->pauses.next();
        top.eval();
        if (top.m_axis_tready && top.m_axis_tvalid) {
            bus->out_beat = top.m_axis_tdata;
            bus->out_parts = parts(top);
        }
        bus->step();
        top.m_axis_tready = 0;
    }
    return taken;
}

#endif
