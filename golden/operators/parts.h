// Parts of many samples, each so small that all of it stays in the cache.

#pragma once

#include <algorithm>

#include "vectors.h"

#if defined(__SSE__)
#include <immintrin.h>
#endif

namespace parts {

using vectors::Vector;
using vectors::WIDTH;

// Call `step` with each place of `count` numbers, and how many there are from there on.
template <typename Step>
inline void each(int64_t count, Step step) {
    for (int64_t at = 0; at < count; at += WIDTH) step(at, std::min(count - at, WIDTH));
}

inline Vector read(const float* from, int64_t count) {
    return count == WIDTH ? vectors::load(from) : vectors::load(from, count);
}

inline void write(float* to, Vector value, int64_t count) {
    if (count == WIDTH) vectors::store(to, value);
    else vectors::store(to, value, count);
}

constexpr int64_t PART = 64;  // Samples of which all that is between the stages stays in the cache.

// Bring samples of features, so far apart, to features of samples in order.
inline void turn(const float* from, int64_t sample, int64_t feature, int64_t samples,
                 int64_t features, float* to, int64_t step) {
    int64_t n = 0;
#if defined(__SSE__)
    for (; feature == 1 && n + 4 <= samples; n += 4) {
        const float* at = from + n * sample;
        int64_t k = 0;
        for (; k + 4 <= features; k += 4) {
            __m128 a = _mm_loadu_ps(at + k), b = _mm_loadu_ps(at + sample + k);
            __m128 c = _mm_loadu_ps(at + 2 * sample + k), d = _mm_loadu_ps(at + 3 * sample + k);
            _MM_TRANSPOSE4_PS(a, b, c, d);
            float* row = to + k * step + n;
            _mm_storeu_ps(row, a);
            _mm_storeu_ps(row + step, b);
            _mm_storeu_ps(row + 2 * step, c);
            _mm_storeu_ps(row + 3 * step, d);
        }
        for (; k < features; ++k)
            for (int64_t i = 0; i < 4; ++i) to[k * step + n + i] = at[i * sample + k];
    }
#endif
    for (; n < samples; ++n)
        for (int64_t k = 0; k < features; ++k) to[k * step + n] = from[n * sample + k * feature];
}

struct Steps {  // Values [T, K, N]: where they are, and how far apart.
    const float* at;
    int64_t time, feature, sample;
};

// The steps and samples that are computed at once: whole steps, or a part of one.
template <typename Do>
void in_parts(int64_t times, int64_t samples, Do compute) {
    int64_t most = std::max<int64_t>(PART / samples, 1);
    for (int64_t t = 0; t < times; t += most)
        for (int64_t n = 0; n < samples; n += PART)
            compute(t, std::min(most, times - t), n, std::min(PART, samples - n));
}

// Bring such steps and samples to [K, steps samples], in order.
inline void pack(Steps from, int64_t features, int64_t t, int64_t times, int64_t n, int64_t samples,
          float* to) {
    for (int64_t step = 0; step < times; ++step, to += samples) {
        const float* at = from.at + (t + step) * from.time + n * from.sample;
        if (from.sample == 1)
            for (int64_t k = 0; k < features; ++k)
                std::copy_n(at + k * from.feature, samples, to + k * times * samples);
        else turn(at, from.sample, from.feature, samples, features, to, times * samples);
    }
}

}  // namespace parts
