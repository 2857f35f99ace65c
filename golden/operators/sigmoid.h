// The sigmoid and tanh of vectors, right to some roundings of values of 1.

#pragma once

#include <cmath>

#include "vectors.h"

namespace vectors {

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))

// exp by 2^n times a polynomial of degree 6 (Cephes), of numbers between -87 and 87; NaN stays.
inline Vector exponential(Vector x) {
#if defined(__AVX512F__)
    x = _mm512_min_ps(all(87.0f), _mm512_max_ps(all(-87.0f), x));
    Vector n = _mm512_roundscale_ps(product(x, all(1.44269504f)), 8);
#else
    x = _mm256_min_ps(all(87.0f), _mm256_max_ps(all(-87.0f), x));
    Vector n = _mm256_round_ps(product(x, all(1.44269504f)), 8);
#endif
    x = fused(n, all(-0.693359375f), x);
    x = fused(n, all(2.12194440e-4f), x);
    Vector y = fused(all(1.9875691500e-4f), x, all(1.3981999507e-3f));
    y = fused(y, x, all(8.3334519073e-3f));
    y = fused(y, x, all(4.1665795894e-2f));
    y = fused(y, x, all(1.6666665459e-1f));
    y = fused(y, x, all(5.0000001201e-1f));
    y = fused(y, product(x, x), sum(x, all(1.0f)));
#if defined(__AVX512F__)
    return _mm512_scalef_ps(y, n);
#else
    __m256i power = _mm256_slli_epi32(_mm256_cvtps_epi32(n), 23);
    return product(y, _mm256_castsi256_ps(_mm256_add_epi32(power, _mm256_set1_epi32(127 << 23))));
#endif
}

inline Vector sigmoid(Vector x) {
    Vector below = sum(all(1.0f), exponential(product(x, all(-1.0f))));
#if defined(__AVX512F__)
    return _mm512_div_ps(all(1.0f), below);
#else
    return _mm256_div_ps(all(1.0f), below);
#endif
}

#else

inline Vector sigmoid(Vector x) {
    for (int64_t i = 0; i < WIDTH; ++i) x.lane[i] = 1 / (1 + std::exp(-x.lane[i]));
    return x;
}

#endif

inline Vector tangent(Vector x) {
    return fused(all(2.0f), sigmoid(sum(x, x)), all(-1.0f));
}

}  // namespace vectors
