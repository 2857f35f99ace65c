"""Tori of which the training is compared with the golden model, word for word."""

from hw.config import TorusConfig, TrainingConfig


def torus(rows: int, cols: int, training: dict[str, int], **fields: int) -> TorusConfig:
    """A torus with memories for any of the nets."""
    return TorusConfig(
        rows=rows, cols=cols, buffer_words=512, max_fan_in=256, weight_words=4096, bias_words=128,
        rep_bits=12, **{"program_words": 4096, **fields},
        training=TrainingConfig(**{"result_words": 64, **training}))


# Rings of one PE, words of both kinds wider and narrower than the other, blocks of words longer
# than the FIFOs of the reduce engines, every host width, long links.
CONFIGS = [
    torus(1, 1, {"master_bits": 12, "grad_bits": 10, "velocity_bits": 16, "reduce_words": 8},
          act_bits=8, weight_bits=8, host_bits=32),
    torus(2, 2, {"velocity_bits": 32, "reduce_words": 4}),
    torus(3, 2, {"master_bits": 30, "grad_bits": 18, "reduce_words": 2}, host_bits=128),
]
WIDE_SWEEP = [
    torus(1, 3, {"velocity_bits": 36, "reduce_words": 2}, link_stages=1),
    torus(3, 1, {"master_bits": 18, "grad_bits": 12, "velocity_bits": 48}, act_bits=12,
          weight_bits=18),
    torus(1, 2, {"master_bits": 8, "grad_bits": 4, "velocity_bits": 16}, act_bits=6,
          weight_bits=4, host_bits=256, program_words=8192),
    torus(2, 1, {"master_bits": 36, "grad_bits": 5, "velocity_bits": 24, "reduce_words": 2},
          act_bits=18, weight_bits=6, link_stages=1),
    torus(2, 3, {"velocity_bits": 40, "reduce_words": 4}, link_stages=2, host_fifo_beats=4),
    torus(3, 3, {"velocity_bits": 36, "reduce_words": 2}),
    torus(4, 2, {"velocity_bits": 20, "grad_bits": 14, "reduce_words": 8}, act_bits=14),
    torus(2, 2, {"velocity_bits": 32, "reduce_words": 4, "gradient_rows": 64}, lanes_out=4),
]


def name(config: TorusConfig) -> str:
    training = config.training
    assert training is not None
    return (f"{config.rows}x{config.cols}-{config.act_bits}-{config.weight_bits}-"
            f"{training.master_bits}-{training.grad_bits}-{training.velocity_bits}"
            + (f"-{config.lanes_out}-lanes" if config.lanes_out > 1 else ""))
