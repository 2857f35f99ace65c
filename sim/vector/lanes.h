// Signals of LANES copies of a module, side by side: every operation is a loop over the lanes, which
// the compiler turns into vector instructions.
//
// A file may include this several times, each time in a namespace of its own and with another LANES.
// A bit is a byte, 0 or 255, so that it serves as a mask. A word of N = 8, 16, 32 or 64 bits holds a
// signal of at most so many; the bits above the signal are zero.

#define INLINE static inline __attribute__((always_inline))
#define EACH_LANE for (int l = 0; l < LANES; ++l)

constexpr int ALIGNMENT = LANES < 8 ? 8 : LANES;
constexpr uint64_t ALL = ~uint64_t{0} >> (64 - LANES);

struct B {
    alignas(ALIGNMENT) uint8_t v[LANES];
};
template <int N>
struct W {
    alignas(ALIGNMENT) Unsigned<N> v[LANES];
};

INLINE B ones() { B r; EACH_LANE r.v[l] = 255; return r; }
INLINE B zeros() { B r; EACH_LANE r.v[l] = 0; return r; }
INLINE B operator~(const B& a) { B r; EACH_LANE r.v[l] = ~a.v[l]; return r; }
INLINE B operator&(const B& a, const B& b) { B r; EACH_LANE r.v[l] = a.v[l] & b.v[l]; return r; }
INLINE B operator|(const B& a, const B& b) { B r; EACH_LANE r.v[l] = a.v[l] | b.v[l]; return r; }
INLINE B operator^(const B& a, const B& b) { B r; EACH_LANE r.v[l] = a.v[l] ^ b.v[l]; return r; }

template <int N>
INLINE W<N> K(uint64_t x) { W<N> r; EACH_LANE r.v[l] = static_cast<Unsigned<N>>(x); return r; }

#define WORD_OPERATOR(op)                                                                   \
    template <int N>                                                                        \
    INLINE W<N> operator op(const W<N>& a, const W<N>& b) {                                 \
        W<N> r;                                                                             \
        EACH_LANE r.v[l] = static_cast<Unsigned<N>>(Product<N>(a.v[l]) op Product<N>(b.v[l])); \
        return r;                                                                           \
    }
WORD_OPERATOR(&)
WORD_OPERATOR(|)
WORD_OPERATOR(^)
WORD_OPERATOR(+)
WORD_OPERATOR(-)
WORD_OPERATOR(*)
#undef WORD_OPERATOR

// All bits of a word as the mask says.
template <int N>
INLINE Unsigned<N> spread(uint8_t mask) {
    return static_cast<Unsigned<N>>(static_cast<Signed<N>>(static_cast<int8_t>(mask)));
}
template <int N>
INLINE W<N> sel(const B& m, const W<N>& a, const W<N>& b) {
    W<N> r;
    EACH_LANE {
        const Unsigned<N> k = spread<N>(m.v[l]);
        r.v[l] = (a.v[l] & k) | (b.v[l] & ~k);
    }
    return r;
}
INLINE B sel(const B& m, const B& a, const B& b) {
    B r;
    EACH_LANE r.v[l] = b.v[l] ^ ((a.v[l] ^ b.v[l]) & m.v[l]);
    return r;
}
// `x` where the mask is set, else 0.
template <int N>
INLINE W<N> fill(const B& m, uint64_t x) {
    W<N> r;
    EACH_LANE r.v[l] = spread<N>(m.v[l]) & static_cast<Unsigned<N>>(x);
    return r;
}
// 0 where the mask is set.
template <int N>
INLINE W<N> clear(const B& m, const W<N>& a) {
    W<N> r;
    EACH_LANE r.v[l] = a.v[l] & ~spread<N>(m.v[l]);
    return r;
}
template <int N>
INLINE B eq(const W<N>& a, const W<N>& b) {
    B r;
    EACH_LANE r.v[l] = a.v[l] == b.v[l] ? 255 : 0;
    return r;
}
template <int N>
INLINE B ult(const W<N>& a, const W<N>& b) {
    B r;
    EACH_LANE r.v[l] = a.v[l] < b.v[l] ? 255 : 0;
    return r;
}
template <int N>
INLINE B slt(const W<N>& a, const W<N>& b) {
    B r;
    EACH_LANE r.v[l] =
        static_cast<Signed<N>>(a.v[l]) < static_cast<Signed<N>>(b.v[l]) ? 255 : 0;
    return r;
}
// Whether any of the bits of `mask` is set.
template <int N>
INLINE B any(const W<N>& a, uint64_t mask) {
    B r;
    EACH_LANE r.v[l] = (a.v[l] & static_cast<Unsigned<N>>(mask)) ? 255 : 0;
    return r;
}
template <int I, int N>
INLINE B bit(const W<N>& a) {
    B r;
    EACH_LANE r.v[l] = static_cast<uint8_t>(-static_cast<uint8_t>((a.v[l] >> I) & 1));
    return r;
}
template <int I, int N>
INLINE W<N> shl(const W<N>& a) {
    W<N> r;
    EACH_LANE r.v[l] = static_cast<Unsigned<N>>(Product<N>(a.v[l]) << I);
    return r;
}
template <int I, int N>
INLINE W<N> shr(const W<N>& a) {
    W<N> r;
    EACH_LANE r.v[l] = a.v[l] >> I;
    return r;
}
// A signed value of FROM bits as one of TO bits.
template <int FROM, int TO, int N>
INLINE W<N> sext(const W<N>& a) {
    W<N> r;
    constexpr auto sign = static_cast<Unsigned<N>>(uint64_t{1} << (FROM - 1));
    constexpr auto mask = static_cast<Unsigned<N>>(TO < 64 ? (uint64_t{1} << (TO % 64)) - 1 : ~0ull);
    EACH_LANE r.v[l] = static_cast<Unsigned<N>>((a.v[l] ^ sign) - sign) & mask;
    return r;
}
// Shifts by another word; by more than the word has bits, all bits leave.
template <int N>
INLINE W<N> shrv(const W<N>& a, const W<N>& b) {
    W<N> r;
    EACH_LANE r.v[l] = b.v[l] >= N ? 0 : a.v[l] >> b.v[l];
    return r;
}
template <int N>
INLINE W<N> sarv(const W<N>& a, const W<N>& b) {
    W<N> r;
    EACH_LANE r.v[l] =
        static_cast<Unsigned<N>>(static_cast<Signed<N>>(a.v[l]) >> (b.v[l] >= N ? N - 1 : b.v[l]));
    return r;
}
template <int N>
INLINE W<N> shlv(const W<N>& a, const W<N>& b) {
    W<N> r;
    EACH_LANE r.v[l] = b.v[l] >= N ? 0 : static_cast<Unsigned<N>>(Product<N>(a.v[l]) << b.v[l]);
    return r;
}
template <int TO, int N>
INLINE W<TO> conv(const W<N>& a) {
    W<TO> r;
    EACH_LANE r.v[l] = static_cast<Unsigned<TO>>(a.v[l]);
    return r;
}

