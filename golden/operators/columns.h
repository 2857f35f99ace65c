// Products of small matrices with columns of samples: a value of all samples lies in order.

#pragma once

#include <algorithm>

#include "vectors.h"

namespace columns {

using vectors::Vector;
using vectors::WIDTH;

struct Matrix {  // Element (i, k) lies at `at + i * row + k * depth`.
    const float* at;
    int64_t row;
    int64_t depth;
};

// Rows of a block of one vector of samples and of two: what fits into the registers.
constexpr int ROWS[] = {0, WIDTH == 16 ? 16 : 8, WIDTH == 16 ? 8 : 6};

// Compute, or add to it if ADD, to[i, n] = sum over k of a[i, k] x[k, n]: R rows, V vectors.
template <int R, int V, bool ADD>
inline void block(Matrix a, int64_t depth, const float* x, int64_t x_step, float* to,
                  int64_t to_step, int64_t last) {
    Vector total[R][V];
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int v = 0; v < V; ++v) {
            if (!ADD) total[i][v] = vectors::zero();
            else if (v < V - 1 || last == WIDTH)
                total[i][v] = vectors::load(to + i * to_step + v * WIDTH);
            else total[i][v] = vectors::load(to + i * to_step + v * WIDTH, last);
        }
    for (int64_t k = 0; k < depth; ++k) {
        const float* from = x + k * x_step;
        Vector value[V];
#pragma GCC unroll 4
        for (int v = 0; v < V - 1; ++v) value[v] = vectors::load(from + v * WIDTH);
        value[V - 1] = last == WIDTH ? vectors::load(from + (V - 1) * WIDTH)
                                     : vectors::load(from + (V - 1) * WIDTH, last);
#pragma GCC unroll 16
        for (int i = 0; i < R; ++i) {
            Vector weight = vectors::all(a.at[i * a.row + k * a.depth]);
#pragma GCC unroll 4
            for (int v = 0; v < V; ++v) total[i][v] = vectors::fused(weight, value[v], total[i][v]);
        }
    }
#pragma GCC unroll 16
    for (int i = 0; i < R; ++i) {
#pragma GCC unroll 4
        for (int v = 0; v < V - 1; ++v) vectors::store(to + i * to_step + v * WIDTH, total[i][v]);
        float* end = to + i * to_step + (V - 1) * WIDTH;
        if (last == WIDTH) vectors::store(end, total[i][V - 1]);
        else vectors::store(end, total[i][V - 1], last);
    }
}

template <int V, bool ADD>
inline void strip(Matrix a, int64_t rows, int64_t depth, const float* x, int64_t x_step, float* to,
                  int64_t to_step, int64_t last) {
    constexpr int R = ROWS[V];
    auto next = [&](int64_t done) {
        a.at += done * a.row;
        to += done * to_step;
        rows -= done;
    };
    for (; rows >= R; next(R)) block<R, V, ADD>(a, depth, x, x_step, to, to_step, last);
    if (R > 8 && rows >= 8) {
        block<8, V, ADD>(a, depth, x, x_step, to, to_step, last);
        next(8);
    }
    for (; rows >= 4; next(4)) block<4, V, ADD>(a, depth, x, x_step, to, to_step, last);
    if (rows >= 2) {
        block<2, V, ADD>(a, depth, x, x_step, to, to_step, last);
        next(2);
    }
    if (rows) block<1, V, ADD>(a, depth, x, x_step, to, to_step, last);
}

// Compute, or add to it if ADD, to[i, n] = sum over k of a[i, k] x[k, n] for all samples.
template <bool ADD>
inline void multiply(Matrix a, int64_t rows, int64_t depth, const float* x, int64_t x_step,
                     float* to, int64_t to_step, int64_t samples) {
    while (samples > 0) {
        int64_t vectors = samples > WIDTH ? 2 : 1;
        int64_t last = std::min(samples - (vectors - 1) * WIDTH, WIDTH);
        if (vectors == 1) strip<1, ADD>(a, rows, depth, x, x_step, to, to_step, last);
        else strip<2, ADD>(a, rows, depth, x, x_step, to, to_step, last);
        x += vectors * WIDTH;
        to += vectors * WIDTH;
        samples -= vectors * WIDTH;
    }
}

// Compute to[i, j] = sum over n of a[i, n] b[j, n], or add it, for R rows and four columns, of which
// `count` are.
template <int R>
inline void outer_block(const float* a, int64_t a_step, const float* b, int64_t b_step,
                        int64_t samples, float* to, int64_t to_step, int64_t count, bool add) {
    Vector total[R][4];
#pragma GCC unroll 4
    for (int i = 0; i < R; ++i)
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) total[i][j] = vectors::zero();
    const float* row[4];
    for (int64_t j = 0; j < 4; ++j) row[j] = b + std::min(j, count - 1) * b_step;
    int64_t n = 0;
    for (; n + WIDTH <= samples; n += WIDTH) {
        Vector right[4];
#pragma GCC unroll 4
        for (int j = 0; j < 4; ++j) right[j] = vectors::load(row[j] + n);
#pragma GCC unroll 4
        for (int i = 0; i < R; ++i) {
            Vector left = vectors::load(a + i * a_step + n);
#pragma GCC unroll 4
            for (int j = 0; j < 4; ++j) total[i][j] = vectors::fused(left, right[j], total[i][j]);
        }
    }
    if (int64_t last = samples - n)
        for (int i = 0; i < R; ++i) {
            Vector left = vectors::load(a + i * a_step + n, last);
            for (int j = 0; j < 4; ++j)
                total[i][j] = vectors::fused(left, vectors::load(row[j] + n, last), total[i][j]);
        }
    float found[R][4];
    if constexpr (R == 4) vectors::sums(total, found);
    else for (int i = 0; i < R; ++i) vectors::sums(total[i], found[i]);
    for (int i = 0; i < R; ++i, to += to_step) {
        if (add)
            for (int64_t j = 0; j < count; ++j) found[i][j] += to[j];
        if (count == 4) std::copy_n(found[i], 4, to);
        else std::copy_n(found[i], count, to);
    }
}

// Compute to[i, j] = sum over n of a[i, n] b[j, n], a matrix in order, or add it.
inline void outer(const float* a, int64_t a_step, int64_t rows, const float* b, int64_t b_step,
                  int64_t columns, int64_t samples, float* to, bool add) {
    constexpr int R = WIDTH == 16 ? 4 : 2;  // What fits into the registers.
    for (int64_t j = 0; j < columns; j += 4) {
        const float* right = b + j * b_step;
        int64_t count = std::min<int64_t>(columns - j, 4), i = 0;
        for (; i + R <= rows; i += R)
            outer_block<R>(a + i * a_step, a_step, right, b_step, samples, to + i * columns + j,
                           columns, count, add);
        for (; i < rows; ++i)
            outer_block<1>(a + i * a_step, a_step, right, b_step, samples, to + i * columns + j,
                           columns, count, add);
    }
}

}  // namespace columns
