// Vectors of floats: as wide as the processor has them, or 4 numbers in a row.
//
// `load` and `store` with a count touch the first numbers alone; the others are 0.

#pragma once

#include <cstdint>

#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
#include <immintrin.h>
#endif

namespace vectors {

#if defined(__AVX512F__)

using Vector = __m512;
constexpr int64_t WIDTH = 16;

inline __mmask16 first(int64_t count) { return static_cast<__mmask16>((1u << count) - 1); }
inline Vector zero() { return _mm512_setzero_ps(); }
inline Vector all(float value) { return _mm512_set1_ps(value); }
inline Vector load(const float* from) { return _mm512_loadu_ps(from); }
inline Vector load(const float* from, int64_t count) {
    return _mm512_maskz_loadu_ps(first(count), from);
}
inline void store(float* to, Vector value) { _mm512_storeu_ps(to, value); }
inline void store(float* to, Vector value, int64_t count) {
    _mm512_mask_storeu_ps(to, first(count), value);
}
inline Vector fused(Vector a, Vector b, Vector c) { return _mm512_fmadd_ps(a, b, c); }
inline Vector sum(Vector a, Vector b) { return _mm512_add_ps(a, b); }
inline Vector product(Vector a, Vector b) { return _mm512_mul_ps(a, b); }

inline __m128 quarter(Vector value) {
    __m256 half = _mm256_add_ps(_mm512_castps512_ps256(value),
        _mm256_castpd_ps(_mm512_extractf64x4_pd(_mm512_castps_pd(value), 1)));
    return _mm_add_ps(_mm256_castps256_ps128(half), _mm256_extractf128_ps(half, 1));
}

#elif defined(__AVX2__) && defined(__FMA__)

using Vector = __m256;
constexpr int64_t WIDTH = 8;

inline __m256i first(int64_t count) {
    const __m256i lanes = _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7);
    return _mm256_cmpgt_epi32(_mm256_set1_epi32(static_cast<int>(count)), lanes);
}
inline Vector zero() { return _mm256_setzero_ps(); }
inline Vector all(float value) { return _mm256_set1_ps(value); }
inline Vector load(const float* from) { return _mm256_loadu_ps(from); }
inline Vector load(const float* from, int64_t count) {
    return _mm256_maskload_ps(from, first(count));
}
inline void store(float* to, Vector value) { _mm256_storeu_ps(to, value); }
inline void store(float* to, Vector value, int64_t count) {
    _mm256_maskstore_ps(to, first(count), value);
}
inline Vector fused(Vector a, Vector b, Vector c) { return _mm256_fmadd_ps(a, b, c); }
inline Vector sum(Vector a, Vector b) { return _mm256_add_ps(a, b); }
inline Vector product(Vector a, Vector b) { return _mm256_mul_ps(a, b); }

inline __m128 quarter(Vector value) {
    return _mm_add_ps(_mm256_castps256_ps128(value), _mm256_extractf128_ps(value, 1));
}

#else

constexpr int64_t WIDTH = 4;
struct Vector {
    float lane[WIDTH];
};

inline Vector all(float value) { return {{value, value, value, value}}; }
inline Vector zero() { return all(0); }
inline Vector load(const float* from) { return {{from[0], from[1], from[2], from[3]}}; }
inline Vector load(const float* from, int64_t count) {
    Vector value = zero();
    for (int64_t i = 0; i < count; ++i) value.lane[i] = from[i];
    return value;
}
inline void store(float* to, Vector value, int64_t count = WIDTH) {
    for (int64_t i = 0; i < count; ++i) to[i] = value.lane[i];
}
inline Vector fused(Vector a, Vector b, Vector c) {
    for (int64_t i = 0; i < WIDTH; ++i) c.lane[i] += a.lane[i] * b.lane[i];
    return c;
}
inline Vector sum(Vector a, Vector b) {
    for (int64_t i = 0; i < WIDTH; ++i) a.lane[i] += b.lane[i];
    return a;
}
inline Vector product(Vector a, Vector b) {
    for (int64_t i = 0; i < WIDTH; ++i) a.lane[i] *= b.lane[i];
    return a;
}

#endif

// Write the sum of each of four vectors.
#if defined(__AVX512F__) || (defined(__AVX2__) && defined(__FMA__))
inline void sums(const Vector (&of)[4], float (&to)[4]) {
    __m128 low = _mm_hadd_ps(quarter(of[0]), quarter(of[1]));
    __m128 high = _mm_hadd_ps(quarter(of[2]), quarter(of[3]));
    _mm_storeu_ps(to, _mm_hadd_ps(low, high));
}
#else
inline void sums(const Vector (&of)[4], float (&to)[4]) {
    for (int64_t i = 0; i < 4; ++i) {
        const float* lane = of[i].lane;
        to[i] = (lane[0] + lane[1]) + (lane[2] + lane[3]);
    }
}
#endif

// Write the sum of each of four times four vectors.
inline void sums(const Vector (&of)[4][4], float (&to)[4][4]) {
#if defined(__AVX512F__)
    Vector row[4];
    for (int i = 0; i < 4; ++i) {
        Vector low = sum(_mm512_unpacklo_ps(of[i][0], of[i][1]),
                         _mm512_unpackhi_ps(of[i][0], of[i][1]));
        Vector high = sum(_mm512_unpacklo_ps(of[i][2], of[i][3]),
                          _mm512_unpackhi_ps(of[i][2], of[i][3]));
        row[i] = sum(_mm512_shuffle_ps(low, high, 0x44), _mm512_shuffle_ps(low, high, 0xee));
    }
    Vector first = sum(_mm512_shuffle_f32x4(row[0], row[1], 0x88),
                       _mm512_shuffle_f32x4(row[0], row[1], 0xdd));
    Vector second = sum(_mm512_shuffle_f32x4(row[2], row[3], 0x88),
                        _mm512_shuffle_f32x4(row[2], row[3], 0xdd));
    store(to[0], sum(_mm512_shuffle_f32x4(first, second, 0x88),
                     _mm512_shuffle_f32x4(first, second, 0xdd)));
#else
    for (int i = 0; i < 4; ++i) sums(of[i], to[i]);
#endif
}

}  // namespace vectors
