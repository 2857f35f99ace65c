"""What `verilog --cocotb` refuses."""

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from golden.data.source import Source

__all__ = ["check_cocotb"]

_TOPS = ("torus", "axi", "wishbone")  # `hw.tops.WHOLE_TOPS`, which takes Amaranth.


def check_cocotb(
    folder: Path | None,
    file: Path | None,
    top: str,
    source: "Source | None",
    samples: int | None,
) -> None:
    """Refuse a cocotb test of what there is none for, or in whose place there are other files.

    Parameters
    ----------
    folder
        Where it is to go; None for no test.
    file
        Where the net comes from.
    top
        The top module.
    source, samples
        What the test runs, as far as the user says.

    Raises
    ------
    DriverError, GoldenError
        The message names the option.
    """
    from sw_driver.errors import DriverError
    from sw_driver.script.names import BENCH_FILES, check_own
    from sw_driver.system.files import check_folder

    if folder is None:
        if (source, samples) != (None, None):
            raise DriverError("data and samples need --cocotb: only its test runs samples")
        return
    if file is None:
        raise DriverError(
            "cocotb needs --config-from or --bake: without a net there are no golden outputs"
        )
    if top not in _TOPS:
        kinds = f"{', '.join(_TOPS[:-1])} or {_TOPS[-1]}"
        raise DriverError(f"cocotb needs --top {kinds}, to which its test sends beats, not {top}")
    check_folder(folder)
    check_own(folder, BENCH_FILES)
    if source is not None:
        source.check()
