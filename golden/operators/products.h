// Products of small matrices with rows of samples, of which there are few.
//
// A matrix lies in order, a row of `columns` numbers behind the other. Samples are given as values
// with a step from one sample to the next, and one from one number of a sample to the next.

#pragma once

#include <algorithm>

#include "vectors.h"

namespace products {

using vectors::Vector;
using vectors::WIDTH;

struct Values {
    const float* at;
    int64_t sample;
    int64_t number;

    float of(int64_t n, int64_t k) const { return at[n * sample + k * number]; }
};

struct Results {
    float* at;
    int64_t sample;
    int64_t number;

    float& of(int64_t n, int64_t k) const { return at[n * sample + k * number]; }
};

// to[n, j] = sum over k of x[n, k] matrix[k, j], of S samples and of V vectors; the last of them
// has `last` numbers.
template <int S, int V>
inline void combine_block(const float* matrix, int64_t rows, int64_t columns, Values x, float* to,
                          int64_t step, int64_t last) {
    constexpr int CHAINS = S * V < 4 ? 2 : 1;  // A sum waits for the one before it.
    Vector total[CHAINS][S][V];
    for (auto& chain : total)
        for (auto& sample : chain)
            for (auto& vector : sample) vector = vectors::zero();
    int64_t k = 0;
    auto add = [&](Vector(&into)[S][V]) {
        const float* row = matrix + k * columns;
        Vector weight[V];
        for (int v = 0; v < V - 1; ++v) weight[v] = vectors::load(row + v * WIDTH);
        weight[V - 1] = last == WIDTH ? vectors::load(row + (V - 1) * WIDTH)
                                      : vectors::load(row + (V - 1) * WIDTH, last);
        for (int n = 0; n < S; ++n) {
            Vector value = vectors::all(x.of(n, k));
            for (int v = 0; v < V; ++v) into[n][v] = vectors::fused(value, weight[v], into[n][v]);
        }
        ++k;
    };
    while (k + CHAINS <= rows)
        for (auto& chain : total) add(chain);
    while (k < rows) add(total[0]);
    for (int n = 0; n < S; ++n)
        for (int v = 0; v < V; ++v) {
            Vector value = total[0][n][v];
            if (CHAINS == 2) value = vectors::sum(value, total[CHAINS - 1][n][v]);
            vectors::store(to + n * step + v * WIDTH, value, v < V - 1 ? WIDTH : last);
        }
}

template <int S>
inline void combine_samples(const float* matrix, int64_t rows, int64_t columns, Values x, float* to,
                            int64_t step) {
    int64_t done = 0;
    for (; done + 4 * WIDTH <= columns; done += 4 * WIDTH)
        combine_block<S, 4>(matrix + done, rows, columns, x, to + done, step, WIDTH);
    int64_t left = columns - done, vectors = (left + WIDTH - 1) / WIDTH;
    int64_t last = left - (vectors - 1) * WIDTH;
    matrix += done;
    to += done;
    if (vectors == 4) combine_block<S, 4>(matrix, rows, columns, x, to, step, last);
    if (vectors == 3) combine_block<S, 3>(matrix, rows, columns, x, to, step, last);
    if (vectors == 2) combine_block<S, 2>(matrix, rows, columns, x, to, step, last);
    if (vectors == 1) combine_block<S, 1>(matrix, rows, columns, x, to, step, last);
}

// to[n, j] = sum over k of x[n, k] matrix[k, j].
inline void combine(const float* matrix, int64_t rows, int64_t columns, int64_t samples, Values x,
                    float* to, int64_t step) {
    int64_t n = 0;
    for (; n + 4 <= samples; n += 4, x.at += 4 * x.sample, to += 4 * step)
        combine_samples<4>(matrix, rows, columns, x, to, step);
    if (samples - n == 3) combine_samples<3>(matrix, rows, columns, x, to, step);
    if (samples - n == 2) combine_samples<2>(matrix, rows, columns, x, to, step);
    if (samples - n == 1) combine_samples<1>(matrix, rows, columns, x, to, step);
}

// to[n, k] = sum over j of matrix[k, j] values[n, j], of four rows and of S samples.
template <int S>
inline void dots_block(const float* const (&row)[4], int64_t columns, const float* values,
                       int64_t step, float (&to)[S][4]) {
    Vector total[S][4];
    for (auto& sample : total)
        for (auto& vector : sample) vector = vectors::zero();
    int64_t j = 0;
    for (; j + WIDTH <= columns; j += WIDTH)
        for (int n = 0; n < S; ++n) {
            Vector value = vectors::load(values + n * step + j);
            for (int k = 0; k < 4; ++k)
                total[n][k] = vectors::fused(vectors::load(row[k] + j), value, total[n][k]);
        }
    if (int64_t left = columns - j)
        for (int n = 0; n < S; ++n) {
            Vector value = vectors::load(values + n * step + j, left);
            for (int k = 0; k < 4; ++k)
                total[n][k] = vectors::fused(vectors::load(row[k] + j, left), value, total[n][k]);
        }
    for (int n = 0; n < S; ++n) vectors::sums(total[n], to[n]);
}

template <int S>
inline void dots_samples(const float* matrix, int64_t rows, int64_t columns, const float* values,
                         int64_t step, Results to) {
    for (int64_t k = 0; k < rows; k += 4) {
        const float* row[4];
        int64_t count = std::min<int64_t>(rows - k, 4);
        for (int64_t i = 0; i < 4; ++i) row[i] = matrix + (k + std::min(i, count - 1)) * columns;
        float found[S][4];
        dots_block<S>(row, columns, values, step, found);
        for (int n = 0; n < S; ++n)
            for (int64_t i = 0; i < count; ++i) to.of(n, k + i) = found[n][i];
    }
}

// to[n, k] = sum over j of matrix[k, j] values[n, j].
inline void dots(const float* matrix, int64_t rows, int64_t columns, int64_t samples,
                 const float* values, int64_t step, Results to) {
    int64_t n = 0;
    for (; n + 4 <= samples; n += 4, values += 4 * step, to.at += 4 * to.sample)
        dots_samples<4>(matrix, rows, columns, values, step, to);
    if (samples - n == 3) dots_samples<3>(matrix, rows, columns, values, step, to);
    if (samples - n == 2) dots_samples<2>(matrix, rows, columns, values, step, to);
    if (samples - n == 1) dots_samples<1>(matrix, rows, columns, values, step, to);
}

// gradient[k, j] = sum over n of x[n, k] values[n, j].
inline void outer(float* gradient, int64_t rows, int64_t columns, int64_t samples, Values x,
                  const float* values, int64_t step) {
    for (int64_t j = 0; j < columns; j += WIDTH) {
        int64_t count = std::min(columns - j, WIDTH);
        if (samples == 1) {
            Vector one = vectors::load(values + j, count);
            for (int64_t k = 0; k < rows; ++k)
                vectors::store(gradient + k * columns + j,
                               vectors::product(vectors::all(x.of(0, k)), one), count);
            continue;
        }
        int64_t k = 0;
        for (; k + 4 <= rows; k += 4) {
            Vector total[4] = {vectors::zero(), vectors::zero(), vectors::zero(), vectors::zero()};
            for (int64_t n = 0; n < samples; ++n) {
                Vector one = vectors::load(values + n * step + j, count);
                for (int64_t i = 0; i < 4; ++i)
                    total[i] = vectors::fused(vectors::all(x.of(n, k + i)), one, total[i]);
            }
            for (int64_t i = 0; i < 4; ++i)
                vectors::store(gradient + (k + i) * columns + j, total[i], count);
        }
        for (; k < rows; ++k) {
            Vector total = vectors::zero();
            for (int64_t n = 0; n < samples; ++n)
                total = vectors::fused(vectors::all(x.of(n, k)),
                                       vectors::load(values + n * step + j, count), total);
            vectors::store(gradient + k * columns + j, total, count);
        }
    }
}

}  // namespace products
