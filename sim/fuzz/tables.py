"""Targets of other files: models, ONNX, IDX and CSV."""

import copy
import functools
import gzip
import io
import warnings
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import torch

from golden import ClosNet, ClosShape, load_checkpoint, save_model
from golden.data.loading import load_split
from golden.data.source import Source
from golden.models.onnx_file import load_onnx
from golden.system.digest import content_digest
from sim.fuzz.edits import ODD, apply_to_tree, draw_tree_edit
from sim.fuzz.target import FileTarget
from sw_driver.system.scratch import temporary_folder

__all__ = ["CsvTarget", "IdxTarget", "ModelTarget", "OnnxTarget"]

_TENSORS = {
    "halves": lambda one: one.half(), "doubles": lambda one: one.double(),
    "integers": lambda one: one.long(), "complex": lambda one: one.to(torch.complex64),
    "nan": lambda one: one * float("nan"), "infinite": lambda one: one / 0,
    "turned": lambda one: one.movedim(0, -1), "flat": lambda one: one.reshape(-1),
    "number": lambda one: one.sum(),
    "empty": lambda one: one[:0], "bits": lambda one: one > 0,
    "huge": lambda one: one.reshape(-1)[:1].expand(1 << 40),
    "sparse": lambda one: one.to_sparse(),
    "odd strides": lambda one: one.movedim(0, -1).contiguous().movedim(-1, 0),
}


@functools.cache
def _model(base: int) -> dict[str, Any]:
    """What a whole model file holds."""
    torch.manual_seed(base)
    shapes = [ClosShape(6, 4, 3, 2, 2), ClosShape(4, 3, 2, 2, 3)]
    model = ClosNet(shapes) if base < 2 else torch.nn.Sequential(
        torch.nn.Linear(6, 4), torch.nn.LeakyReLU(0.25), torch.nn.Linear(4, 3))
    training = {"epoch": 3, "rate": 0.1, "kept": [1, 2]} if base == 1 else None
    with temporary_folder() as folder:
        save_model(folder / "model.pt", model, training, data="digits")
        return torch.load(folder / "model.pt", weights_only=True)


class ModelTarget(FileTarget):
    """Model files, `.pt`: fields and tensors changed, with a digest that is right."""

    name, suffix, bases = "model", ".pt", 3
    job_inputs = 200

    def draw_inside(self, random: Random) -> list[Any]:
        """Draw a change of a field, or of a tensor."""
        if random.random() < 0.4:
            return ["tensor", random.randrange(8), random.choice(list(_TENSORS))]
        return draw_tree_edit(random)

    def made(self, base: int, inside: list[Any], folder: Path) -> bytes:
        """Return a file that holds something else."""
        content = copy.deepcopy(_model(base))
        content["state_dict"] = dict(content["state_dict"])
        del content["sha256"]
        for edit in inside:
            state = content.get("state_dict")
            if edit[0] != "tensor":
                content = apply_to_tree(content, [edit])
            elif isinstance(state, dict) and state:
                name = list(state)[edit[1] % len(state)]
                if isinstance(state[name], torch.Tensor):
                    state[name] = _changed(state[name], edit[2])
        try:
            content["sha256"] = content_digest(content)
        except (TypeError, ValueError, RecursionError, RuntimeError):
            content["sha256"] = "0" * 64
        file = io.BytesIO()
        torch.save(content, file)
        return file.getvalue()

    def read(self, path: Path) -> None:
        """Load it, and compute with it if it is one."""
        model = load_checkpoint(path).model
        model.eval()(torch.zeros(1, model.in_features, dtype=next(model.parameters()).dtype))


def _changed(tensor: torch.Tensor, how: str) -> torch.Tensor:
    if tensor.numel() > 1000:  # One that claims to be huge stays as it is.
        return tensor
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # That complex numbers lose a part.
            return _TENSORS[how](tensor)
    except (RuntimeError, IndexError):  # A change that this tensor cannot have after others.
        return tensor


@functools.cache
def _onnx(base: int) -> bytes:
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    rng = np.random.default_rng(base)
    w, v = rng.random((6, 4), np.float32), rng.random((4, 3), np.float32)
    slope: dict[str, Any] = {"alpha": 0.25} if base == 1 else {}
    nodes = [helper.make_node("Gemm", ["x", "w", "b"], ["h"], "first", alpha=1.0),
             helper.make_node(("Relu", "LeakyRelu", "Relu")[base], ["h"], ["r"], "between",
                              **slope),
             helper.make_node("MatMul", ["r", "v"], ["y"], "second")]
    graph = helper.make_graph(
        nodes, "net", [helper.make_tensor_value_info("x", TensorProto.FLOAT, ("batch", 6))],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(one, name)
         for name, one in (("w", w), ("v", v), ("b", rng.random(4, np.float32)))])
    model: onnx.ModelProto = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)])
    model.ir_version = 9
    return model.SerializeToString()


def _fields(message: Any) -> list[tuple[Any, Any, int | None]]:
    """All values of a message of protobuf: (message, field, place in it)."""
    found = []
    for field, value in message.ListFields():
        items: Any = [(None, value)] if _is_single(value) else enumerate(value)
        for place, one in items:
            if hasattr(one, "ListFields"):
                found += _fields(one)
            found.append((message, field, place))
    return found


def _is_single(value: object) -> bool:
    return isinstance(value, str | bytes | int | float) or not hasattr(value, "__len__")


