// A net that trains in fixed point: its layout, as golden/compiled/layout.py writes it, and its
// words. docs/arithmetic.md is the definition; golden/fixed/training.py is what this is held against.

#pragma once

#include <cstdint>
#include <vector>

namespace golden {

// Two's complement, and right shifts that round down, are what C++20 and every compiler here have.
constexpr int64_t clipped(int64_t value, int64_t low, int64_t high) {
    return value < low ? low : value > high ? high : value;
}

// Divides by 2**shift and rounds to nearest, a tie to the even neighbour.
constexpr int64_t rounded(int64_t value, int64_t shift) {
    if (shift == 0) return value;
    return (value + ((value >> shift) & 1) + (int64_t(1) << (shift - 1)) - 1) >> shift;
}

// The range of a word of so many bits.
struct Range {
    int64_t low, high;
    explicit Range(int64_t bits) : low(-(int64_t(1) << (bits - 1))), high(-low - 1) {}
    int64_t clip(int64_t value) const { return clipped(value, low, high); }
};

// A small dense matrix within a stage. Weight (r, c) is at `weight + r * weight_step + c`; row r
// belongs to word `row + r * row_step` of the stage, column c to word `col + c * col_step`.
struct Block {
    int64_t rows, cols, row, row_step, col, col_step, weight, weight_step;
};

struct Stage {
    bool rows_are_inputs;  // Otherwise they are outputs.
    bool late;             // The way forward sees its weights without the latest change of a run.
    int64_t inputs, outputs;
    int64_t forward_shift, gradient_shift, update_shift;  // -1: the gradient leaves as exact sums.
    int64_t visits;  // Steps of every LFSR in a pass.
    std::vector<Block> blocks;
    std::vector<int32_t> place;   // Of each weight: visit * PEs + PE.
    std::vector<int64_t> master, velocity;
    std::vector<int32_t> operand;  // The upper part of each master, which is multiplied.
    std::vector<int32_t> seen;     // Of a late stage: what the way forward multiplies instead.
};

struct Layer {
    bool relu;
    int64_t outputs, bias_shift;
    int64_t groups, gain, sum_shift;  // Of a dense layer whose sums are cut; 0 groups otherwise.
    bool late_bias;                   // As `Stage::late`.
    std::vector<Stage> stages;        // Those that have weights.
    std::vector<int64_t> bias, bias_velocity, seen_bias;
    std::vector<std::vector<int32_t>> words;  // Results of each stage; the last are the layer's.
};

struct Net {
    int64_t pes, dropped_bits, velocity_bits, bias_bits, grad_bits;
    int64_t output_fraction, gradient_fraction;
    Range act, master, gradient, velocity, bias;
    bool nearest;  // Updates are rounded to nearest, not by the LFSRs.
    std::vector<Layer> layers;
    std::vector<uint32_t> lfsr, random, drawn;
    std::vector<int32_t> input, above, below;        // The sample; gradients of a stage's words.
    std::vector<int64_t> acc, products, sums, line;  // Scratch of one stage.
    std::vector<int32_t> column;

    explicit Net(const int64_t* layout);
    template <typename Visit> void each_tensor(Visit visit);
    void write(const int64_t* words);
    void read(int64_t* words);
    void settle();

    void forward(const int64_t* x);
    void backward(const int64_t* gradient, int64_t decay, bool apply, const uint8_t* frozen,
                  int64_t* input_sums);
    bool softmax_gradient(int64_t label, double rate, int64_t* gradient) const;

private:
    void sum(const Stage& stage, const int32_t* weights, const int32_t* in);
    void multiply(const Stage& stage, const int32_t* in, const int32_t* dy);
    void sum_back(const Stage& stage, const int32_t* dy);
    void update(Stage& stage, int64_t decay, bool apply);
    void update_bias(Layer& layer, const int32_t* dy, int64_t decay, bool apply);
    void draw(int64_t visits);
};

}  // namespace golden
