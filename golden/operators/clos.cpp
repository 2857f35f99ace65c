// A Clos layer of few samples, and its gradients, each in one call: see `library.py`.
//
// Of n samples, values behind the input stage lie as [n, Ri, Rm], those before the output stage as
// [n, Ro, Rm]; both are kept for the gradients, one behind the other.

#include <vector>

#include "layer.h"
#include "map.h"
#include "parts.h"
#include "products.h"

namespace {

using parts::PART;
using parts::pack;
using parts::turn;
using products::Results;
using products::Values;

// Memory of this thread, which keeps it: [0, count) and [count, 2 count).
float* room(int64_t count) {
    thread_local std::vector<float> memory;
    if (static_cast<int64_t>(memory.size()) < 2 * count) memory.resize(2 * count);
    return memory.data();
}

void hidden(const Layer& l, int64_t n, const float* x, const float* w1, const float* w2,
            float* kept) {
    float *middle_in = kept, *output_in = kept + n * l.ri * l.rm;
    for (int64_t r = 0; r < l.ri; ++r) {
        int64_t start = l.in.start(r);
        products::combine(w1 + start * l.rm, l.in.count(r), l.rm, n, {x + start, l.inputs, 1},
                          middle_in + r * l.rm, l.ri * l.rm);
    }
    int64_t size = l.rm * l.ro;
    float* middle_out = room(n * size);
    for (int64_t m = 0; m < l.rm; ++m)
        products::combine(w2 + m * l.ri * l.ro, l.ri, l.ro, n, {middle_in + m, l.ri * l.rm, l.rm},
                          middle_out + m * l.ro, size);
    for (int64_t i = 0; i < n; ++i)
        turn(middle_out + i * size, l.ro, 1, l.rm, l.ro, output_in + i * size, l.rm);
}

}  // namespace

extern "C" {

// Compute y [n, O] of x [n, I], and what is kept.
void clos_forward(const int64_t* shape, int64_t n, const float* x, const float* w1,
                  const float* w2, const float* w3, float* kept, float* y) {
    Layer l(shape);
    hidden(l, n, x, w1, w2, kept);
    const float* output_in = kept + n * l.ri * l.rm;
    for (int64_t r = 0; r < l.ro; ++r) {
        int64_t start = l.out.start(r);
        products::dots(w3 + start * l.rm, l.out.count(r), l.rm, n, output_in + r * l.rm,
                       l.ro * l.rm, {y + start, l.outputs, 1});
    }
}

// Compute again what was not kept.
void clos_hidden(const int64_t* shape, int64_t n, const float* x, const float* w1,
                 const float* w2, float* kept) {
    hidden(Layer(shape), n, x, w1, w2, kept);
}

// Compute the gradients that have somewhere to go, of those of y [n, O].
void clos_backward(const int64_t* shape, int64_t n, const float* x, const float* w1,
                   const float* w2, const float* w3, const float* kept, const float* of_y,
                   float* of_x, float* of_w1, float* of_w2, float* of_w3) {
    Layer l(shape);
    int64_t outer_size = l.ro * l.rm, inner_size = l.ri * l.rm;
    const float *middle_in = kept, *output_in = kept + n * inner_size;
    bool further = of_x || of_w1, middle = further || of_w2;
    float* first = room(n * std::max(outer_size, inner_size));
    float* second = first + n * std::max(outer_size, inner_size);
    for (int64_t r = 0; r < l.ro; ++r) {
        int64_t start = l.out.start(r), count = l.out.count(r);
        Values given{of_y + start, l.outputs, 1};
        if (of_w3)
            products::outer(of_w3 + start * l.rm, count, l.rm, n, given, output_in + r * l.rm,
                            outer_size);
        if (middle)
            products::combine(w3 + start * l.rm, count, l.rm, n, given, first + r * l.rm,
                              outer_size);
    }
    if (!middle) return;
    for (int64_t i = 0; i < n; ++i)
        turn(first + i * outer_size, l.rm, 1, l.ro, l.rm, second + i * outer_size, l.ro);
    for (int64_t m = 0; m < l.rm; ++m) {
        const float* of_middle = second + m * l.ro;
        if (of_w2)
            products::outer(of_w2 + m * l.ri * l.ro, l.ri, l.ro, n,
                            {middle_in + m, inner_size, l.rm}, of_middle, outer_size);
        if (further)
            products::dots(w2 + m * l.ri * l.ro, l.ri, l.ro, n, of_middle, outer_size,
                           {first + m, inner_size, l.rm});
    }
    for (int64_t r = 0; further && r < l.ri; ++r) {
        int64_t start = l.in.start(r), count = l.in.count(r);
        const float* of_router = first + r * l.rm;
        if (of_w1)
            products::outer(of_w1 + start * l.rm, count, l.rm, n, {x + start, l.inputs, 1},
                            of_router, inner_size);
        if (of_x)
            products::dots(w1 + start * l.rm, count, l.rm, n, of_router, inner_size,
                           {of_x + start, l.inputs, 1});
    }
}

// As `clos_forward` for more samples: of x [n, I], whose samples and features lie so far apart,
// y [O, n]. What is kept has the order of `Map`, part by part; it may be null.
void clos_columns(const int64_t* shape, int64_t n, const float* x, const float* w1,
                  const float* w2, const float* w3, float* kept, float* y, int64_t sample,
                  int64_t feature) {
    std::vector<float> part(shape[0] * PART);
    for (int64_t at = 0; at < n; at += PART) {
        int64_t count = std::min(n - at, PART);
        pack({x, 0, feature, sample}, shape[0], 0, 1, at, count, part.data());
        Map map(shape, count, w1, w2, w3, kept);
        map.compute<false>(part.data(), y + at, n);
        if (kept) kept += map.size();
    }
}

// As `clos_backward` for what `clos_columns` has kept, or null: of the same x, and of of_y [n, O],
// whose samples and features lie so far apart, too; of_x [I, n].
void clos_columns_backward(const int64_t* shape, int64_t n, const float* x, const float* w1,
                           const float* w2, const float* w3, float* kept, const float* of_y,
                           float* of_x, float* of_w1, float* of_w2, float* of_w3, int64_t sample,
                           int64_t feature, int64_t of_sample, int64_t of_feature) {
    std::vector<float> part(shape[0] * PART), of_part(shape[1] * PART);
    for (int64_t at = 0; at < n; at += PART) {
        int64_t count = std::min(n - at, PART);
        pack({x, 0, feature, sample}, shape[0], 0, 1, at, count, part.data());
        pack({of_y, 0, of_feature, of_sample}, shape[1], 0, 1, at, count, of_part.data());
        Map forward(shape, count, w1, w2, w3, kept), back(shape, count, w1, w2, w3);
        if (kept) kept += forward.size();
        else forward.hidden(part.data());
        if (of_x) back.transposed<false>(of_part.data(), of_x + at, n);
        else back.hidden_transposed(of_part.data());
        forward.add_gradients(back, part.data(), of_part.data(), of_w1, of_w2, of_w3, at > 0);
    }
}
}
