"""A compiled net as files that people and other tools can read.

| file                     | contents                                                           |
|--------------------------|--------------------------------------------------------------------|
| `weights_r{r}_c{c}.mem`  | weight memory of PE (r, c), one hex word of `weight_bits` a line    |
| `biases_r{r}_c{c}.mem`   | its bias memory, one hex word of `bias_bits` a line                 |
| `program_pe.mem`         | program of the PEs, one hex word of `word_bits` a line              |
| `program_gateway.mem`    | program of the gateways, in the same way                           |
| `schedule.json`          | every op in words, with its predicted cycles, and all queues        |
| `schedule.svg`           | a picture of the steady state                                      |

Words are two's complement, fit for `$readmemh`. The programs are those of a run of
`PROGRAM_SAMPLES` samples; another number changes the counts of their LOOP ops.

With samples, or for a net that trains, there are the files of a host script, too
(`sw_driver.script.files`). A net that trains has these alone: what else it has is a state.
"""

import dataclasses
import itertools
import json
import re
from collections.abc import Iterable, Sequence
from enum import Enum
from pathlib import Path
from typing import Any

from hw.op_fields import Axis
from sw_driver.compiled import Compiled
from sw_driver.errors import DriverError
from sw_driver.predict.op_table import op_table
from sw_driver.predict.schedule_picture import schedule_svg
from sw_driver.program.image import Op
from sw_driver.program.program import OP_KINDS, QUEUE_NAMES
from sw_driver.script.files import script_files
from sw_driver.script.host_script import HostScript
from sw_driver.script.names import SCRIPT_FILES, check_own, is_own
from sw_driver.system.files import files_in, write_files

__all__ = ["PROGRAM_SAMPLES", "export_files", "exported_files"]

PROGRAM_SAMPLES = 64
"""Samples of the run whose programs are exported."""

_OTHER_FILES = ("program_pe.mem", "program_gateway.mem", "schedule.json", "schedule.svg")
_MEMORY_FILE = re.compile(r"(weights|biases)_r\d+_c\d+\.mem")


def export_files(
    compiled: Compiled,
    folder: Path | str,
    script: HostScript | None = None,
    *,
    baked: bool = False,
) -> list[str]:
    """Write the files of a compiled net into `folder`, which is made if it is not there.

    All files are written before one takes its place, so that none is ever half a file. Files of an
    earlier export that this one does not have are removed.

    Parameters
    ----------
    compiled, folder
        The net, and where its files go.
    script
        What a host does with it, as `inference_script` and `training_script` write it. A net for
        inference needs none.
    baked
        Whether the script wants a torus that holds the weights from the start.

    Returns
    -------
    list of str
        The names of the files.

    Raises
    ------
    DriverError
        If an argument is something else, if the net trains and there is no script, if the folder
        has other files of the names of a script's, or if the folder or a file cannot be written.
    """
    if not isinstance(compiled, Compiled):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise DriverError(
            "compiled must come first, and the folder after it: export_files(compiled, folder), "
            f"not a {type(compiled).__name__}"
        )
    if script is None and compiled.trains:
        raise DriverError(
            "script must be that of a training, with its state, for a net that trains: "
            "sw_driver.script.training.training_script(compiled, state, lessons), not None"
        )
    folder = Path(folder)
    contents = {} if compiled.trains else _contents(compiled)
    if script is not None:
        check_own(folder, SCRIPT_FILES)
        contents |= script_files(compiled, script, baked=baked)
    write_files(folder, contents)
    try:
        for old in _former_files(folder):
            if old.name not in contents:
                old.unlink()
    except OSError as error:
        raise DriverError(f"{folder} cannot be written: {error.strerror or error}") from error
    return list(contents)


def exported_files(folder: Path, rows: int, cols: int) -> list[Path]:
    """The files that an export for a torus of this size writes to a folder, or removes there.

    Raises
    ------
    DriverError
        If the folder cannot be read.
    """
    pes = itertools.product(("weights", "biases"), range(rows), range(cols))
    names = {*_OTHER_FILES, *SCRIPT_FILES, *(_memory_file(*pe) for pe in pes)}
    return sorted({*(folder / name for name in names), *_former_files(folder)})


def _memory_file(kind: str, row: int, col: int) -> str:
    return f"{kind}_r{row}_c{col}.mem"


def _former_files(folder: Path) -> list[Path]:
    """Those of an earlier export that another one may lack."""
    own = SCRIPT_FILES if is_own(folder) else ()
    return [
        path for path in files_in(folder) if _MEMORY_FILE.fullmatch(path.name) or path.name in own
    ]


def _contents(compiled: Compiled) -> dict[str, bytes]:
    """Every file by name."""
    config, executable = compiled.config, compiled.executable
    program = executable.loop.program(config, PROGRAM_SAMPLES)
    contents: dict[str, bytes] = {}
    for name, images, bits in (
        ("weights", executable.images.weights, config.weight_bits),
        ("biases", executable.images.biases, config.bias_bits),
    ):
        for row in range(config.rows):
            for col in range(config.cols):
                words: list[int] = images[row, col].tolist()
                contents[_memory_file(name, row, col)] = _hex_lines(words, bits)
    text = json.dumps(_schedule(compiled), indent=1)
    others = (
        _hex_lines(program.pe_image, config.word_bits),
        _hex_lines(program.gateway_image, config.word_bits),
        f"{text}\n".encode(),
        schedule_svg(compiled),
    )
    return contents | dict(zip(_OTHER_FILES, others, strict=True))


def _hex_lines(words: Iterable[int], bits: int) -> bytes:
    digits = -(-bits // 4)
    mask = (1 << bits) - 1
    return "".join(f"{word & mask:0{digits}x}\n" for word in words).encode()


def _schedule(compiled: Compiled) -> dict[str, Any]:
    """What `schedule.json` says."""
    config, prediction = compiled.config, compiled.prediction
    queues = compiled.executable.loop.queues(PROGRAM_SAMPLES)
    return {
        "torus": dataclasses.asdict(config),
        "hardware_id": f"{config.hardware_id:016x}",
        "layers": [str(shape) for shape in compiled.net.shapes],
        "order": [compiled.stages[index].name for index in compiled.order],
        "extra_turns": list(compiled.extra_turns),
        "predicted": {
            "cycles_per_sample": prediction.cycles,
            "bounds_cycles": prediction.bounds,
            "utilisation": prediction.utilisation,
        },
        "ops": [dataclasses.asdict(row) for row in op_table(compiled)],
        "programs": {
            "samples": PROGRAM_SAMPLES,
            "queues": {
                name: _in_words(name, queue)
                for name, queue in zip(QUEUE_NAMES, queues, strict=True)
            },
        },
    }


def _in_words(queue: str, ops: Sequence[Op]) -> list[dict[str, Any]]:
    """Ops of one queue with names in the place of numbers; a LOOP's target is an index here."""
    enums: dict[str, type[Enum]] = {"kind": OP_KINDS[queue], "axis": Axis, "dest": Axis}
    return [
        {name: enums[name](value).name if name in enums else value for name, value in op.items()}
        for op in ops
    ]
