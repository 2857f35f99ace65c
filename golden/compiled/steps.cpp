// The steps of docs/arithmetic.md: forward (2, 14), back (8), update (9), random bits (10).

#include "net.h"

#include <algorithm>
#include <cmath>

namespace golden {

namespace {

constexpr uint32_t kTaps = 0x80200003;
constexpr int64_t kKeep = 0, kClear = 15;  // As golden/fixed/format.py; between them is a decay.

}  // namespace

// Makes the exact sums of a stage, `acc`, of its inputs and so many weights.
void Net::sum(const Stage& stage, const int32_t* weights, const int32_t* in) {
    for (const Block& block : stage.blocks) {
        const int32_t* weight = weights + block.weight;
        const int64_t cols = block.cols;
        if (stage.rows_are_inputs) {
            int64_t* total = line.data();
            std::fill(total, total + cols, 0);
            for (int64_t r = 0; r < block.rows; ++r, weight += block.weight_step) {
                const int64_t x = in[block.row + r * block.row_step];
                for (int64_t c = 0; c < cols; ++c) total[c] += weight[c] * x;
            }
            for (int64_t c = 0; c < cols; ++c) acc[block.col + c * block.col_step] = total[c];
        } else {
            int32_t* x = column.data();
            for (int64_t c = 0; c < cols; ++c) x[c] = in[block.col + c * block.col_step];
            for (int64_t r = 0; r < block.rows; ++r, weight += block.weight_step) {
                int64_t total = 0;
                for (int64_t c = 0; c < cols; ++c) total += int64_t(weight[c]) * x[c];
                acc[block.row + r * block.row_step] = total;
            }
        }
    }
}

// Makes the exact sums over the results that an input feeds, `sums`, of the results' gradients.
void Net::sum_back(const Stage& stage, const int32_t* dy) {
    for (const Block& block : stage.blocks) {
        const int32_t* weight = stage.operand.data() + block.weight;
        const int64_t cols = block.cols;
        if (stage.rows_are_inputs) {
            int32_t* y = column.data();
            for (int64_t c = 0; c < cols; ++c) y[c] = dy[block.col + c * block.col_step];
            for (int64_t r = 0; r < block.rows; ++r, weight += block.weight_step) {
                int64_t total = 0;
                for (int64_t c = 0; c < cols; ++c) total += int64_t(weight[c]) * y[c];
                sums[block.row + r * block.row_step] = total;
            }
        } else {
            int64_t* total = line.data();
            std::fill(total, total + cols, 0);
            for (int64_t r = 0; r < block.rows; ++r, weight += block.weight_step) {
                const int64_t y = dy[block.row + r * block.row_step];
                for (int64_t c = 0; c < cols; ++c) total[c] += weight[c] * y;
            }
            for (int64_t c = 0; c < cols; ++c) sums[block.col + c * block.col_step] = total[c];
        }
    }
}

// Makes the gradient of every weight, `products`: its input times the gradient of its result.
void Net::multiply(const Stage& stage, const int32_t* in, const int32_t* dy) {
    const int32_t* by_row = stage.rows_are_inputs ? in : dy;
    const int32_t* by_col = stage.rows_are_inputs ? dy : in;
    for (const Block& block : stage.blocks) {
        const int64_t cols = block.cols;
        int32_t* factor = column.data();
        int64_t* product = products.data() + block.weight;
        for (int64_t c = 0; c < cols; ++c) factor[c] = by_col[block.col + c * block.col_step];
        for (int64_t r = 0; r < block.rows; ++r, product += block.weight_step) {
            const int64_t one = by_row[block.row + r * block.row_step];
            for (int64_t c = 0; c < cols; ++c) product[c] = factor[c] * one;
        }
    }
}

// Makes the states of all LFSRs at so many visits, `random`, and leaves them after these.
void Net::draw(int64_t visits) {
    uint32_t* state = lfsr.data();
    uint32_t* found = random.data();
    for (int64_t visit = 0; visit < visits; ++visit, found += pes) {
        for (int64_t pe = 0; pe < pes; ++pe) {
            found[pe] = state[pe];
            state[pe] = (state[pe] >> 1) ^ (kTaps & -(state[pe] & 1));
        }
    }
}

namespace {

// Adds a sample's gradients to accumulators, in place: `products` become what they then hold.
void accumulate(int64_t* products, int64_t* held, size_t count, int64_t decay, Range range) {
    for (size_t k = 0; k < count; ++k) {
        int64_t base = held[k];
        if (decay == kClear) base = 0;
        else if (decay != kKeep) base -= base >> decay;
        held[k] = products[k] = range.clip(base + products[k]);
    }
}

}  // namespace

void Net::update(Stage& stage, int64_t decay, bool apply) {
    const size_t count = stage.master.size();
    if (velocity_bits)
        accumulate(products.data(), stage.velocity.data(), count, decay, velocity);
    if (!apply) return;
    if (stage.late) stage.seen = stage.operand;
    draw(stage.visits);
    const int64_t shift = stage.update_shift, dropped = dropped_bits;
    const uint32_t mask = uint32_t((uint64_t(1) << shift) - 1);
    const Range range = master;
    const uint32_t* __restrict words = random.data();
    const int32_t* __restrict place = stage.place.data();
    const int64_t* __restrict change = products.data();
    uint32_t* __restrict bits = drawn.data();
    int64_t* __restrict weight = stage.master.data();
    int32_t* __restrict operand = stage.operand.data();
    if (nearest) std::fill(bits, bits + count, uint32_t((uint64_t(1) << shift) >> 1));
    else for (size_t k = 0; k < count; ++k) bits[k] = words[place[k]] & mask;
    for (size_t k = 0; k < count; ++k)
        weight[k] = range.clip(weight[k] - ((change[k] + int64_t(bits[k])) >> shift));
    for (size_t k = 0; k < count; ++k) operand[k] = int32_t(weight[k] >> dropped);
}

void Net::update_bias(Layer& layer, const int32_t* dy, int64_t decay, bool apply) {
    std::copy(dy, dy + layer.outputs, acc.begin());
    if (velocity_bits)
        accumulate(acc.data(), layer.bias_velocity.data(), layer.outputs, decay, velocity);
    if (!apply) return;
    if (layer.late_bias) layer.seen_bias = layer.bias;
    // Beyond this bound any bias saturates; within it 64 bits hold the shifted word.
    const int64_t bound = int64_t(1) << (bias_bits - layer.bias_shift);
    for (int64_t j = 0; j < layer.outputs; ++j) {
        const int64_t change = clipped(acc[j], -bound, bound) * (int64_t(1) << layer.bias_shift);
        layer.bias[j] = bias.clip(layer.bias[j] - change);
    }
}

void Net::forward(const int64_t* x) {
    std::copy(x, x + input.size(), input.begin());
    const int32_t* in = input.data();
    for (Layer& layer : layers) {
        const auto leave = [&](int64_t index, int64_t shift) {
            std::vector<int32_t>& words = layer.words[index];
            for (size_t j = 0; j < words.size(); ++j)
                words[j] = int32_t(act.clip(rounded(acc[j], shift)));
            in = words.data();
        };
        const auto add_bias = [&] {
            const std::vector<int64_t>& bias = layer.late_bias ? layer.seen_bias : layer.bias;
            for (int64_t j = 0; j < layer.outputs; ++j) acc[j] += bias[j];
        };
        for (size_t index = 0; index < layer.stages.size(); ++index) {
            const Stage& stage = layer.stages[index];
            sum(stage, (stage.late ? stage.seen : stage.operand).data(), in);
            if (!layer.groups && index + 1 == layer.stages.size()) add_bias();
            leave(index, stage.forward_shift);
        }
        if (layer.groups) {
            std::fill(acc.begin(), acc.begin() + layer.outputs, 0);
            for (int64_t group = 0; group < layer.groups; ++group)
                for (int64_t j = 0; j < layer.outputs; ++j)
                    acc[j] += in[group * layer.outputs + j] * (int64_t(1) << layer.gain);
            add_bias();
            leave(layer.stages.size(), layer.sum_shift);
        }
        if (layer.relu)
            for (int32_t& word : layer.words.back()) word = std::max(word, 0);
    }
}

void Net::backward(const int64_t* words, int64_t decay, bool apply, const uint8_t* frozen,
                   int64_t* input_sums) {
    std::copy(words, words + layers.back().outputs, above.begin());
    for (size_t index = layers.size(); index-- > 0;) {
        Layer& layer = layers[index];
        if (!frozen[index]) update_bias(layer, above.data(), decay, apply);
        // The gradient of a sum is that of each of its partial sums.
        for (int64_t group = 1; group < layer.groups; ++group)
            std::copy_n(above.begin(), layer.outputs, above.begin() + group * layer.outputs);
        for (size_t number = layer.stages.size(); number-- > 0;) {
            Stage& stage = layer.stages[number];
            const bool first = index == 0 && number == 0;
            const int32_t* in = number ? layer.words[number - 1].data()
                                : index ? layers[index - 1].words.back().data() : input.data();
            const bool masked = number == 0 && index > 0 && layers[index - 1].relu;
            if (!first || input_sums) sum_back(stage, above.data());
            if (!first) {
                for (int64_t k = 0; k < stage.inputs; ++k) {
                    const int64_t dx = gradient.clip(rounded(sums[k], stage.gradient_shift));
                    below[k] = masked && in[k] <= 0 ? 0 : int32_t(dx);
                }
            } else if (input_sums) {
                std::copy_n(sums.begin(), stage.inputs, input_sums);
            }
            if (!frozen[index]) {
                multiply(stage, in, above.data());
                update(stage, decay, apply);
            }
            std::swap(above, below);
        }
    }
}

// Makes the words of the gradient of the cross-entropy of the latest outputs, times a rate. False
// where another way to compute an exponential could round one otherwise, or a word does not fit.
bool Net::softmax_gradient(int64_t label, double rate, int64_t* words) const {
    const Layer& last = layers.back();
    const std::vector<int32_t>& y = last.words.back();
    const double unit = std::ldexp(1.0, int(-output_fraction));
    const double scale = rate * std::ldexp(1.0, int(gradient_fraction));
    const auto [least, most] = std::minmax_element(y.begin(), y.end());
    double total = 0.0;
    for (int32_t word : y) total += std::exp(unit * (word - *most));
    // Relative errors of an exponential grow with its argument; this bound is 2**12 times too wide.
    const double spread = unit * (std::abs(double(*most)) + std::abs(double(*least)));
    const double doubt = std::ldexp(scale * (spread + double(y.size())), -40);
    const double limit = double(gradient.high);
    for (size_t j = 0; j < y.size(); ++j) {
        const double part = std::exp(unit * (y[j] - *most)) / total;
        const double exact = last.relu && y[j] <= 0 ? 0.0 : (part - (int64_t(j) == label)) * scale;
        const double down = std::floor(exact);
        const bool sure = std::abs(exact - down - 0.5) > doubt && std::abs(exact) < limit;
        if (!sure) return false;  // Also where it is no number.
        words[j] = int64_t(down) + (exact - down > 0.5);
    }
    return true;
}

}  // namespace golden
