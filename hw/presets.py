"""Named configurations, which tests, proofs, benchmarks and FPGA builds share.

Each is a `TorusConfig`; take a variant of one with `dataclasses.replace`. A change of one of them
changes what has been measured or built with it, so `tests/hw/test_presets.py` holds their ids.
"""

import dataclasses

from .config import TorusConfig, TrainingConfig

__all__ = ["BOARD_LARGE", "BOARD_SMALL", "FITTED", "FITTED_BATCHES", "FITTED_TRAINING", "LARGE",
           "PRESETS", "PROOF", "SMALLEST", "TEST"]

# For proofs: words of 4 bits, a buffer of 16 words, counters of 4 bits.
PROOF = TorusConfig(act_bits=4, weight_bits=4, buffer_words=16, max_fan_in=16, rep_bits=4,
                    weight_words=16, bias_words=4, program_words=64)

# The smallest torus that a useful net fits, for parts with hardly any memory.
SMALLEST = TorusConfig(rows=1, cols=1, act_bits=8, weight_bits=8, host_bits=32, buffer_words=64,
                       max_fan_in=64, weight_words=256, bias_words=16, program_words=512,
                       rep_bits=5, shift_bits=4, host_fifo_beats=4)

# Memories for simulations of random nets of up to 40 features: TEST has room for short programs,
# LARGE for any program of such a net.
TEST = TorusConfig(buffer_words=128, max_fan_in=128, weight_words=512, bias_words=32,
                   program_words=1024)
LARGE = TorusConfig(buffer_words=512, max_fan_in=512, weight_words=4096, bias_words=128,
                    program_words=2048)

# Memories and counters as large as a Clos layer of (784, 256, 28, 8, 16) needs on a 4x4 torus; the
# shifts are those that its quantisation uses. Areas and clocks are measured with FITTED and the two
# presets after it.
FITTED = TorusConfig(buffer_words=512, weight_words=1024, bias_words=16, program_words=256,
                     max_fan_in=32, rep_bits=5, min_shift=15, shift_bits=2)

# Training of the same layer: FITTED_TRAINING takes a sample at a time, FITTED_BATCHES trains in
# batches, with momentum.
FITTED_TRAINING = dataclasses.replace(FITTED, program_words=512, training=TrainingConfig(
    master_bits=24, grad_bits=16, min_grad_shift=13, grad_shift_bits=2, min_update_shift=8,
    update_shift_bits=2, min_bias_shift=4, bias_shift_bits=2))
FITTED_BATCHES = dataclasses.replace(FITTED_TRAINING, training=dataclasses.replace(
    FITTED_TRAINING.training, velocity_bits=36))

# What a part on a board gets if no model says what is needed. BOARD_LARGE has memories for layers
# of some hundred inputs; with those of BOARD_SMALL the whole digits net fits one PE.
BOARD_LARGE = TorusConfig(host_bits=32)
BOARD_SMALL = TorusConfig(act_bits=8, weight_bits=8, host_bits=32, buffer_words=256,
                          weight_words=4096, bias_words=128, program_words=512, max_fan_in=64,
                          rep_bits=7, shift_bits=4, host_fifo_beats=4)

PRESETS = {
    "proof": PROOF, "smallest": SMALLEST, "test": TEST, "large": LARGE, "fitted": FITTED,
    "fitted-training": FITTED_TRAINING, "fitted-batches": FITTED_BATCHES,
    "board-large": BOARD_LARGE, "board-small": BOARD_SMALL,
}
