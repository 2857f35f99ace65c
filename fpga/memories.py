"""How many block RAMs the memories of a torus take, by the shapes that a family's cells have."""

from hw.config import TorusConfig
from hw.op_fields import gateway_fields, loop_fields, op_bits

from .families import ECP5, Family

__all__ = ["block_rams", "engine_rams", "gateway_rams", "memory_cells", "memory_rams"]

# Of the ECP5, those with an enable for each byte that is written (`hw.cells.ecp5`).
_ROW_SHAPES = ((36, 512), (18, 1024), (9, 2048))
_BYTE_BITS = 9
_LUT_RAM_BITS, _LUT_RAM_WORDS = 4, 16
_MUX_COST = 0.5  # Of each bit, and of an enable, that goes to one of two LUT RAMs.


def engine_rams(config: TorusConfig, family: Family) -> int:
    """Of the two ring engines of an element: each has a buffer, from which MAC and link read.

    Either reads from a copy of its own, the link `link_words` at once.
    """
    return 2 * (_row_rams(config.ring_word_bits, config.link_words,
                          config.buffer_words // config.link_words, family)
                + _row_rams(config.ring_word_bits, config.lanes_in, config.buffer_rows, family))


def memory_rams(config: TorusConfig, family: Family, *, folded: bool = False) -> int:
    """Of an element without its ring engines: its program, and weights that are not `folded`.

    One that trains has the lower bits of its weights, two memories of gradients, and maybe the
    velocities, too; what belongs to a weight lies in a memory of its lane.
    """
    count = _program_rams(config, family)
    if not folded:
        words = 1 if config.training is not None else _lane_words(config)
        count += config.row_weights // words * _row_rams(
            config.weight_bits + config.parity_bits, words, config.weight_rows, family)
    training = config.training
    if training is not None:
        count += 2 * memory_cells(training.grad_bits, config.buffer_words, family)
        for bits in (training.master_bits - config.weight_bits, training.velocity_bits):
            if bits:
                count += config.lanes_out * memory_cells(bits, config.weight_rows, family)
    return count


def gateway_rams(config: TorusConfig, family: Family) -> int:
    """Of what is round the elements of a torus: the programs of the gateways, and of the bridge.

    Their ops are short, and what no op has of a line of program is left out, unless the line has a
    parity, which is that of all of it.
    """
    longest = max(map(op_bits, (*gateway_fields(config), loop_fields(config))))
    bits = config.line_bits + 1 if config.checks else min(config.line_bits, longest)
    return (config.rows + 1) * memory_cells(bits, config.program_lines, family)


def block_rams(config: TorusConfig, family: Family) -> int:
    """All of a torus, without its host link.

    Biases with their velocities, and the host's gradients, lie in LUT RAMs of an ECP5. Elsewhere
    Yosys chooses, and a part without LUT RAMs has them in block RAMs.
    """
    pe, training = engine_rams(config, family) + memory_rams(config, family), config.training
    if family is not ECP5:
        pe += memory_cells(config.bias_bits + config.parity_bits, config.bias_words, family)
        if training is not None:
            pe += memory_cells(training.grad_bits, training.result_words, family)
            if training.velocity_bits:
                pe += memory_cells(training.velocity_bits, config.bias_words, family)
    return config.rows * config.cols * pe + gateway_rams(config, family)


def _program_rams(config: TorusConfig, family: Family) -> int:
    return memory_cells(config.line_bits + config.parity_bits, config.program_lines, family)


def _lane_words(config: TorusConfig) -> int:
    """Weights of a row that lie in one memory: 36 bits of a block RAM of the ECP5, or half of it.

    A weight takes a byte of 9 bits, or two of them.
    """
    bits = 36 if config.weight_rows <= 512 else 18
    return min(config.row_weights, bits // _share(config.weight_bits + config.parity_bits))


def _share(bits: int) -> int:
    return _BYTE_BITS if bits <= _BYTE_BITS else 2 * _BYTE_BITS


def _row_rams(bits: int, words: int, rows: int, family: Family) -> int:
    """Of a memory that is read row by row, and of which single words can be written."""
    if words > 1 and family is ECP5 and bits <= _share(bits) and any(
            width == words * _share(bits) and rows <= depth for width, depth in _ROW_SHAPES):
        return 1
    return words * memory_cells(bits, rows, family)


def memory_cells(bits: int, words: int, family: Family) -> int:
    """Block RAMs of one memory: none where Yosys makes LUT RAMs or registers of it."""
    count = min(-(-bits // width) * -(-words // depth) for width, depth in family.ram_shapes)
    cost = family.memory_cost
    if cost is not None:
        if cost.lut_ram is None:
            without = float(bits * words)
        else:
            rows = -(-words // _LUT_RAM_WORDS)
            cells = bits / _LUT_RAM_BITS if cost.by_bits else -(-bits // _LUT_RAM_BITS)
            without = rows * cells * cost.lut_ram + _MUX_COST * (bits + 1) * (rows - 1)
        if without <= count * cost.block_ram:
            return 0
    return count
