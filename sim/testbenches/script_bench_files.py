"""A cocotb test of a host script as a folder that needs nothing of this project.

| file                | contents                                                              |
|---------------------|-----------------------------------------------------------------------|
| `test_clostorus.py` | the test: it plays the script, and compares each beat                 |
| `host.py`           | the host that it plays: of the bare torus, of AXI or of Wishbone      |
| `streams.py`        | drivers, monitors and checkers of streams, which they use             |
| `runner.py`         | builds the model and runs the test: `python runner.py torus.v`        |
| `register_map.py`   | the registers, for the hosts of AXI and Wishbone alone                |

and the `.mem` files and `io.json` of the script (`sw_driver.script.files`).
"""

import re
from importlib.resources import files
from pathlib import Path

from hw.tops import WHOLE_TOPS
from sw_driver.compiled import Compiled
from sw_driver.script.files import script_files
from sw_driver.script.host_script import HostScript
from sw_driver.script.names import BEAT_FILES, BENCH_FILES, REGISTER_FILE, check_own
from sw_driver.system.files import write_files

__all__ = ["write_script_bench"]

_ROOM = "sim.testbenches"
_SOURCES = {"test_clostorus.py": "script_bench.py", "streams.py": "streams.py",
            "runner.py": "script_runner.py"}
_START = """

if __name__ == '__main__':
    raise SystemExit(main())
"""


def write_script_bench(
    folder: Path, compiled: Compiled, script: HostScript, *, baked: bool, top: str = "torus"
) -> list[str]:
    """Write the files into `folder`, which is made if it is not there; return their names.

    Parameters
    ----------
    folder
        Where they go.
    compiled, script, baked
        As in `script_files`.
    top
        What the host has before it: one of `hw.tops.WHOLE_TOPS`.

    Raises
    ------
    DriverError
        If the folder has other files of these names, or a file cannot be written.
    ValueError
        If there is no host of this top.
    """
    if top not in WHOLE_TOPS:
        raise ValueError(f"top must be one of {', '.join(WHOLE_TOPS)}, not {top!r}")
    check_own(folder, BENCH_FILES)
    sources = _SOURCES | {"host.py": f"{top}_host.py"}
    contents = {name: _source(_ROOM, source) for name, source in sources.items()}
    if top != "torus":
        contents[REGISTER_FILE] = _source("hw.bus", REGISTER_FILE)
    script_contents = script_files(compiled, script, baked=baked, top=top)
    contents |= {name: script_contents[name] for name in BEAT_FILES}
    write_files(folder, contents)
    return list(contents)


def _source(package: str, name: str) -> bytes:
    """A file of a package, for a folder in which its neighbours stand alone."""
    text = (files(package) / name).read_text()
    text = re.sub(r"from sim\.testbenches\.\w+_host import", "from host import", text)
    text = re.sub(r"from (?:sim\.testbenches|hw\.bus)\.(\w+) import", r"from \1 import", text)
    # It is a program only there: those of this project heed signals in their own way.
    return (text + (_START if "def main()" in text else "")).encode()
