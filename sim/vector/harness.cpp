// A design in vectors behind the C interface of `sim/model/harness.cpp`: `sim/vector/model.py` calls
// it. What a function means stands there.
//
// `design.h` is what `sim/vector/program.py` writes.

#include <cstdint>
#include <cstring>
#include <memory>
#include <vector>

#include "design.h"
#include "harness_stalls.h"

namespace {

struct Model {
    Simulation design{};
    uint64_t cycles = 0;
    Stalls stalls_in;
    Stalls stalls_out;
    bool offering = false;  // A beat that was offered stays so until it is taken.
};

static_assert(host_in_data_bytes == host_out_data_bytes, "both streams have one width");
static_assert(host_in_data_bytes % sizeof(uint32_t) == 0, "a beat is whole 32-bit words");
constexpr uint64_t beat_bytes = host_in_data_bytes;

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT uint32_t model_beat_bytes() { return beat_bytes; }

EXPORT Model* model_create(const char*) {
    auto model = std::make_unique<Model>();
    start(model->design);
    return model.release();
}

EXPORT int model_destroy(Model* model) {
    delete model;
    return 0;
}

EXPORT void model_pause_trace(Model*, int) {}

EXPORT int model_trace_error(const Model*) { return 0; }

EXPORT uint64_t model_cycles(const Model* model) { return model->cycles; }

EXPORT void model_reset(Model* model, uint64_t cycles) {
    put_rst(model->design, true);
    put_host_in_valid(model->design, false);
    put_host_out_ready(model->design, false);
    model->offering = false;
    for (uint64_t i = 0; i < cycles; ++i) {
        settle(model->design);
        rise(model->design);
        ++model->cycles;
    }
    put_rst(model->design, false);
}

EXPORT void model_begin(Model* model, uint64_t seed_in, uint32_t in_per_mille, uint64_t seed_out,
                        uint32_t out_per_mille) {
    model->offering = false;
    model->stalls_in.seed(seed_in, in_per_mille);
    model->stalls_out.seed(seed_out, out_per_mille);
}

EXPORT int model_run(Model* model, const uint8_t* in, uint64_t in_count, uint64_t* in_cycles,
                     uint64_t* in_done, uint8_t* out, uint64_t out_count, uint64_t* out_cycles,
                     uint64_t* out_done, uint64_t max_cycles) {
    Simulation& design = model->design;
    uint64_t taken = 0;
    uint64_t given = 0;
    for (uint64_t i = 0; i < max_cycles && (taken < in_count || given < out_count); ++i) {
        if (!model->offering && taken < in_count && !model->stalls_in.next()) {
            put_host_in_data(design, in + taken * beat_bytes);
            model->offering = true;
        }
        const bool ready = given < out_count && !model->stalls_out.next();
        put_host_in_valid(design, model->offering);
        put_host_out_ready(design, ready);
        settle(design);
        if (model->offering && get_host_in_ready(design)) {
            in_cycles[taken++] = model->cycles;
            model->offering = false;
        }
        if (get_host_out_valid(design) && ready) {
            get_host_out_data(design, out + given * beat_bytes);
            out_cycles[given++] = model->cycles;
        }
        rise(design);
        ++model->cycles;
    }
    *in_done = taken;
    *out_done = given;
    return 0;
}
