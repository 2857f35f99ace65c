// A Verilated board top with the pins of an FT2232H, behind the C interface of uart_harness.cpp.
//
// The model has the ports clk, rst, led and those of hw/bus/ft245.py. The chip on these pins is a
// model by its data sheet: a clock of 60 MHz beside that of the board, and the rules of synchronous
// FIFO mode, which are checked at each of its edges.

#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "verilated.h"
#include "harness_context.h"

namespace {

constexpr uint64_t chip_hz = 60'000'000;
constexpr uint32_t most_pause = 30;

struct Board {
    VerilatedContext context;
    std::unique_ptr<Vtop> top;
    uint64_t cycles = 0;
    // In units of which a second has clock_hz * chip_hz.
    uint64_t clock_hz = 0, next_clk = 0, next_chip = 0;
    uint32_t pauses_per_mille = 0, rx_pause = 0, tx_pause = 0;
    uint64_t random = 1;
    // Outputs at the chip's edge before, and whether TXE# was high then.
    bool oe_before = false, drive_before = false, write_before = false, full_before = true;
    bool broken = false;

    ~Board() {
        const Current current(context);
        if (top) top->final();
        top.reset();
    }
    uint32_t draw() {  // xorshift64 (Marsaglia 2003)
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        return static_cast<uint32_t>(random >> 16);
    }
    uint32_t paused(uint32_t left) {
        if (left) return left - 1;
        return pauses_per_mille && draw() % 1000 < pauses_per_mille ? draw() % most_pause + 1 : 0;
    }
};

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT Board* board_create(uint32_t clock_hz) {
    auto board = std::make_unique<Board>();
    const Current current(board->context);
    board->context.fatalOnError(false);
    board->top = std::make_unique<Vtop>(&board->context, "");
    board->clock_hz = clock_hz;
    board->top->rst = 0;
    board->top->rxf_n = 1;
    board->top->txe_n = 1;
    return board.release();
}

EXPORT void board_destroy(Board* board) { delete board; }

EXPORT uint64_t board_cycles(const Board* board) { return board->cycles; }

EXPORT int board_led(const Board* board) { return board->top->led; }

// How often RXF# or TXE# rise, of 1000 edges at which they might not, for 1 to 30 edges.
EXPORT void board_pause(Board* board, uint32_t per_mille, uint32_t seed) {
    board->pauses_per_mille = per_mille;
    board->random = 2u * seed + 1u;
}

// As in uart_harness.cpp; it returns 2 if the board broke a rule of the chip.
EXPORT int board_run(Board* board, const uint8_t* in, uint64_t in_count, uint64_t* in_cycles,
                     uint64_t* in_done, uint8_t* out, uint64_t out_size, uint64_t* out_cycles,
                     uint64_t* out_done, uint64_t cycles) {
    const Current current(board->context);
    Vtop& top = *board->top;
    uint64_t taken = 0;
    uint64_t given = 0;
    const uint64_t end = board->cycles + cycles;
    while (board->cycles < end && given < out_size && !board->broken) {
        if (board->next_clk <= board->next_chip) {
            board->next_clk += chip_hz;
            top.clk = 0;
            top.eval();
            top.clk = 1;
            top.eval();
            ++board->cycles;
            if (board->context.gotError()) break;
            continue;
        }
        board->next_chip += board->clock_hz;
        top.clkout = 0;
        // What is offered since the call before may have come to an end with it.
        if (taken == in_count) top.rxf_n = 1;
        top.eval();
        const bool oe = !top.oe_n, reads = !top.rd_n, writes = !top.wr_n, drive = top.data_oe;
        board->broken = (reads && !(oe && board->oe_before)) || (drive && (oe || board->oe_before)) ||
                        (board->drive_before && oe) || (writes && !drive) ||
                        (writes && board->write_before && board->full_before && top.txe_n);
        if (reads && !top.rxf_n) in_cycles[taken++] = board->cycles;
        if (writes && !top.txe_n) {
            out_cycles[given] = board->cycles;
            out[given++] = top.data_o;
        }
        board->oe_before = oe;
        board->drive_before = drive;
        board->write_before = writes;
        board->full_before = top.txe_n;
        top.clkout = 1;
        top.eval();
        board->rx_pause = board->paused(board->rx_pause);
        board->tx_pause = board->paused(board->tx_pause);
        top.rxf_n = taken == in_count || board->rx_pause;
        top.txe_n = board->tx_pause != 0;
        top.data_i = oe && !top.rxf_n ? in[taken] : static_cast<uint8_t>(board->draw());
        top.eval();
    }
    *in_done = taken;
    *out_done = given;
    return board->broken ? 2 : board->context.gotError();
}