// One bit for each lane.
INLINE uint64_t packed(const B& b) {
    if (LANES == 1) return b.v[0] & 1;
#if defined(__AVX512BW__)
    if (LANES == 64) return _mm512_movepi8_mask(_mm512_loadu_si512(b.v));
#endif
    uint64_t r = 0;
    for (int g = 0; g < LANES / 8; ++g) {
        uint64_t x;
        std::memcpy(&x, b.v + 8 * g, 8);
        r |= (((x & 0x0101010101010101ull) * 0x0102040810204080ull) >> 56) << (8 * g);
    }
    return r;
}

// Calls a function with each lane whose bit is set.
template <typename Visit>
INLINE void each(uint64_t lanes, const Visit& visit) {
    for (; lanes; lanes &= lanes - 1) visit(__builtin_ctzll(lanes));
}

// Whether a bit is set in any lane.
INLINE bool some(const B& b) {
#if defined(__AVX512BW__)
    if (LANES == 64) {
        const __m512i x = _mm512_loadu_si512(b.v);
        return _mm512_test_epi8_mask(x, x) != 0;
    }
#endif
    uint8_t r = 0;
    EACH_LANE r |= b.v[l];
    return r != 0;
}

// A memory of each lane, with a port to read and one to write; only lanes that are enabled are
// visited. An address beyond the end reads 0 and writes nothing.
// With FULL there is no such address.
//
// Words of one address lie side by side: copies of a module are mostly at the same addresses, or at
// such near by.
template <int N, int SIZE, bool FULL>
struct Memory {
    W<N> words[SIZE];

    INLINE_MEMBER Unsigned<N> word(int l, uint64_t address) const {
        return (FULL || address < SIZE) ? words[address].v[l] : 0;
    }
    template <int A>
    INLINE_MEMBER W<N> read(const W<A>& address) const {
        W<N> r;
        EACH_LANE r.v[l] = word(l, address.v[l]);
        return r;
    }
    // The word that a register shows next: 0 after a reset, the same if it is not enabled.
    template <typename Next, int A>
    INLINE_MEMBER void read_if(Next& next, const Next& now, const B& reset, const B& enable,
                               const W<A>& address) const {
        read_lanes(next, now, reset, packed(enable & ~reset), address);
    }
    // Stored lane by lane where it stays: loaded as a vector at once, it would have to wait.
    template <int A>
    INLINE_MEMBER void read_lanes(W<N>& next, const W<N>& now, const B& reset, uint64_t lanes,
                                  const W<A>& address) const {
        next = clear(reset, now);
        each(lanes, [&](int l) { next.v[l] = word(l, address.v[l]); });
    }
    template <int A>
    INLINE_MEMBER void read_lanes(B& next, const B& now, const B& reset, uint64_t lanes,
                                  const W<A>& address) const {
        next = now & ~reset;
        each(lanes, [&](int l) { next.v[l] = word(l, address.v[l]) & 1 ? 255 : 0; });
    }
    template <int A>
    INLINE_MEMBER void write(const B& enable, const W<A>& address, const W<N>& data) {
        each(packed(enable), [&](int l) {
            if (FULL || address.v[l] < SIZE) words[address.v[l]].v[l] = data.v[l];
        });
    }
};

// One that is always read: only lanes whose word may have changed are visited.
template <int N, int SIZE, bool FULL>
struct AlwaysMemory : Memory<N, SIZE, FULL> {
    W<16> last;
    uint64_t current = 0;  // Lanes whose register shows what is at `last`.

    template <typename Next, int A>
    INLINE_MEMBER void read_always(Next& next, const Next& now, const B& reset,
                                   const W<A>& address) {
        const W<16> at = conv<16>(address);
        const B stale = ~eq(at, last);
        last = at;
        const uint64_t kept = ~packed(reset);
        this->read_lanes(next, now, reset, (packed(stale) | ~current) & ALL & kept, address);
        current = kept;
    }
    template <int A>
    INLINE_MEMBER void write(const B& enable, const W<A>& address, const W<N>& data) {
        Memory<N, SIZE, FULL>::write(enable, address, data);
        current &= ~packed(enable);
    }
};

#undef EACH_LANE
#undef INLINE
