"""ONNX files that were cut, flipped or made up, and command lines about nets of one's own."""

import random
import shlex
import warnings
from collections.abc import Iterator
from pathlib import Path

import onnx
from onnx import helper

from golden import GoldenWarning
from tests.hostile.case import Case, Workshop

GROUP = "files"
_COMMANDS = (
    ("compile", "{bad}", "--torus", "2x2", "--reduction", "1.5", "--data", "digits", "-o", "o.ctz"),
    ("train", "--from", "{bad}", "--epochs", "1", "--data", "digits", "-o", "out.pt"),
)
_NET = "{files}/net.onnx"
_COMPILE = f"compile {_NET} --torus 2x2 -o m.ctz --data digits"
_TRAIN = f"train --data digits --from {_NET}"

LINES = {
    "compile none.onnx --torus 2x2 -o m.ctz": "MODEL none.onnx cannot be read: No such file",
    f"{_COMPILE} --weights {{files}}/w.pt": "--weights must be left out where MODEL is a model fil",
    f"{_COMPILE} --reduction 0": "--reduction must be above 1 and finite, not 0",
    f"{_COMPILE} --reduction -5.5": "--reduction must be above 1 and finite, not -5.5",
    f"{_COMPILE} --reduction 1": "--reduction must be above 1 and finite, not 1",
    f"{_COMPILE} --reduction nan": "--reduction must be above 1 and finite, not nan",
    f"{_COMPILE} --reduction inf": "--reduction must be above 1 and finite, not inf",
    f"{_COMPILE} --reduction much": "'--reduction': .* valid number.*, not much",
    f"{_COMPILE} --reduction 1e9": "--reduction must be above 1 and at most [0-9.]+, so that one",
    "compile {files}/model.pt --torus 2x2 -o m.ctz --reduction 2": "--reduction needs a model with "
    "a dense layer",
    f"compile {_NET} --torus 2x2 -o m.ctz --reduction 2": "--data must name the samples that set",
    f"compile {_NET} --torus 2x2 -o m.ctz --reduction 2 --data mnist10k": "--data must be samples "
    "of 64 values",
    f"compile {_NET} --torus 2x2 -o {_NET} --data digits": "--output must not be a file that MODEL",
    "compile {files}/beside.onnx --torus 2x2 -o {files}/beside.bin --data digits": "--output "
    "must not be a file that MODEL reads: .*beside.bin would be lost",
    f"{_TRAIN} -o {_NET}": "--output must not be a file that --from reads",
    "train --data digits --from {files}/beside.onnx -o {files}/beside.bin": "--output must not be "
    "a file that --from reads: .*beside.bin would be lost",
    "train --from none.onnx -o m.pt": "--from none.onnx cannot be read: No such file",
    "train --from none.pt -o m.pt": "--from none.pt cannot be read: No such file",
    "train --from {files} -o m.pt": "--from .*files cannot be read: Is a directory",
    "train --from {files}/x.npy -o m.pt": "--from .*x.npy must be a model file of Clostorus",
    "train --from '' -o m.pt": "--from must not be empty",
    f"train --from {_NET} -o m.pt": "--data must name the samples to train on: .*net.onnx does not",
    f"train --from {_NET} --data mnist10k -o m.pt": "must have 784 inputs, the features of mnist10",
    f"{_TRAIN} --layer 64,10,8,8,5 -o m.pt": "--layer and --from must not be given together",
    f"{_TRAIN} --resume -o m.pt": "--resume and --from must not be given together",
    f"{_TRAIN} --reduction 1e9 -o m.pt": "--reduction must be above 1 and at most",
    "train --reduction 2 -o m.pt": "--reduction needs --from, which names the net",
    "train --from {files}/model.pt --reduction 2 -o m.pt": "--reduction needs a model with a dense",
}


