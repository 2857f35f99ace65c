"""The host script of a file, for the commands that write one."""

from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from golden.data.source import Source
    from sw_driver.compiled import Compiled
    from sw_driver.files.artifact import Artifact
    from sw_driver.script.host_script import HostScript

__all__ = ["FileScript", "read_script"]


class FileScript(NamedTuple):
    """The net of a file, what a host does with it, and whether the torus holds its weights."""

    compiled: "Compiled"
    script: "HostScript"
    baked: bool


def read_script(
    file: Path, source: "Source | None", samples: int | None, *, baked: bool | None = None
) -> FileScript:
    """Write the script of a compiled model, or of a model file that was trained on a torus.

    Parameters
    ----------
    file
        The file.
    source
        Where the samples come from; None for the data that the file names.
    samples
        How many; None for `SAMPLES`, or whole batches of as many.
    baked
        Whether the torus holds the weights from the start; None for what the file says.

    Raises
    ------
    DriverError, GoldenError
        If the file is neither, or the data are not such as it was made from, or too few.
    """
    from sw_driver.files.artifact import Artifact
    from sw_driver.train.model_config import load_either
    from sw_driver.train.saved import load_trained, read_saved

    found = load_either(file, load_trained)
    if isinstance(found, Artifact):
        return _inference(file, found, source, samples, baked)
    from golden.data.loading import load_split
    from sw_driver.files.samples import data_of
    from sw_driver.script.training import training_script
    from sw_driver.train.lessons import recipe_lessons

    if not isinstance(found, tuple):
        raise TypeError("a compiled model is read as an Artifact")
    compiled, state, recipe = found
    saved = read_saved(file)
    data = data_of(source, saved.dataset, file, "to train on")
    split = load_split(data, saved.preparation)
    lessons = recipe_lessons(compiled, recipe, split, samples)
    return FileScript(compiled, training_script(compiled, state, lessons), baked=False)


def _inference(
    file: Path,
    compiled: "Artifact",
    source: "Source | None",
    samples: int | None,
    baked: bool | None,
) -> FileScript:
    from golden.data.loading import load_part
    from sw_driver.files.samples import check_features, checked_count, data_of
    from sw_driver.script.inference import SAMPLES, inference_script

    data = data_of(source, compiled.data, file, "to run")
    shapes = compiled.net.shapes
    part = load_part(data, "train", compiled.preparation, shapes[-1].out_features)
    check_features(part, shapes[0].in_features, file)
    checked_count(samples or 1, len(part.x), data.data)
    baked = compiled.baked if baked is None else baked
    x = part.x[: samples or SAMPLES]
    return FileScript(compiled, inference_script(compiled, x, baked=baked), baked)
