"""What `io.json` says: which number each word of a beat is, and what a number stands for."""

from typing import Any

import numpy as np

from golden.fixed.format import TrainingFormat
from hw.config import TorusConfig
from hw.tops import TOPS
from sw_driver.arrays import IntArray
from sw_driver.compiled import Compiled
from sw_driver.script.host_script import HostScript

__all__ = ["io_facts"]


def io_facts(compiled: Compiled, script: HostScript, *, baked: bool, top: str) -> dict[str, Any]:
    """Return what can be said of a net and its script in JSON; see `script_files`."""
    config, form, words = compiled.config, compiled.word_format, compiled.executable.words
    facts: dict[str, Any] = {
        "top_module": TOPS[top],
        "torus": f"{config.rows}x{config.cols}",
        "hardware_id": f"{config.hardware_id:016x}",
        "layers": [str(shape) for shape in compiled.shapes],
        "trains": compiled.trains,
        "baked": baked,
        "host_bits": config.host_bits,
        "word_bits": config.word_bits,
        "words_per_beat": config.beat_words,
        "beats_sent": len(script.sent),
        "beats_expected": len(script.answer.beats),
        "steps": len(script.steps),
        "input": _stream(config, words.input_map, config.act_bits, form.input_fraction_bits),
        "output": _stream(config, words.output_map, config.act_bits, form.output_fraction_bits),
    }
    if isinstance(form, TrainingFormat):
        name, bits, fraction = "gradient", form.grad_bits, form.gradient_fraction_bits
        if form.error_shift is not None:
            name, bits = "target", min(form.act_bits, form.grad_bits)
            fraction = form.output_fraction_bits
        facts[name] = _stream(config, words.gradients, bits, fraction)
    return facts


def _stream(config: TorusConfig, table: IntArray, bits: int, fraction_bits: int) -> dict[str, Any]:
    """Say how the numbers of a sample become beats: table [reps, R, words], -1 for padding."""
    rows = table.reshape(-1, table.shape[2])
    beats = -(-rows.shape[1] // config.beat_words)
    padded = np.full((len(rows), beats * config.beat_words), -1, np.int64)
    padded[:, : rows.shape[1]] = rows
    lanes: list[list[int]] = padded.reshape(-1, config.beat_words).tolist()
    return {
        "features": int(table.max()) + 1,
        "bits": bits,
        "fraction_bits": fraction_bits,
        "beats_per_sample": len(lanes),
        "feature_of_word": [[None if one < 0 else one for one in beat] for beat in lanes],
    }
