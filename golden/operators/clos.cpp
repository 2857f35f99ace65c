// A Clos layer of few samples, and its gradients, each in one call: see `library.py`.
//
// Of n samples, values behind the input stage lie as [n, Ri, Rm], those before the output stage as
// [n, Ro, Rm]; both are kept for the gradients, one behind the other.

#include <vector>

#include "layer.h"
#include "products.h"

namespace {

using products::Results;
using products::Values;

// Memory of this thread, which keeps it: [0, count) and [count, 2 count).
float* room(int64_t count) {
    thread_local std::vector<float> memory;
    if (static_cast<int64_t>(memory.size()) < 2 * count) memory.resize(2 * count);
    return memory.data();
}

void turn(const float* from, int64_t rows, int64_t columns, float* to) {
    for (int64_t r = 0; r < rows; ++r)
        for (int64_t c = 0; c < columns; ++c) to[c * rows + r] = from[r * columns + c];
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
        turn(middle_out + i * size, l.rm, l.ro, output_in + i * size);
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
        turn(first + i * outer_size, l.ro, l.rm, second + i * outer_size);
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
}
