#include "net.h"

#include <algorithm>

namespace golden {

namespace {

// Reads the layout number by number, in the order of golden/compiled/layout.py.
struct Reader {
    const int64_t* next;
    int64_t one() { return *next++; }
};

Stage read_stage(Reader& from) {
    Stage stage;
    stage.rows_are_inputs = from.one();
    stage.late = from.one();
    stage.inputs = from.one();
    stage.outputs = from.one();
    stage.forward_shift = from.one();
    stage.gradient_shift = from.one();
    stage.update_shift = from.one();
    stage.visits = from.one();
    stage.blocks.resize(from.one());
    for (Block& block : stage.blocks) {
        for (int64_t* field : {&block.rows, &block.cols, &block.row, &block.row_step, &block.col,
                               &block.col_step, &block.weight, &block.weight_step})
            *field = from.one();
    }
    const int64_t weights = from.one();
    stage.place.assign(from.next, from.next + weights);
    from.next += weights;
    stage.master.resize(weights);
    stage.operand.resize(weights);
    stage.velocity.resize(weights);
    return stage;
}

Layer read_layer(Reader& from) {
    Layer layer;
    layer.relu = from.one();
    layer.outputs = from.one();
    layer.bias_shift = from.one();
    layer.groups = from.one();
    layer.gain = from.one();
    layer.sum_shift = from.one();
    layer.late_bias = from.one();
    const int64_t stages = from.one();
    for (int64_t stage = 0; stage < stages; ++stage)
        layer.stages.push_back(read_stage(from));
    layer.bias.resize(layer.outputs);
    layer.bias_velocity.resize(layer.outputs);
    for (const Stage& stage : layer.stages) layer.words.emplace_back(stage.outputs);
    if (layer.groups) layer.words.emplace_back(layer.outputs);
    return layer;
}

}  // namespace

Net::Net(const int64_t* layout)
    : pes(layout[0]), dropped_bits(layout[1]), velocity_bits(layout[2]), bias_bits(layout[3]),
      grad_bits(layout[4]), output_fraction(layout[5]), gradient_fraction(layout[6]),
      act(layout[7]), master(layout[8]), gradient(grad_bits),
      velocity(velocity_bits ? velocity_bits : 1), bias(bias_bits), nearest(layout[9]),
      lfsr(pes) {
    Reader from{layout + 10};
    const int64_t count = from.one();
    for (int64_t layer = 0; layer < count; ++layer) layers.push_back(read_layer(from));
    size_t words = 0, weights = 0;
    int64_t visits = 0;
    for (const Layer& layer : layers) {
        words = std::max(words, size_t(layer.outputs));
        for (const Stage& stage : layer.stages) {
            words = std::max({words, size_t(stage.inputs), size_t(stage.outputs)});
            weights = std::max(weights, stage.master.size());
            visits = std::max(visits, stage.visits);
        }
    }
    input.resize(layers.front().stages.front().inputs);
    for (auto* scratch : {&above, &below, &column}) scratch->resize(words);
    for (auto* scratch : {&acc, &sums, &line}) scratch->resize(words);
    products.resize(weights);
    drawn.resize(weights);
    random.resize(visits * pes);
}

// Visits every tensor in the order of golden's `TrainingState.state_dict`.
template <typename Visit> void Net::each_tensor(Visit visit) {
    for (Layer& layer : layers) {
        for (Stage& stage : layer.stages) visit(stage.master);
        visit(layer.bias);
        for (Stage& stage : layer.stages) visit(stage.velocity);
        visit(layer.bias_velocity);
    }
    visit(lfsr);
}

void Net::write(const int64_t* words) {
    each_tensor([&](auto& tensor) {
        std::copy(words, words + tensor.size(), tensor.begin());
        words += tensor.size();
    });
    for (Layer& layer : layers)
        for (Stage& stage : layer.stages)
            for (size_t k = 0; k < stage.master.size(); ++k)
                stage.operand[k] = int32_t(stage.master[k] >> dropped_bits);
    settle();
}

// Lets the way forward see all that has changed, as at the beginning of a run.
void Net::settle() {
    for (Layer& layer : layers) {
        for (Stage& stage : layer.stages)
            if (stage.late) stage.seen = stage.operand;
        if (layer.late_bias) layer.seen_bias = layer.bias;
    }
}

void Net::read(int64_t* words) {
    each_tensor([&](auto& tensor) { words = std::copy(tensor.begin(), tensor.end(), words); });
}

}  // namespace golden

using golden::Net;

// What golden/compiled/library.py calls. Whoever calls has checked all words.
extern "C" {

void* golden_new(const int64_t* layout) { return new Net(layout); }

void golden_free(void* net) { delete static_cast<Net*>(net); }

void golden_write(void* net, const int64_t* words) { static_cast<Net*>(net)->write(words); }

void golden_read(void* net, int64_t* words) { static_cast<Net*>(net)->read(words); }

void golden_settle(void* net) { static_cast<Net*>(net)->settle(); }

// Computes `count` samples x to their outputs y; the last one is that of the next `backward`.
void golden_forward(void* net, int64_t count, const int64_t* x, int64_t* y) {
    Net& it = *static_cast<Net*>(net);
    const size_t inputs = it.input.size(), outputs = it.layers.back().outputs;
    for (int64_t sample = 0; sample < count; ++sample) {
        it.forward(x + sample * inputs);
        const auto& words = it.layers.back().words.back();
        std::copy(words.begin(), words.end(), y + sample * outputs);
    }
}

// Trains on the sample of the latest `forward`; `sums` [I] may be null.
void golden_backward(void* net, const int64_t* gradient, int64_t decay, int64_t apply,
                     const uint8_t* frozen, int64_t* sums) {
    static_cast<Net*>(net)->backward(gradient, decay, apply, frozen, sums);
}

// Trains by the cross-entropy of labels, with batches of `size` samples of which `x` begins with
// number `first`. Stops before the way back of a sample whose gradient is left to the caller, and
// returns how many samples are done before it.
int64_t golden_learn(void* net, int64_t count, const int64_t* x, const int64_t* labels,
                     int64_t first, int64_t size, int64_t decay, const uint8_t* frozen, double rate,
                     int64_t* y, int64_t* gradients, int64_t* sums) {
    Net& it = *static_cast<Net*>(net);
    const size_t inputs = it.input.size(), outputs = it.layers.back().outputs;
    for (int64_t sample = 0; sample < count; ++sample) {
        golden_forward(net, 1, x + sample * inputs, y + sample * outputs);
        int64_t* gradient = gradients + sample * outputs;
        if (!it.softmax_gradient(labels[sample], rate, gradient)) return sample;
        const int64_t number = (first + sample) % size;
        it.backward(gradient, number ? 0 : decay, number == size - 1, frozen,
                    sums ? sums + sample * inputs : nullptr);
    }
    return count;
}

}
