"""Artifacts whose manifest, digest or contents somebody rewrote: refused, or run as they say."""

import io
import json
import zipfile
from collections.abc import Iterator

from sw_driver.files.archive import read_archive, write_archive
from tests.hostile.case import Case, Workshop
from tests.hostile.file_cases import GROUP, READERS, outcome


def cases() -> Iterator[Case]:
    """List all."""
    for name in MANIFESTS:
        yield _manifest_case(name)
    for name in DIGESTS:
        yield _digest_case(name)
    for name in FORGED:
        yield _forged_case(name)


def _manifest(change):
    """A change of an artifact's manifest, whose arrays stay as they are."""

    def changed(data: bytes) -> bytes:
        file = io.BytesIO()
        with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(file, "w") as new:
            for info in old.infolist():
                content = old.read(info)
                if info.filename == "manifest.json":
                    content = change(content)
                new.writestr(info.filename, content)
        return file.getvalue()

    return changed


def _field(name: str, value: object):
    def change(content: bytes) -> bytes:
        fields = json.loads(content)
        fields[name] = value
        return json.dumps(fields).encode()

    return _manifest(change)


def _config(name: str, value: object):
    def change(content: bytes) -> bytes:
        fields = json.loads(content)
        fields["config"][name] = value
        return json.dumps(fields).encode()

    return _manifest(change)


MANIFESTS = {
    "100,000 brackets": _manifest(lambda _: b"[" * 100_000),
    "100,000 braces": _manifest(lambda _: b'{"a":' * 100_000),
    "a number of 10,000 digits": _manifest(lambda _: b"1" * 10_000),
    "nothing": _manifest(lambda _: b""),
    "a list": _manifest(lambda _: b"[]"),
    "null": _manifest(lambda _: b"null"),
    "not UTF-8": _manifest(lambda content: content.replace(b"clostorus", b"\xff\xfe")),
    "no members": _field("members", {}),
    "members that are a list": _field("members", []),
    "members without digests": _field("members", {"a.npy": {}}),
    "another format": _field("format", "zip"),
    "version 10**30": _field("version", 10**30),
    "version null": _field("version", None),
    "order of another net": _field("order", [0]),
    "order of text": _field("order", "abcdef"),
    "order of fractions": _field("order", [0.5] * 7),
    "a net of no layers": _field("net", {"act_bits": 16, "weight_bits": 16, "layers": []}),
    "a net that is a list": _field("net", [1]),
    "baked that is a number": _field("baked", 1),
    "data that are a list": _field("data", ["digits"]),
    "another hardware id": _field("hardware_id", "0" * 16),
    "a loop of -1 runs": _field("loop", {"flat": -1, "cut": [], "fields": {}}),
    "0 rows": _config("rows", 0),
    "rows beyond 64 bits": _config("rows", 2**70),
    "rows that are text": _config("rows", "2"),
    "rows that are a truth value": _config("rows", True),
    "words of 1000 bits": _config("act_bits", 1000),
    "an unknown field": _config("lanes", 9),
}


def _manifest_case(name: str) -> Case:
    def attempt(bench: Workshop) -> None:
        whole = (bench.files / "model.ctz").read_bytes()
        for command in READERS["model.ctz"]:
            assert outcome(bench, "model.ctz", command, MANIFESTS[name](whole)) is None, command

    return Case(GROUP, f"an artifact's manifest, {name}", attempt)


DIGESTS = {
    "none": _manifest(lambda content: _without_digest(content)),
    "none, of a version before, another order": _manifest(
        lambda content: _without_digest(content, version=2, order=[1, 0, 2])
    ),
    "of zeros": _field("digest", "0" * 64),
    "empty": _field("digest", ""),
    "null": _field("digest", None),
    "a number": _field("digest", 10**40),
    "a truth value": _field("digest", True),
    "a list": _field("digest", ["0" * 64]),
    "100,000 letters": _field("digest", "a" * 100_000),
}


def _without_digest(content: bytes, **changes: object) -> bytes:
    fields = json.loads(content)
    del fields["digest"]
    return json.dumps({**fields, **changes}).encode()


def _digest_case(name: str) -> Case:
    def attempt(bench: Workshop) -> None:
        whole = (bench.files / "model.ctz").read_bytes()
        for command in READERS["model.ctz"]:
            assert outcome(bench, "model.ctz", command, DIGESTS[name](whole)) is None, command

    return Case(GROUP, f"an artifact's digest, {name}", attempt)


