// A design in vectors behind the C interface of `sim/model/harness.cpp`: `sim/vector/model.py` calls
// it. What a function means stands there.
//
// `design.h` is what `sim/vector/program.py` writes.

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "design.h"
#include "harness_probes.h"
#include "harness_stalls.h"

namespace {

struct Model {
    Simulation design{};
    uint64_t cycles = 0;
    Stalls stalls_in;
    Stalls stalls_out;
    std::vector<Probe> probes;
    std::vector<Span> spans;
    bool offering = false;  // A beat that was offered stays so until it is taken.
    bool shown = true;      // Whether signals are those of what registers and memories hold.

    // Computes the signals again, after a register or a memory was changed from outside, or to read
    // them between two cycles.
    void show() {
        if (shown) return;
        ::show(design);
        settle(design);
        shown = true;
    }
    void probe() {
        for (size_t i = 0; i < probes.size(); ++i) probes[i].see(i, cycles, spans);
    }
};

// A variable, and in which copy of its module it is.
struct Found {
    const Named* named = nullptr;
    int copy = 0;
};

Found find(const std::string& scope, const std::string& name) {
    Found found;
    size_t longest = 0;
    for (const Instance& instance : instances) {
        const size_t length = std::strlen(instance.name);
        if (length < longest || scope.compare(0, length, instance.name) ||
            (scope.size() > length && scope[length] != '.'))
            continue;
        const std::string inside =
            scope.size() > length ? scope.substr(length + 1) + "." + name : name;
        longest = length;
        found = {};
        for (size_t i = 0; i < instance.count; ++i)
            if (inside == instance.first[i].name) found = {&instance.first[i], instance.copy};
    }
    return found;
}

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
    for (Probe& probe : model->probes) probe.open = false;
    model->show();
    model->shown = false;
    for (uint64_t i = 0; i < cycles; ++i) {
        settle(model->design);
        rise(model->design);
        ++model->cycles;
    }
    put_rst(model->design, false);
}

EXPORT void* model_find(Model* model, const char* scope, const char* name, uint64_t* words,
                        uint32_t* word_bits) {
    const Found found = find(scope, name);
    if (!found.named || !(found.named->flip || found.named->stride)) return nullptr;
    *words = found.named->words;
    *word_bits = found.named->bits;
    // What has no place has too many bits, which whoever asks finds first.
    return found.named->place ? found.named->place(model->design, found.copy) : model;
}

// Bytes from a word of a memory that was found to the next; 0 of a signal.
EXPORT uint32_t model_stride(const char* scope, const char* name) {
    return find(scope, name).named->stride;
}

// Flips a bit of a word of a memory, or of a register. Returns 0 if the bit is computed.
EXPORT int model_flip(Model* model, const char* scope, const char* name, uint64_t word,
                      uint32_t bit) {
    const auto [named, copy] = find(scope, name);
    if (!named) return 0;
    model->shown = false;
    if (!named->stride) return named->flip && named->flip(model->design, copy, bit);
    // Words are little-endian.
    static_cast<uint8_t*>(named->place(model->design, copy))[word * named->stride + bit / 8] ^=
        uint8_t(1 << bit % 8);
    return 1;
}

// Signals are to be read, which are computed from what is held if anything has changed.
EXPORT void model_show(Model* model) { model->show(); }

EXPORT void model_add_probe(Model* model) { model->probes.emplace_back(); }

EXPORT int model_add_variable(Model* model, const char* scope, const char* name, int role) {
    const Found found = find(scope, name);
    if (!found.named || found.named->stride || !found.named->place) return 1;
    model->probes.back().add(
        {found.named->place(model->design, found.copy), found.named->bytes}, role);
    return 0;
}

EXPORT uint64_t model_span_count(const Model* model) { return model->spans.size(); }

EXPORT void model_take_spans(Model* model, uint64_t* spans) {
    if (!model->spans.empty())
        std::memcpy(spans, model->spans.data(), model->spans.size() * sizeof(Span));
    model->spans.clear();
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
    model->show();
    model->shown = false;
    for (uint64_t i = 0; i < max_cycles && (taken < in_count || given < out_count); ++i) {
        if (!model->offering && taken < in_count && !model->stalls_in.next()) {
            put_host_in_data(design, in + taken * beat_bytes);
            model->offering = true;
        }
        const bool ready = given < out_count && !model->stalls_out.next();
        put_host_in_valid(design, model->offering);
        put_host_out_ready(design, ready);
        settle(design);
        model->probe();
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
