"""`small_memory`: a memory of few words, each read into a register."""

from amaranth.lib import memory

__all__ = ["small_memory"]


def small_memory(shape, depth, init, platform):
    """Return an Amaranth memory of few words, such as biases.

    Its read port must lead into registers, without an enable, so that an FPGA without LUT RAM makes
    a block RAM of it. A read of the address that is written in the same cycle gives any word: never
    rely on it.

    A platform with `small_memory_attributes` says what the synthesiser of a vendor is to make of it
    (`hw.cells.ecp5`).

    Parameters
    ----------
    shape, depth, init
        As of `amaranth.lib.memory.Memory`.
    platform
        That of `elaborate`.
    """
    chosen = getattr(platform, "small_memory_attributes", {})
    return memory.Memory(shape=shape, depth=depth, init=init, attrs={"no_rw_check": 1, **chosen})
