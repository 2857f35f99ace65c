"""`c_header`: a compiled net as a C header, for the library `clostorus.h` beside this file."""

import dataclasses
import json
import zlib
from importlib.resources import files

from golden.fixed.format import TrainingFormat
from golden.fixed.state import TrainingState
from sw_driver.c_host.names import LIBRARY, check_c_name
from sw_driver.c_host.text import PADDING, Definitions, Value, braces
from sw_driver.c_host.training import TrainingParts
from sw_driver.compiled import Compiled
from sw_driver.errors import DriverError
from sw_driver.program.host_stream import program_beats

__all__ = ["c_header", "library_header"]

_MEMBERS = (  # Of a clostorus_net, in their order, in which C++ wants them.
    "format", "id", "weights_id", "hardware_id", "host_bits", "word_bits", "act_bits", "grad_bits",
    "rows", "cols", "inputs", "outputs", "input_fraction_bits", "output_fraction_bits",
    "gradient_fraction_bits", "input", "output", "gradient", "load", "infer", "infer_count",
    "train", "state", "beat_words",
)  # fmt: skip
_NET_FORMAT = 1  # CLOSTORUS_NET_FORMAT of the library that reads what is written here.


def library_header() -> bytes:
    """Return the text of the library."""
    return (files("sw_driver.c_host") / LIBRARY).read_bytes()


def c_header(
    compiled: Compiled, name: str, *, samples: int, state: TrainingState | None = None
) -> str:
    """Write a net as a C header, which defines the `clostorus_net` of this name.

    Parameters
    ----------
    compiled
        The net.
    name
        Of the constant, as `c_name` makes it; its macros begin with the same in capitals.
    samples
        Of the longest program that infers, and of a run that trains.
    state
        What a net that trains begins with; None for inference.

    Raises
    ------
    DriverError
        If the name is none in C; if the net has more than 65,534 inputs or outputs, or gives the
        gradient of its inputs; or if there is no state for a net that trains, or one for a net
        that does not.
    GoldenError
        If the state is not one of this net on this torus.
    ProgramError
        If there are too many samples, or none.
    """
    check_c_name(name)
    executable = compiled.executable
    most = max(executable.in_features, executable.out_features)
    if most >= PADDING:
        raise DriverError(
            f"a net in C must have at most {PADDING - 1} inputs and outputs, not {most}"
        )
    if compiled.trains != (state is not None):
        wanted = "that of the training" if compiled.trains else "None for a net for inference"
        raise DriverError(f"state must be {wanted}, not {type(state).__name__}")
    to = Definitions(name)
    load = to.words("load", executable.load(state).beats)
    runs = [
        braces(count, to.words(f"infer_{count}", program_beats(
            executable.loop.program(compiled.config, count))), 0, 0)
        for count in dict.fromkeys((samples, 1))
    ]
    infer = to.table("clostorus_run", "infer", runs)
    training = (
        TrainingParts(compiled, to, samples, f"{name}_load") if compiled.trains else None
    )
    net = _net(compiled, to, training)
    net |= {"load": load, "infer": infer, "infer_count": len(runs)}
    fields = "".join(f"    .{field} = {net[field]},\n" for field in _MEMBERS)
    constant = f"static const clostorus_net {name} = {{\n{fields}}};\n"
    return _framed(compiled, name, samples, training, f"{to.text}\n{constant}")


def _net(
    compiled: Compiled, to: Definitions, training: TrainingParts | None
) -> dict[str, Value]:
    """The members of the `clostorus_net`, but for its programs that infer and what it loads."""
    config, form, executable = compiled.config, compiled.word_format, compiled.executable
    low, high = config.hardware_id & 0xFFFFFFFF, config.hardware_id >> 32
    net: dict[str, Value] = {
        "format": f"{_NET_FORMAT}u",
        "id": f"0x{_net_id(compiled):08X}u",
        "weights_id": f"0x{0 if compiled.trains else executable.images.weights_id:08X}u",
        "hardware_id": braces(f"0x{low:08X}u", f"0x{high:08X}u"),
        "host_bits": config.host_bits,
        "word_bits": config.word_bits,
        "beat_words": config.beat_words,
        "act_bits": config.act_bits,
        "rows": config.rows,
        "cols": config.cols,
        "inputs": executable.in_features,
        "outputs": executable.out_features,
        "input_fraction_bits": form.input_fraction_bits,
        "output_fraction_bits": form.output_fraction_bits,
        "input": to.map("input", executable.words.input_map),
        "output": to.map("output", executable.words.output_map),
    }
    if training is None or not isinstance(form, TrainingFormat):
        none: dict[str, Value] = dict.fromkeys(("grad_bits", "gradient_fraction_bits", "train"), 0)
        return net | none | {"gradient": braces(0, 0, 0), "state": 0}
    return net | {
        "grad_bits": form.grad_bits,
        "gradient_fraction_bits": form.gradient_fraction_bits,
        "gradient": training.gradient,
        "train": training.run,
        "state": training.state,
    }


def _net_id(compiled: Compiled) -> int:
    """Return what checkpoints of the net are known by: 0 where nothing trains."""
    if not compiled.trains:
        return 0
    described = json.dumps(dataclasses.asdict(compiled.format), sort_keys=True)
    return zlib.crc32(described.encode())


def _framed(
    compiled: Compiled, name: str, samples: int, training: TrainingParts | None, body: str
) -> str:
    """Put a comment, a guard and macros around what a header defines."""
    config, form, upper = compiled.config, compiled.word_format, name.upper()
    macros: dict[str, Value] = {
        "INPUTS": compiled.executable.in_features,
        "OUTPUTS": compiled.executable.out_features,
        "ACT_BITS": config.act_bits,
        "INPUT_FRACTION_BITS": form.input_fraction_bits,
        "OUTPUT_FRACTION_BITS": form.output_fraction_bits,
    }
    if training is not None and isinstance(form, TrainingFormat):
        macros |= {
            "GRAD_BITS": form.grad_bits,
            "GRADIENT_FRACTION_BITS": form.gradient_fraction_bits,
            "TRAIN_SAMPLES": samples,
            "CHECKPOINT_WORDS": f"({training.state_words}u + CLOSTORUS_CHECKPOINT_EXTRA)",
        }
    lines = "".join(f"#define {upper}_{key} {value}\n" for key, value in macros.items())
    trains = " that trains" if compiled.trains else ""
    return (
        f"/* {name}: layers {', '.join(map(str, compiled.shapes))}; {config.act_bits}-bit\n"
        f" * activations, on a {config.rows}x{config.cols} torus{trains}, hardware id\n"
        f" * {config.hardware_id:016x}. Written by `clostorus export --c`. */\n"
        f"#ifndef {upper}_H\n#define {upper}_H\n\n"
        f'#include "{LIBRARY}"\n\n{lines}\n{body}\n#endif /* {upper}_H */\n'
    )
