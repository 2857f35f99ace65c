"""The torus that the options of `build` and `verilog` name."""

import dataclasses
from pathlib import Path
from typing import Any

from hw.config import TorusConfig

__all__ = ["Held", "held_configuration"]


@dataclasses.dataclass(frozen=True)
class Held:
    """What a file says.

    Parameters
    ----------
    config
        Of the torus that it was made for.
    images
        `weights` and `biases` to stand in its memories from the start; None to leave them empty.
    """

    config: TorusConfig
    images: dict[str, Any] | None


def held_configuration(
    *, torus: str | None, train: bool, config_from: Path | None, bake: Path | None, fold: bool
) -> Held | None:
    """Read the file that --config-from or --bake names; None if neither does.

    Raises
    ------
    DriverError
        If the options contradict each other or the file, or the file is none of those that the
        option takes.
    """
    from sw_driver.compiler import parse_torus
    from sw_driver.errors import DriverError
    from sw_driver.files.artifact import load_artifact
    from sw_driver.train.model_config import config_of

    if fold and bake is None:
        raise DriverError("fold needs --bake: it makes logic of the weights of a compiled model")
    if bake is not None and config_from is not None:
        raise DriverError("bake and config-from both name a configuration: give one of them")
    source = bake or config_from
    if source is None:
        return None
    if train:
        raise DriverError("train is for --torus: a model says itself whether its torus trains")
    images: dict[str, Any] | None = None
    if bake is None:
        config = config_of(source)
    else:
        compiled = load_artifact(bake)
        config, stored = compiled.config, compiled.executable.images
        images = {"weights": stored.weights, "biases": stored.biases}
    if torus is not None and parse_torus(torus) != (config.rows, config.cols):
        raise DriverError(
            f"torus must be {config.rows}x{config.cols}, that of {source}, not {torus}"
        )
    if fold and config.training is not None:
        raise DriverError("fold needs a torus that does not train: its weights cannot change")
    return Held(config, images)
