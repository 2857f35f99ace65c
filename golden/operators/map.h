// A Clos map of columns of samples, [I, N] to [O, N], and its gradients.

#pragma once

#include <memory>

#include "columns.h"
#include "layer.h"

class Map {
public:
    // `room` is memory for `size` numbers, in which the results of `hidden` stay.
    Map(const int64_t* shape, int64_t n, const float* w1, const float* w2, const float* w3,
        float* room = nullptr)
        : l(shape), n(n), w1(w1), w2(w2), w3(w3), by_middle(l.rm * n + GAP),
          by_input(l.ri * n + GAP), by_output(l.ro * n + GAP) {
        if (!room) {
            int64_t inside = std::max(l.ri * by_middle, l.rm * by_input);
            own.reset(new float[inside + std::max(l.ro * by_middle, l.rm * by_output)]);
            inner = own.get();
            outer = inner + inside;
            return;
        }
        inner = room;
        outer = room + l.ri * by_middle;
    }

    // Numbers that `hidden` computes, with what lies between them.
    int64_t size() const { return l.ri * by_middle + l.rm * by_output; }

    int64_t samples() const { return n; }

    // Compute y [O, N] of x [I, N], or add it; a value of y begins `step` behind the one before.
    template <bool ADD>
    void compute(const float* x, float* y, int64_t step) {
        hidden(x);
        for (int64_t r = 0; r < l.ro; ++r) {
            int64_t start = l.out.start(r);
            columns::multiply<ADD>({w3 + start * l.rm, l.rm, 1}, l.out.count(r), l.rm,
                                   &outer[r * n], by_output, y + start * step, step, n);
        }
    }

    // Compute the transposed map, x [I, N] of y [O, N], or add it.
    template <bool ADD>
    void transposed(const float* y, float* x, int64_t step) {
        hidden_transposed(y);
        for (int64_t r = 0; r < l.ri; ++r) {
            int64_t start = l.in.start(r);
            columns::multiply<ADD>({w1 + start * l.rm, l.rm, 1}, l.in.count(r), l.rm,
                                   &inner[r * n], by_input, x + start * step, step, n);
        }
    }

    // Compute what is behind the first two stages: [Ri, Rm, N] and [Rm, Ro, N].
    void hidden(const float* x) {
        for (int64_t r = 0; r < l.ri; ++r) {
            int64_t start = l.in.start(r);
            columns::multiply<false>({w1 + start * l.rm, 1, l.rm}, l.rm, l.in.count(r),
                                     x + start * n, n, &inner[r * by_middle], n, n);
        }
        for (int64_t m = 0; m < l.rm; ++m)
            columns::multiply<false>({w2 + m * l.ri * l.ro, 1, l.ro}, l.ro, l.ri, &inner[m * n],
                                     by_middle, &outer[m * by_output], n, n);
    }

    // Compute the same of the transposed map: [Ro, Rm, N] and [Rm, Ri, N].
    void hidden_transposed(const float* y) {
        for (int64_t r = 0; r < l.ro; ++r) {
            int64_t start = l.out.start(r);
            columns::multiply<false>({w3 + start * l.rm, 1, l.rm}, l.rm, l.out.count(r),
                                     y + start * n, n, &outer[r * by_middle], n, n);
        }
        for (int64_t m = 0; m < l.rm; ++m)
            columns::multiply<false>({w2 + m * l.ri * l.ro, l.ro, 1}, l.ri, l.ro, &outer[m * n],
                                     by_middle, &inner[m * by_input], n, n);
    }

    // Compute the gradients of the weights, or add them, where they have somewhere to go: `hidden`
    // was computed of x here, and `hidden_transposed` of the gradients of y in `back`.
    void add_gradients(const Map& back, const float* x, const float* of_y, float* of_w1,
                       float* of_w2, float* of_w3, bool add = true) const {
        for (int64_t r = 0; of_w3 && r < l.ro; ++r) {
            int64_t start = l.out.start(r);
            columns::outer(of_y + start * n, n, l.out.count(r), outer + r * n, by_output, l.rm, n,
                           of_w3 + start * l.rm, add);
        }
        for (int64_t m = 0; of_w2 && m < l.rm; ++m)
            columns::outer(inner + m * n, by_middle, l.ri, back.outer + m * n, by_middle, l.ro, n,
                           of_w2 + m * l.ri * l.ro, add);
        for (int64_t r = 0; of_w1 && r < l.ri; ++r) {
            int64_t start = l.in.start(r);
            columns::outer(x + start * n, n, l.in.count(r), back.inner + r * n, by_input, l.rm, n,
                           of_w1 + start * l.rm, add);
        }
    }

private:
    // Values of one router and of the next would lie in the same place of the cache otherwise.
    static constexpr int64_t GAP = 16;

    Layer l;
    int64_t n;
    const float *w1, *w2, *w3;
    int64_t by_middle, by_input, by_output;  // From a router's values to those of the next one.
    std::unique_ptr<float[]> own;
    float *inner, *outer;
};
