"""A cocotb test of a host script as a folder that needs nothing of this project.

| file                | contents                                                              |
|---------------------|-----------------------------------------------------------------------|
| `test_clostorus.py` | the test: it plays the script, and compares each beat                 |
| `streams.py`        | drivers, monitors and checkers of streams, which it uses              |
| `runner.py`         | builds the model and runs the test: `python runner.py torus.v`        |

and the `.mem` files and `io.json` of the script (`sw_driver.script.files`).
"""

from pathlib import Path

from sw_driver.compiled import Compiled
from sw_driver.script.files import script_files
from sw_driver.script.host_script import HostScript
from sw_driver.script.names import BEAT_FILES, BENCH_FILES, COCOTB_FILES, check_own
from sw_driver.system.files import write_files

__all__ = ["write_script_bench"]

_SOURCES = ("script_bench.py", "streams.py", "script_runner.py")
_START = """

if __name__ == '__main__':
    raise SystemExit(main())
"""


def write_script_bench(
    folder: Path, compiled: Compiled, script: HostScript, *, baked: bool
) -> list[str]:
    """Write the files into `folder`, which is made if it is not there; return their names.

    Parameters are those of `script_files`.

    Raises
    ------
    DriverError
        If the folder has other files of these names, or a file cannot be written.
    """
    check_own(folder, BENCH_FILES)
    contents = {name: _source(source) for name, source in zip(COCOTB_FILES, _SOURCES, strict=True)}
    script_contents = script_files(compiled, script, baked=baked)
    contents |= {name: script_contents[name] for name in BEAT_FILES}
    write_files(folder, contents)
    return list(contents)


def _source(name: str) -> bytes:
    """A file of this room, for a folder in which its neighbours stand alone."""
    text = Path(__file__).with_name(name).read_text()
    text = text.replace("from sim.testbenches.streams import", "from streams import")
    # It is a program only there: those of this project heed signals in their own way.
    return (text + (_START if "def main()" in text else "")).encode()