def _forged(change):
    """A change of an artifact's manifest and arrays, with all digests computed again."""

    def changed(bench: Workshop) -> bytes:
        manifest, arrays = read_archive(bench.files / "model.ctz")
        change(manifest, arrays)
        path = bench.here / "forged.ctz"
        write_archive(path, manifest, arrays)
        return path.read_bytes()

    return changed


def _put(name: str, place: tuple[int, ...], value: int):
    return _forged(lambda manifest, arrays: arrays[name].__setitem__(place, value))


def _all(name: str, value: int):
    return _forged(lambda manifest, arrays: arrays[name].fill(value))


def _said(*path: str | int, value: object):
    def change(manifest, arrays) -> None:
        inner = manifest
        for key in path[:-1]:
            inner = inner[key]
        inner[path[-1]] = value

    return _forged(change)


_MOST = (1 << 63) - 1
FORGED = {
    "host words beyond the inputs": _put("map.inputs", (0, 0, 0), 64),
    "host words beyond 64 bits of sense": _put("map.inputs", (0, 0, 0), _MOST),
    "host words below the inputs": _put("map.outputs", (0, 0), -2),
    "no input at all": _all("map.inputs", -1),
    "every output the first": _all("map.outputs", 0),
    "weights beyond their bits": _put("image.weights", (0, 0, 0), _MOST),
    "weights of no words": _forged(
        lambda manifest, arrays: arrays.update(
            {"image.weights": arrays["image.weights"][:, :, :0]}
        )
    ),
    "weights of another torus": _forged(
        lambda manifest, arrays: arrays.update({"image.weights": arrays["image.weights"][:1]})
    ),
    "ops that END": _put("loop.flat1.mac", (0, 0), 0),
    "ops that LOOP": _put("loop.body.ring", (0, 0), 1),
    "ops that JUMP": _put("loop.flat1.host_in", (0, 0), 7),
    "ops of no kind": _put("loop.flat1.row", (0, 0), _MOST),
    "ops below 0": _put("loop.flat1.row", (0, 1), -1),
    "ops that wait for ever": _put("loop.flat1.mac", (0, 14), 200),
    "ops that send nothing": _put("loop.flat1.ring", (0, 3), 0),
    "ops that never end": _put("loop.flat1.host_in", (0, 1), 100),
    "no ops": _forged(
        lambda manifest, arrays: arrays.update(
            {name: ops[:0] for name, ops in arrays.items() if name.startswith("loop")}
        )
    ),
    "an order too short": _said("order", value=[0]),
    "an order of nothing": _said("order", value=[]),
    "an order turned round": _said("order", value=[6, 5, 4, 3, 2, 1, 0]),
    "a cut beyond the ops": _said("loop", "cut", value=[1000] * 6),
    "a layer of no inputs": _said("net", "layers", 0, "shape", value=[0, 16, 8, 2, 4]),
    "a layer of 10**9 inputs": _said("net", "layers", 0, "shape", value=[10**9, 16, 8, 2, 4]),
    "shifts of 1000 bits": _said("net", "layers", 0, "weight_fraction_bits", value=[1000] * 3),
    "a leak of text": _said("net", "layers", 0, "leak_shift", value="2"),
    "a leak of 100 places": _said("net", "layers", 0, "leak_shift", value=100),
    "a leak besides a ReLU": _said("net", "layers", 0, "leak_shift", value=1),
    "bounds of text": _said("net", "layers", 1, "bounds", value="-3 to 3"),
    "bounds that are a number": _said("net", "layers", 1, "bounds", value=3),
    "bounds turned round": _said("net", "layers", 1, "bounds", value=[3, -3]),
    "bounds beyond the words": _said("net", "layers", 1, "bounds", value=[-(10**9), 3]),
    "bounds that the ops have not": _said("net", "layers", 1, "bounds", value=[-3, 3]),
    "a torus with bounds": _said("config", "bounded", value=1),
    "words of 10**9 bits": _said("net", "act_bits", value=10**9),
    "data that are a list": _said("data", value=["digits"]),
    "baked that is a number": _said("baked", value=1),
    "no net": _said("net", value=None),
    "no loop": _said("loop", value={}),
}


def _forged_case(name: str) -> Case:
    """Whoever forges a file can have it run; no command stumbles, and `verify` tells."""

    def attempt(bench: Workshop) -> None:
        data = FORGED[name](bench)
        for command in READERS["model.ctz"]:
            found = outcome(bench, "model.ctz", command, data)
            assert found is None or command[0] != "verify", command

    return Case(GROUP, f"a forged artifact, {name}", attempt)
