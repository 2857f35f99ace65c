"""A host script as files that any simulator, and any host, can read.

| file              | contents                                                                   |
|-------------------|----------------------------------------------------------------------------|
| `host_in.mem`     | the beats that the host sends, one a line, in hex                          |
| `host_out.mem`    | the beats that must come back, by the golden model                         |
| `host_mask.mem`   | for each of these, 1 where a bit means something                           |
| `host_script.mem` | a line for each step: 0 and beats to send, or 1 and beats to take          |
| `io.json`         | what the words of a beat are                                               |
| `tb.v`            | a testbench that plays all this                                            |

All `.mem` files are fit for `$readmemh`. In a beat, and in its line, the first word is the lowest.
"""

import json
import re
from importlib.resources import files
from typing import Any

from hw.config import TorusConfig
from sw_driver.arrays import Beats
from sw_driver.compiled import Compiled
from sw_driver.script.host_script import HostScript
from sw_driver.script.io_words import io_facts
from sw_driver.script.names import BEAT_FILES, MARK, TESTBENCH

__all__ = ["lines_of_beats", "script_files"]

_FORMAT = 1  # The value of MARK: the version of these files.


def script_files(
    compiled: Compiled, script: HostScript, *, baked: bool = False, top: str = "torus"
) -> dict[str, bytes]:
    """Return the files of a script by name: `BEAT_FILES`, and `TESTBENCH`.

    Parameters
    ----------
    compiled
        The net.
    script
        What a host does with it.
    baked
        Whether the script wants a torus that holds the weights from the start.
    top
        What the beats are sent to, one of `hw.tops.TOPS`.
    """
    facts = {MARK: _FORMAT, **io_facts(compiled, script, baked=baked, top=top)}
    steps = (f"{int(not step.sends)} {step.beats:08x} // {step.what}\n" for step in script.steps)
    texts = (
        lines_of_beats(script.sent),
        lines_of_beats(script.answer.beats),
        lines_of_beats(script.answer.mask),
        "".join(steps),
        _json(facts),
    )
    contents = dict(zip(BEAT_FILES, texts, strict=True)) | {TESTBENCH: _testbench(script)}
    return {name: text.encode() for name, text in contents.items()}


def lines_of_beats(beats: Beats) -> str:
    """Write beats, uint32 [beats, words of a beat] with the low word first, a line for each."""
    return "".join(
        "".join(f"{word:08x}" for word in reversed(beat)) + "\n" for beat in beats.tolist()
    )


def _json(facts: dict[str, Any]) -> str:
    """Write JSON with a line for each fact, and for each list of numbers."""
    text = json.dumps(facts, indent=1)
    return re.sub(r"\[[^][{}]*\]", lambda found: re.sub(r"\s+", " ", found[0]), text) + "\n"


def _testbench(script: HostScript) -> str:
    text = (files("sw_driver.script") / TESTBENCH).read_text()
    sizes = {
        "PATIENCE": _patience_cycles(script.config),
        "BITS": script.config.host_bits,
        "STEPS": len(script.steps),
        "SENT": len(script.sent),
        "GIVEN": len(script.answer.beats),
    }
    for name, size in sizes.items():
        text = text.replace(f" {name} = 0;", f" {name} = {size};")
    return text


def _patience_cycles(config: TorusConfig) -> int:
    """Cycles without a beat after which a torus is taken to hang.

    Between two beats lies at most the work on a sample or two, in which each weight is used a few
    times.
    """
    return 20_000 + 16 * config.weight_words