def _changed(data: bytes, **fields: str) -> bytes:
    """The file whose weights lie beside it, with other words about where."""
    model = onnx.ModelProto.FromString(data)
    for tensor in model.graph.initializer:
        for entry in tensor.external_data:
            entry.value = fields.get(entry.key, entry.value)
    return model.SerializeToString()


def _with_node(data: bytes, *args: object, **options: object) -> bytes:
    """The file with one more node at its end."""
    model = onnx.ModelProto.FromString(data)
    last = model.graph.output[0].name
    model.graph.node.append(helper.make_node(args[0], [last, *args[1:]], ["end"], "odd", **options))
    model.graph.output[0].name = "end"
    return model.SerializeToString()


# From which file, and what is made of its bytes.
DAMAGES = {
    "empty": ("net.onnx", lambda data: b""),
    "cut in the middle": ("net.onnx", lambda data: data[: len(data) // 2]),
    "cut by a byte": ("net.onnx", lambda data: data[:-1]),
    "followed by zeros": ("net.onnx", lambda data: data + bytes(10)),
    "text": ("net.onnx", lambda data: b"no net at all\n"),
    "a model file": ("model.pt", lambda data: data),
    "weights in another folder": ("beside.onnx", lambda data: _changed(data, location="../w.bin")),
    "weights in /etc/passwd": ("beside.onnx", lambda data: _changed(data, location="/etc/passwd")),
    "weights that are missing": ("beside.onnx", lambda data: _changed(data, location="none.bin")),
    "weights in itself, too few": ("beside.onnx", lambda data: _changed(data, location="bad.onnx")),
    "weights behind the end": ("beside.onnx", lambda data: _changed(data, offset="99999999999")),
    "weights of a terabyte": ("beside.onnx", lambda data: _changed(data, length=str(1 << 40))),
    "a softmax": ("net.onnx", lambda data: _with_node(data, "Softmax")),
    "a branch": ("net.onnx", lambda data: _with_node(data, "Add", "x")),
    "a quantiser": ("net.onnx", lambda data: _with_node(data, "Quant", domain="onnx.brevitas")),
    "an attribute of another type": ("net.onnx", lambda data: _with_node(data, "LeakyRelu",
                                                                         alpha="much")),
}


def cases() -> Iterator[Case]:
    """List all."""
    for line, message in LINES.items():
        yield _line_case(line, message)
    for name in DAMAGES:
        yield _damage_case(name)
    for number in range(12):
        yield _flip_case(number)


def _line_case(line: str, message: str) -> Case:
    short = line.replace("{files}/", "").replace("{files}", "FOLDER")
    return Case("command line", short,
                lambda bench: bench.refused(message, *shlex.split(line)))


def _put(bench: Workshop, data: bytes) -> Path:
    path = bench.here / "bad.onnx"
    path.write_bytes(data)
    return path


def _damage_case(name: str) -> Case:
    kind, change = DAMAGES[name]

    def attempt(bench: Workshop) -> None:
        bad = _put(bench, change((bench.files / kind).read_bytes()))
        for command in _COMMANDS:
            bench.refused("bad.onnx", *(word.replace("{bad}", str(bad)) for word in command))

    return Case(GROUP, f"an ONNX file: {name}", attempt)


def _flip_case(number: int) -> Case:
    """A flipped bit is refused, or it is in a weight, of which no file of ONNX has a digest."""

    def attempt(bench: Workshop) -> None:
        whole, rng = (bench.files / "net.onnx").read_bytes(), random.Random(number)
        place = rng.randrange(200) if number % 2 else rng.randrange(len(whole))
        data = bytearray(whole)
        data[place] ^= 1 << rng.randrange(8)
        bad = _put(bench, bytes(data))
        command = [word.replace("{bad}", str(bad)) for word in _COMMANDS[0]]
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", GoldenWarning)  # Of a weight that is far too large.
            code = bench.run(*command).exit_code
        if code:
            bench.refused("", *command)

    return Case(GROUP, f"an ONNX file with a flipped bit, {number}", attempt)
