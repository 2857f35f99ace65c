// Types of `lanes.h` that do not depend on the number of lanes.

#if defined(__AVX512BW__)
#include <immintrin.h>
#endif

#include <cstdint>
#include <cstring>
#include <type_traits>

#define INLINE_MEMBER inline __attribute__((always_inline))

template <int N>
using Unsigned = std::conditional_t<
    N == 8, uint8_t,
    std::conditional_t<N == 16, uint16_t, std::conditional_t<N == 32, uint32_t, uint64_t>>>;
template <int N>
using Signed = std::make_signed_t<Unsigned<N>>;
// What words are computed in: a product of two uint16_t must not become a signed int.
template <int N>
using Product = std::conditional_t<N == 64, uint64_t, uint32_t>;

// Lanes of one port, moved to those of another one.
template <int SIZE, int COUNT>
static inline void move(void* to, int to_lane, const void* from, int lane) {
    std::memcpy(static_cast<uint8_t*>(to) + SIZE * to_lane,
                static_cast<const uint8_t*>(from) + SIZE * lane, SIZE * COUNT);
}
template <int SIZE>
static inline void put(void* to, int lane, uint64_t value) {
    std::memcpy(static_cast<uint8_t*>(to) + SIZE * lane, &value, SIZE);
}
template <int SIZE>
static inline void repeat(void* to, int to_lane, int count, const void* from, int lane) {
    Unsigned<8 * SIZE> word;
    std::memcpy(&word, static_cast<const uint8_t*>(from) + SIZE * lane, SIZE);
    auto* words = static_cast<Unsigned<8 * SIZE>*>(to) + to_lane;
    for (int l = 0; l < count; ++l) words[l] = word;
}