class OnnxTarget(FileTarget):
    """Nets in ONNX files: fields of the message changed or removed."""

    name, suffix, bases = "onnx", ".onnx", 3
    job_inputs = 200

    def draw_inside(self, random: Random) -> list[Any]:
        """Draw a change of a field."""
        return [random.choice(["odd", "odd", "nudge", "remove"]), random.randrange(1 << 16),
                random.choice([*ODD, "x", "w", "h", "y", "Gemm", "Relu", "Reshape", "Transpose"])]

    def made(self, base: int, inside: list[Any], folder: Path) -> bytes:
        """Return a file of another message."""
        import onnx

        model = onnx.ModelProto.FromString(_onnx(base))
        for kind, number, odd in inside:
            fields = _fields(model)
            message, field, place = fields[number % len(fields)]
            _put(message, field, place, kind, odd)
        return model.SerializeToString()

    def read(self, path: Path) -> None:
        """Read the net, and compute with it if it is one."""
        net = load_onnx(path)
        kind = next((one.dtype for one in net.parameters()), torch.float32)
        net(torch.zeros(1, 6, dtype=kind))


def _put(message: Any, field: Any, place: int | None, kind: str, odd: Any) -> None:
    """Change a field, as far as its type allows."""
    value = getattr(message, field.name)
    if kind == "remove":
        if place is None:
            message.ClearField(field.name)
        else:
            del value[place]
        return
    held = value if place is None else value[place]
    if hasattr(held, "ListFields"):
        return
    if kind == "nudge" and isinstance(held, int | float):
        odd = held + 1
    if isinstance(held, bytes):
        odd = held[: len(held) // 2] if kind == "nudge" else str(odd).encode("utf-8", "replace")
    try:
        odd = type(held)(odd)
        if place is None:
            setattr(message, field.name, odd)
        else:
            value[place] = odd
    except (TypeError, ValueError, OverflowError):
        return


class IdxTarget(FileTarget):
    """IDX files of images and labels, gzipped or not: sizes, types and bytes changed."""

    name, suffix, bases = "idx", "", 2
    job_inputs = 300

    def draw_inside(self, random: Random) -> list[Any]:
        """Draw a change of a header."""
        return [random.randrange(4), random.choice([0, 1, 2, 3, 7, 8, 9, 255, 256, 65535, 1 << 31,
                                                    (1 << 32) - 1])]

    def made(self, base: int, inside: list[Any], folder: Path) -> bytes:
        """Return a file of images with another header."""
        sizes, kind = [6, 4, 3], 8
        for place, value in inside:
            if place == 3:
                kind = value % 256
            else:
                sizes[place] = value
        data = bytes([0, 0, kind, 3]) + b"".join(size.to_bytes(4, "big") for size in sizes)
        data += bytes(range(72))
        return gzip.compress(data, mtime=0) if base else data

    def attempt(self, case: dict[str, Any], folder: Path) -> None:
        """Read a folder that has these images."""
        data = self.content(case, folder)
        name = "train-images-idx3-ubyte"
        for part, count in (("train", 6), ("t10k", 6)):
            labels = bytes([0, 0, 8, 1]) + count.to_bytes(4, "big") + bytes(n % 3 for n in range(6))
            (folder / f"{part}-labels-idx1-ubyte").write_bytes(labels)
        (folder / "t10k-images-idx3-ubyte").write_bytes(self.made(0, [], folder))
        (folder / f"{name}.gz").unlink(missing_ok=True)
        (folder / name).unlink(missing_ok=True)
        self.read_folder(folder, name + (".gz" if case["base"] else ""), data)

    def read_folder(self, folder: Path, name: str, data: bytes) -> None:
        """Read the folder with one more file."""
        (folder / name).write_bytes(data)
        load_split(Source(str(folder)))

    def read(self, path: Path) -> None:
        """Read a single file of images, as data to run."""
        load_split(Source(str(path), test_fraction=0.5))


_CELLS = ["", "1", "-1", "0.5", "nan", "inf", "1e39", "1e999", "ant", "bee", '"', '"a"', '"a\nb"',
          "\u00e9", "1,2", "9" * 400, "1_0", " 1", "0x1", "\0", "True"]


class CsvTarget(FileTarget):
    """Tables in `.csv`: cells, names and lines changed."""

    name, suffix, bases = "csv", ".csv", 2
    job_inputs = 400

    def draw_inside(self, random: Random) -> list[Any]:
        """Draw a change of a line or of a cell."""
        return [random.choice(["cell", "cell", "cell", "remove", "double", "line"]),
                random.randrange(12), random.randrange(5), random.choice(_CELLS)]

    def made(self, base: int, inside: list[Any], folder: Path) -> bytes:
        """Return a table with other cells."""
        rng = np.random.default_rng(base)
        kinds = ["ant", "bee"] if base else ["0", "1"]
        rows = [["a", "b", "c", "kind"]] + [
            [*(f"{one:.4f}" for one in rng.random(3)), kinds[n % 2]] for n in range(8)]
        for kind, line, column, cell in inside:
            line %= len(rows)
            match kind:
                case "cell" if rows[line]:
                    rows[line][column % len(rows[line])] = cell
                case "remove":
                    del rows[line][column % 5 :]
                case "double":
                    rows.insert(line, list(rows[line]))
                case _:
                    rows.insert(line, [cell])
        return "".join(",".join(row) + "\n" for row in rows).encode()

    def read(self, path: Path) -> None:
        """Load it as `clostorus train` does."""
        load_split(Source(str(path), label="kind", test_fraction=0.5, standardise=True))
