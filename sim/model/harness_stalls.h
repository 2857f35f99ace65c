// When a host is not ready, for the harnesses.

#pragma once

#include <cstdint>

namespace {

// SplitMix64 (Steele, Lea, Flood 2014): small, and good enough to decide a stall.
class Stalls {
  public:
    void seed(uint64_t seed, uint32_t per_mille) {
        state_ = seed;
        // The threshold lies in 0 to 2^32: 1000 of 1000 always stalls.
        threshold_ = (uint64_t{per_mille} << 32) / 1000;
    }
    bool next() {
        if (!threshold_) return false;
        uint64_t z = (state_ += 0x9e3779b97f4a7c15);
        z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9;
        z = (z ^ (z >> 27)) * 0x94d049bb133111eb;
        return ((z ^ (z >> 31)) >> 32) < threshold_;
    }

  private:
    uint64_t state_ = 0;
    uint64_t threshold_ = 0;
};

}  // namespace
