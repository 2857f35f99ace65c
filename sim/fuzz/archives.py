"""Targets that are archives of arrays: artifacts, their manifests, and `.npz` data."""

import functools
import io
import json
import zipfile
from pathlib import Path
from random import Random
from typing import Any

import numpy as np

from golden import ClosShape
from golden.data.loading import load_split
from golden.data.source import Source
from golden.layers.dense import DenseShape, LayerShape
from golden.vectors.nets import random_net, random_words
from sim.fuzz.edits import (
    apply_to_arrays,
    apply_to_tree,
    draw_array_edit,
    draw_tree_edit,
)
from sim.fuzz.target import FileTarget
from sw_driver.compiler import compile
from sw_driver.files.archive import read_archive, write_archive
from sw_driver.files.artifact import load_artifact, save_artifact

__all__ = ["ArtifactTarget", "ManifestTarget", "NpzTarget"]

_NETS: list[tuple[list[LayerShape], str]] = [
    ([ClosShape(6, 4, 3, 2, 2)], "1x1"),
    ([ClosShape(9, 6, 3, 2, 2), ClosShape(6, 4, 2, 3, 2)], "2x2"),
    ([ClosShape(8, 6, 2, 2, 3), DenseShape(6, 3)], "1x2"),
]


@functools.cache
def artifact(base: int) -> tuple[str, dict[str, np.ndarray]]:
    """Return the manifest, as JSON, and the arrays of a whole artifact."""
    shapes, torus = _NETS[base]
    path = Path("/dev/null")
    from sw_driver.system.scratch import temporary_folder

    with temporary_folder() as folder:
        path = folder / "net.ctz"
        save_artifact(path, compile(random_net(shapes, seed=base), torus))
        manifest, arrays = read_archive(path)
    return json.dumps(manifest), arrays


class ArtifactTarget(FileTarget):
    """Artifacts, `.ctz`: words, types and shapes of the arrays, with digests that are right."""

    name, suffix, bases = "artifact", ".ctz", len(_NETS)
    job_inputs, weight = 100, 2.0

    def draw_inside(self, random: Random) -> list[Any]:
        """Draw a change of an array."""
        return draw_array_edit(random)

    def made(self, base: int, inside: list[Any], folder: Path) -> bytes:
        """Return an artifact with other arrays."""
        manifest, arrays = artifact(base)
        return self._written(json.loads(manifest), apply_to_arrays(arrays, inside), folder)

    def read(self, path: Path) -> None:
        """Load it, and make the programs and beats of a run."""
        loaded = load_artifact(path)
        loaded.executable.infer(random_words(loaded.net, 2, seed=1).numpy())

    @staticmethod
    def _written(manifest: Any, arrays: dict[str, np.ndarray], folder: Path) -> bytes:
        path = folder / "made.ctz"
        write_archive(path, manifest, arrays)
        return path.read_bytes()


class ManifestTarget(ArtifactTarget):
    """Manifests of artifacts: JSON values changed, removed, doubled or exchanged."""

    name = "manifest"

    def draw_inside(self, random: Random) -> list[Any]:
        """Draw a change of the manifest."""
        return draw_tree_edit(random)

    def made(self, base: int, inside: list[Any], folder: Path) -> bytes:
        """Return an artifact with another manifest."""
        manifest, arrays = artifact(base)
        return self._written(apply_to_tree(json.loads(manifest), inside), arrays, folder)


class NpzTarget(FileTarget):
    """Data in `.npz` files: arrays of other words, types and shapes, compressed or not."""

    name, suffix, bases = "npz", ".npz", 3
    job_inputs = 400

    def draw_inside(self, random: Random) -> list[Any]:
        """Draw a change of an array."""
        return draw_array_edit(random)

    def made(self, base: int, inside: list[Any], folder: Path) -> bytes:
        """Return an archive of other arrays."""
        rng = np.random.default_rng(base)
        arrays = {"x": rng.random((12, 5)), "y": np.arange(12) % 3}
        if base == 1:
            arrays = {f"{name}_{part}": array[:6] for name, array in arrays.items()
                      for part in ("train", "test")}
        arrays = apply_to_arrays(arrays, inside)
        file = io.BytesIO()
        kind = zipfile.ZIP_DEFLATED if base == 2 else zipfile.ZIP_STORED
        with zipfile.ZipFile(file, "w", kind) as archive:
            for name, array in arrays.items():
                member = io.BytesIO()
                np.lib.format.write_array(member, array, allow_pickle=False)
                archive.writestr(zipfile.ZipInfo(f"{name}.npy"), member.getvalue(), kind)
        return file.getvalue()

    def read(self, path: Path) -> None:
        """Load it as `clostorus train` does."""
        try:
            load_split(Source(str(path)))
        except ValueError as error:
            if "test_fraction" not in str(error):
                raise
            load_split(Source(str(path), test_fraction=0.5))
