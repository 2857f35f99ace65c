// A Verilated board top behind a small C interface: `sim/model/board.py` calls it.
//
// The model has the ports clk, rst, rx, tx and led. Bytes go in and come out as the bits of a UART;
// what a byte may suffer on its way is decided in Python, between two calls.

#include <cstdint>
#include <memory>

#include "Vtop.h"
#include "verilated.h"
#include "harness_context.h"

namespace {

struct Board {
    VerilatedContext context;
    std::unique_ptr<Vtop> top;
    uint64_t cycles = 0;
    uint32_t bit_cycles = 0;
    // To the board: what is still to be on the wire, lowest bit first, the stop bit included.
    uint32_t in_bits = 0;
    uint32_t in_bits_left = 0;
    uint32_t in_cycles_left = 0;
    // From the board: bits that are still to be sampled, and when the next one is.
    uint32_t out_bits = 0;
    uint32_t out_bits_left = 0;
    uint32_t out_cycles_left = 0;
    uint64_t out_begin = 0;

    ~Board() {
        const Current current(context);
        if (top) top->final();
        top.reset();
    }
    void step() {
        top->clk = 0;
        top->eval();
        top->clk = 1;
        top->eval();
        ++cycles;
    }
};

constexpr uint32_t data_bits = 8;

}  // namespace

#define EXPORT extern "C" __attribute__((visibility("default")))

EXPORT Board* board_create(uint32_t bit_cycles) {
    auto board = std::make_unique<Board>();
    const Current current(board->context);
    board->context.fatalOnError(false);  // An assertion must not end the process.
    board->top = std::make_unique<Vtop>(&board->context, "");
    board->bit_cycles = bit_cycles;
    board->top->rst = 0;
    board->top->rx = 1;
    return board.release();
}

EXPORT void board_destroy(Board* board) { delete board; }

EXPORT uint64_t board_cycles(const Board* board) { return board->cycles; }

EXPORT int board_led(const Board* board) { return board->top->led; }

// Runs for `cycles`, or until `out_size` bytes have come out. `*_done` return the bytes whose start
// bit has gone in, and those that have come out; `*_cycles` hold the cycle in which each began.
// Returns 0, or 1 if an assertion in the design failed.
EXPORT int board_run(Board* board, const uint8_t* in, uint64_t in_count, uint64_t* in_cycles,
                     uint64_t* in_done, uint8_t* out, uint64_t out_size, uint64_t* out_cycles,
                     uint64_t* out_done, uint64_t cycles) {
    const Current current(board->context);
    Vtop& top = *board->top;
    uint64_t taken = 0;
    uint64_t given = 0;
    for (uint64_t i = 0; i < cycles && given < out_size; ++i) {
        if (board->in_cycles_left) {
            --board->in_cycles_left;
        } else if (board->in_bits_left) {
            top.rx = board->in_bits & 1;
            board->in_bits >>= 1;
            --board->in_bits_left;
            board->in_cycles_left = board->bit_cycles - 1;
        } else if (taken < in_count) {
            top.rx = 0;
            board->in_bits = in[taken] | 1u << data_bits;
            board->in_bits_left = data_bits + 1;
            board->in_cycles_left = board->bit_cycles - 1;
            in_cycles[taken++] = board->cycles;
        }
        board->step();
        if (!board->out_bits_left) {
            if (!top.tx) {
                board->out_bits = 0;
                board->out_bits_left = data_bits + 1;
                board->out_cycles_left = board->bit_cycles + board->bit_cycles / 2 - 1;
                board->out_begin = board->cycles - 1;
            }
        } else if (board->out_cycles_left) {
            --board->out_cycles_left;
        } else if (--board->out_bits_left) {
            board->out_bits |= uint32_t{top.tx} << (data_bits - board->out_bits_left);
            board->out_cycles_left = board->bit_cycles - 1;
        } else {
            out_cycles[given] = board->out_begin;
            out[given++] = static_cast<uint8_t>(board->out_bits);
        }
        if (board->context.gotError()) break;
    }
    *in_done = taken;
    *out_done = given;
    return board->context.gotError();
}
