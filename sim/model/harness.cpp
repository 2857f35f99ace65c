// A Verilated host top behind a small C interface: `sim/model/native.py` calls it.
//
// The model has the ports clk, rst and two streams of one width, host_in (data, valid, ready) and
// host_out. One pass of `step` is one clock cycle: the inputs are set and the logic settles while
// the clock is low, transfers are decided from what is seen then, and the clock rises.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "Vtop.h"
#include "verilated.h"
#include "verilated_sym_props.h"
#include "verilated_syms.h"
#include "harness_context.h"
#include "harness_probes.h"
#include "harness_stalls.h"
#include "harness_trace.h"

namespace {

struct Model {
    VerilatedContext context;
    std::unique_ptr<Vtop> top;
    Trace trace;
    uint64_t cycles = 0;
    Stalls stalls_in;
    Stalls stalls_out;
    std::vector<Probe> probes;
    std::vector<Span> spans;
    bool offering = false;  // A beat that was offered stays so until it is taken.

    ~Model() {
        const Current current(context);
        if (top) top->final();
        trace.close();
        top.reset();
    }
    void settle() {
        top->clk = 0;
        top->eval();
        trace.dump(2 * cycles);
    }
    void rise() {
        top->clk = 1;
        top->eval();
        trace.dump(2 * cycles + 1);
        ++cycles;
    }
    void probe() {
        for (size_t i = 0; i < probes.size(); ++i) probes[i].see(i, cycles, spans);
    }
};

constexpr size_t beat_bytes = sizeof(Vtop::host_in_data);
static_assert(sizeof(Vtop::host_out_data) == beat_bytes, "both streams have one width");
static_assert(beat_bytes % sizeof(uint32_t) == 0, "a beat is whole 32-bit words");

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT uint32_t model_beat_bytes() { return beat_bytes; }

// `trace_path` may be null; a model that was built without tracing ignores it. Returns null if the
// trace cannot be written.
EXPORT Model* model_create(const char* trace_path) {
    auto model = std::make_unique<Model>();
    const Current current(model->context);
    model->context.fatalOnError(false);  // An assertion must not end the process.
#if VM_TRACE
    model->context.traceEverOn(true);
#endif
    model->top = std::make_unique<Vtop>(&model->context, "");
    if (trace_path && !model->trace.open(*model->top, trace_path)) return nullptr;
    model->top->rst = 0;
    model->top->host_in_valid = 0;
    model->top->host_out_ready = 0;
    model->top->eval();
    return model.release();
}

// Returns where a variable is, its words if it is a memory (else 1) and the bits of a word; null if
// the design has no such variable, or it is not accessible.
EXPORT void* model_find(const Model* model, const char* scope_name, const char* name,
                        uint64_t* words, uint32_t* word_bits) {
    const VerilatedScope* scope = model->context.scopeFind(scope_name);
    const VerilatedVar* var = scope ? scope->varFind(name) : nullptr;
    if (!var || !var->isPublicRW() || var->udims() > 1) return nullptr;
    *words = var->udims() ? var->unpackedRanges()[0].elements() : 1;
    *word_bits = var->entBits();
    return var->datap();
}

// Returns the number of the error by which the trace could not be written, 0 if there was none.
EXPORT int model_destroy(Model* model) {
    int error;
    {
        const Current current(model->context);
        error = model->trace.close();
    }
    delete model;
    return error;
}

// What comes is not part of the trace, until it goes on.
EXPORT void model_pause_trace(Model* model, int paused) { model->trace.paused = paused; }

EXPORT int model_trace_error(const Model* model) { return model->trace.error(); }

EXPORT uint64_t model_cycles(const Model* model) { return model->cycles; }

// Also forgets an assertion that has failed.
EXPORT void model_reset(Model* model, uint64_t cycles) {
    const Current current(model->context);
    model->context.gotError(false);
    model->context.gotFinish(false);
    model->top->rst = 1;
    model->top->host_in_valid = 0;
    model->top->host_out_ready = 0;
    model->offering = false;
    for (Probe& probe : model->probes) probe.open = false;
    for (uint64_t i = 0; i < cycles; ++i) {
        model->settle();
        model->rise();
    }
    model->top->rst = 0;
}

// Adds a probe; its variables come next.
EXPORT void model_add_probe(Model* model) { model->probes.emplace_back(); }

// Adds a variable to the latest probe, as its `active` (0), one of `high` (1) or of `low` (2).
// Returns 1 if the design has no such variable, or it cannot be read.
EXPORT int model_add_variable(Model* model, const char* scope_name, const char* name, int role) {
    const VerilatedScope* scope = model->context.scopeFind(scope_name);
    VerilatedVar* var = scope ? scope->varFind(name) : nullptr;
    if (!var) return 1;
    model->probes.back().add({var->datap(), var->entSize()}, role);
    return 0;
}

// Spans that ended since the last call of `model_take_spans`.
EXPORT uint64_t model_span_count(const Model* model) { return model->spans.size(); }

// Copies them: number of the probe, start, end.
EXPORT void model_take_spans(Model* model, uint64_t* spans) {
    if (!model->spans.empty())
        std::memcpy(spans, model->spans.data(), model->spans.size() * sizeof(Span));
    model->spans.clear();
}

// Starts a new list of beats: forgets one that was offered and not taken, and seeds the stalls.
EXPORT void model_begin(Model* model, uint64_t seed_in, uint32_t in_per_mille, uint64_t seed_out,
                        uint32_t out_per_mille) {
    model->offering = false;
    model->stalls_in.seed(seed_in, in_per_mille);
    model->stalls_out.seed(seed_out, out_per_mille);
}

// Runs until `in_count` more beats are taken and `out_count` more are given, or for `max_cycles`.
// `*_done` return the beats transferred; `*_cycles` hold the cycle of each. Returns 0, or 1 if an
// assertion in the design failed.
EXPORT int model_run(Model* model, const uint8_t* in, uint64_t in_count, uint64_t* in_cycles,
                     uint64_t* in_done, uint8_t* out, uint64_t out_count, uint64_t* out_cycles,
                     uint64_t* out_done, uint64_t max_cycles) {
    const Current current(model->context);
    Vtop& top = *model->top;
    uint64_t taken = 0;
    uint64_t given = 0;
    for (uint64_t i = 0; i < max_cycles && (taken < in_count || given < out_count); ++i) {
        if (!model->offering && taken < in_count && !model->stalls_in.next()) {
            std::memcpy(&top.host_in_data, in + taken * beat_bytes, beat_bytes);
            model->offering = true;
        }
        top.host_in_valid = model->offering;
        top.host_out_ready = given < out_count && !model->stalls_out.next();
        model->settle();
        model->probe();
        if (model->offering && top.host_in_ready) {
            in_cycles[taken++] = model->cycles;
            model->offering = false;
        }
        if (top.host_out_valid && top.host_out_ready) {
            std::memcpy(out + given * beat_bytes, &top.host_out_data, beat_bytes);
            out_cycles[given++] = model->cycles;
        }
        model->rise();
        if (model->context.gotError()) break;
    }
    *in_done = taken;
    *out_done = given;
    return model->context.gotError();
}
