// The steps of an LSTM and of a GRU whose maps are Clos layers, and their gradients: `library.py`.
//
// Values have their samples innermost, [T, K, N]; they are those of `golden.recurrent.cells`.

#include <optional>
#include <vector>

#include "map.h"
#include "parts.h"
#include "sigmoid.h"

namespace {

using parts::each;
using parts::in_parts;
using parts::pack;
using parts::PART;
using parts::read;
using parts::write;
using vectors::Vector;

// a - a b
inline Vector without(Vector a, Vector b) {
    return vectors::fused(vectors::product(a, vectors::all(-1.0f)), b, a);
}

}  // namespace

extern "C" {

// Compute y [T, O, N] of x [T, N, I], and add a bias, if there is one.
void map_forward(const int64_t* shape, int64_t times, int64_t samples, const float* w1,
                 const float* w2, const float* w3, const float* bias, const float* x, float* y) {
    int64_t inputs = shape[0], outputs = shape[1];
    std::vector<float> part(inputs * PART), of_part(outputs * PART);
    std::optional<Map> map;
    in_parts(times, samples, [&](int64_t t, int64_t steps, int64_t n, int64_t count) {
        pack({x, samples * inputs, 1, inputs}, inputs, t, steps, n, count, part.data());
        int64_t all = steps * count;
        if (!map || map->samples() != all) map.emplace(shape, all, w1, w2, w3);
        map->compute<false>(part.data(), of_part.data(), all);
        for (int64_t step = 0; step < steps; ++step)
            for (int64_t o = 0; o < outputs; ++o) {
                const float* from = &of_part[o * all + step * count];
                float* to = y + ((t + step) * outputs + o) * samples + n;
                Vector own = vectors::all(bias ? bias[o] : 0.0f);
                each(count, [&](int64_t at, int64_t left) {
                    write(to + at, vectors::sum(read(from + at, left), own), left);
                });
            }
    });
}

// Add the gradients of the weights and of a bias for x [T, I, N], whose values lie so far apart,
// and gradients of y [T, O, N]; fill those of x [T, N, I], if they have somewhere to go.
void map_backward(const int64_t* shape, int64_t times, int64_t samples, int64_t x_time,
                  int64_t x_feature, int64_t x_sample, const float* w1, const float* w2,
                  const float* w3, const float* x, const float* of_y, float* of_x, float* of_w1,
                  float* of_w2, float* of_w3, float* of_bias) {
    int64_t inputs = shape[0], outputs = shape[1];
    std::vector<float> part(inputs * PART), of_part(outputs * PART), back_part(inputs * PART);
    std::optional<Map> forward, back;
    in_parts(times, samples, [&](int64_t t, int64_t steps, int64_t n, int64_t count) {
        pack({x, x_time, x_feature, x_sample}, inputs, t, steps, n, count, part.data());
        pack({of_y, outputs * samples, samples, 1}, outputs, t, steps, n, count, of_part.data());
        int64_t all = steps * count;
        if (!forward || forward->samples() != all) {
            forward.emplace(shape, all, w1, w2, w3);
            back.emplace(shape, all, w1, w2, w3);
        }
        forward->hidden(part.data());
        if (of_x) {
            back->transposed<false>(of_part.data(), back_part.data(), all);
            for (int64_t s = 0; s < all; ++s) {
                float* to = of_x + ((t + s / count) * samples + n + s % count) * inputs;
                for (int64_t i = 0; i < inputs; ++i) to[i] = back_part[i * all + s];
            }
        } else back->hidden_transposed(of_part.data());
        forward->add_gradients(*back, part.data(), of_part.data(), of_w1, of_w2, of_w3);
        for (int64_t o = 0; o < outputs; ++o) {
            Vector total[4] = {vectors::zero(), vectors::zero(), vectors::zero(), vectors::zero()};
            each(all, [&](int64_t at, int64_t left) {
                total[0] = vectors::sum(total[0], read(&of_part[o * all + at], left));
            });
            float found[4];
            vectors::sums(total, found);
            of_bias[o] += found[0];
        }
    });
}

// Compute steps of sums [T, 4 H, N], h [T + 1, H, N] and twice c [T + 1, H, N].
void lstm_forward(const int64_t* shape, int64_t times, int64_t n, const float* w1, const float* w2,
                  const float* w3, float* sums, float* hidden, float* more) {
    Map map(shape, n, w1, w2, w3);
    int64_t size = shape[0] * n;
    for (int64_t t = 0; t < times; ++t, sums += 4 * size, hidden += size, more += size) {
        map.compute<true>(hidden, sums, n);
        each(size, [&](int64_t at, int64_t count) {
            float* gate = sums + at;
            Vector in = vectors::sigmoid(read(gate, count));
            Vector keep = vectors::sigmoid(read(gate + size, count));
            Vector fresh = vectors::tangent(read(gate + 2 * size, count));
            Vector out = vectors::sigmoid(read(gate + 3 * size, count));
            Vector twice = vectors::product(in, vectors::sum(fresh, fresh));
            twice = vectors::fused(keep, read(more + at, count), twice);
            Vector signal = vectors::fused(vectors::all(2.0f), vectors::sigmoid(twice),
                                           vectors::all(-1.0f));
            write(gate, in, count);
            write(gate + size, keep, count);
            write(gate + 2 * size, fresh, count);
            write(gate + 3 * size, out, count);
            write(more + size + at, twice, count);
            write(hidden + size + at, vectors::product(out, signal), count);
        });
    }
}

// Compute back: gradients of h [T + 1, H, N], to which those of later steps are added, of c [H, N]
// behind these steps, then before them, and of c itself [T, H, N], if there are any; those of the
// sums [T, 4 H, N] are filled.
void lstm_backward(const int64_t* shape, int64_t times, int64_t n, const float* w1,
                   const float* w2, const float* w3, const float* sums, const float* more,
                   float* of_hidden, float* carry, const float* of_cells, float* of_sums) {
    Map map(shape, n, w1, w2, w3);
    int64_t size = shape[0] * n;
    for (int64_t t = times - 1; t >= 0; --t) {
        const float *gates = sums + t * 4 * size, *before = more + t * size;
        float *to = of_sums + t * 4 * size, *of_output = of_hidden + (t + 1) * size;
        each(size, [&](int64_t at, int64_t count) {
            Vector in = read(gates + at, count), keep = read(gates + size + at, count);
            Vector fresh = read(gates + 2 * size + at, count);
            Vector out = read(gates + 3 * size + at, count);
            Vector signal = vectors::fused(vectors::all(2.0f),
                                           vectors::sigmoid(read(before + size + at, count)),
                                           vectors::all(-1.0f));
            Vector of = read(of_output + at, count), of_cell = read(carry + at, count);
            if (of_cells) of_cell = vectors::sum(of_cell, read(of_cells + t * size + at, count));
            Vector slope = without(out, vectors::product(signal, signal));
            of_cell = vectors::fused(of, slope, of_cell);
            Vector half = vectors::product(read(before + at, count), vectors::all(0.5f));
            Vector by_in = vectors::product(without(in, in), fresh);
            Vector by_keep = vectors::product(without(keep, keep), half);
            Vector by_fresh = without(in, vectors::product(fresh, fresh));
            Vector by_out = vectors::product(without(out, out), signal);
            write(to + at, vectors::product(of_cell, by_in), count);
            write(to + size + at, vectors::product(of_cell, by_keep), count);
            write(to + 2 * size + at, vectors::product(of_cell, by_fresh), count);
            write(to + 3 * size + at, vectors::product(of, by_out), count);
            write(carry + at, vectors::product(of_cell, keep), count);
        });
        map.transposed<true>(to, of_output - size, n);
    }
}

// Compute steps of sums [T, 3 H, N], h [T + 1, H, N] and the new values [T, H, N], which hold
// twice what the inputs give.
void gru_forward(const int64_t* shape, int64_t times, int64_t n, const float* w1, const float* w2,
                 const float* w3, float* sums, float* hidden, float* more) {
    Map map(shape, n, w1, w2, w3);
    int64_t size = shape[0] * n;
    for (int64_t t = 0; t < times; ++t, sums += 3 * size, hidden += size, more += size) {
        map.compute<true>(hidden, sums, n);
        each(size, [&](int64_t at, int64_t count) {
            Vector reset = vectors::sigmoid(read(sums + at, count));
            Vector keep = vectors::sigmoid(read(sums + size + at, count));
            Vector held = read(sums + 2 * size + at, count);
            Vector twice = vectors::fused(reset, vectors::sum(held, held), read(more + at, count));
            Vector fresh = vectors::fused(vectors::all(2.0f), vectors::sigmoid(twice),
                                          vectors::all(-1.0f));
            Vector after = vectors::fused(keep, read(hidden + at, count), without(fresh, keep));
            write(sums + at, reset, count);
            write(sums + size + at, keep, count);
            write(more + at, fresh, count);
            write(hidden + size + at, after, count);
        });
    }
}

// Compute back, as `lstm_backward`; also the gradients of what the inputs gave [T, 3 H, N].
void gru_backward(const int64_t* shape, int64_t times, int64_t n, const float* w1, const float* w2,
                  const float* w3, const float* sums, const float* hidden, const float* more,
                  float* of_hidden, float* of_sums, float* of_given) {
    Map map(shape, n, w1, w2, w3);
    int64_t size = shape[0] * n;
    for (int64_t t = times - 1; t >= 0; --t) {
        const float *gates = sums + t * 3 * size, *before = hidden + t * size;
        const float* made = more + t * size;
        float *to = of_sums + t * 3 * size, *given = of_given + t * 3 * size;
        float *of_output = of_hidden + (t + 1) * size, *of_before = of_output - size;
        each(size, [&](int64_t at, int64_t count) {
            Vector reset = read(gates + at, count), keep = read(gates + size + at, count);
            Vector held = read(gates + 2 * size + at, count), fresh = read(made + at, count);
            Vector of = read(of_output + at, count);
            Vector other = without(vectors::all(1.0f), keep);  // 1 - keep
            Vector gap = vectors::fused(fresh, vectors::all(-1.0f), read(before + at, count));
            Vector of_keep = vectors::product(of, vectors::product(gap, without(keep, keep)));
            Vector of_fresh = vectors::product(of, without(other, vectors::product(fresh, fresh)));
            Vector of_held = vectors::product(of_fresh, reset);
            Vector of_reset = vectors::product(of_fresh, vectors::product(held, without(reset, reset)));
            write(to + at, of_reset, count);
            write(to + size + at, of_keep, count);
            write(to + 2 * size + at, of_held, count);
            write(given + at, of_reset, count);
            write(given + size + at, of_keep, count);
            write(given + 2 * size + at, of_fresh, count);
            write(of_before + at, vectors::fused(of, keep, read(of_before + at, count)), count);
        });
        map.transposed<true>(to, of_before, n);
    }
}
}
