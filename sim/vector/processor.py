"""What vector instructions the processor has."""

import functools
from pathlib import Path

__all__ = ["has_avx2", "has_avx512", "processor_flags"]

_CPUINFO = Path("/proc/cpuinfo")


@functools.cache
def processor_flags() -> frozenset[str]:
    """The flags that Linux lists for it; none elsewhere."""
    try:
        lines = _CPUINFO.read_text().splitlines()
    except OSError:
        return frozenset()
    return next((frozenset(line.partition(":")[2].split()) for line in lines
                 if line.startswith("flags")), frozenset())


def has_avx2() -> bool:
    """Whether it computes with vectors of 256 bits."""
    return "avx2" in processor_flags()


def has_avx512() -> bool:
    """Whether it computes with vectors of 512 bits, of bytes and 16-bit words, too."""
    return {"avx512f", "avx512bw", "avx512vl", "avx512dq"} <= processor_flags()
