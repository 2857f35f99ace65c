"""The torus that the options of `build` and `verilog` name."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from hw.config import TorusConfig

__all__ = ["Held", "check_source", "check_trains", "held_configuration", "named_configuration",
           "new_configuration"]


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
    from sw_driver.errors import DriverError
    from sw_driver.torus import parse_torus

    check_source(bake, config_from, train=train, fold=fold)
    source = bake or config_from
    if source is None:
        return None
    config, images = _read(source, baked=bake is not None)
    if torus is not None and parse_torus(torus) != (config.rows, config.cols):
        raise DriverError(
            f"torus must be {config.rows}x{config.cols}, that of {source}, not {torus}"
        )
    if fold and config.training is not None:
        raise DriverError("fold needs a torus that does not train: its weights cannot change")
    return Held(config, images)


def named_configuration(
    *,
    torus: str | None,
    lanes: Mapping[str, int],
    train: bool,
    config_from: Path | None,
    bake: Path | None = None,
    fold: bool = False,
) -> Held:
    """Return what a file says, or the default configuration of a size.

    Raises
    ------
    DriverError
        As `held_configuration` and `new_configuration`, or if lanes are given beside a file.
    """
    from sw_driver.errors import DriverError

    held = held_configuration(torus=torus, train=train, bake=bake, config_from=config_from,
                              fold=fold)
    if held is None:
        return Held(new_configuration(torus, lanes, train=train), None)
    if lanes:
        raise DriverError("lanes-in, lanes-out and link-words need --torus: a model has lanes of "
                          "its own")
    return held


def check_trains(top: str, config: TorusConfig) -> None:
    """Refuse a top module that is there for training alone, of a torus that does not train.

    Raises
    ------
    DriverError
        It names the top.
    """
    from hw.tops import TRAINING_TOPS
    from sw_driver.errors import DriverError

    if top in TRAINING_TOPS and config.training is None:
        raise DriverError(f"top {top} needs a torus that trains, such as that of --train")


def new_configuration(
    torus: str | None, lanes: Mapping[str, int], *, train: bool
) -> TorusConfig:
    """Return the default configuration of a size, with these lanes.

    Raises
    ------
    DriverError
        If no size is given, or the lanes are none that such a torus can have.
    """
    from hw.config import ConfigError, TrainingConfig
    from sw_driver.errors import DriverError
    from sw_driver.torus import parse_torus

    if torus is None:
        raise DriverError("one of --torus, --config-from and --bake must name a configuration")
    rows, cols = parse_torus(torus)
    training = TrainingConfig() if train else None
    try:
        return TorusConfig(rows=rows, cols=cols, training=training, **lanes)
    except ConfigError as error:
        raise DriverError(str(error)) from error


def check_source(
    bake: Path | None, config_from: Path | None, *, train: bool, fold: bool
) -> None:
    """Refuse options that contradict each other, or name a file that is plainly of no right kind.

    It is quick: nothing slow is imported.

    Raises
    ------
    DriverError
        The message names the option.
    """
    from sw_driver.errors import DriverError

    if fold and bake is None:
        raise DriverError("fold needs --bake: it makes logic of the weights of a compiled model")
    if bake is not None and config_from is not None:
        raise DriverError("bake and config-from both name a configuration: give one of them")
    if train and (bake or config_from) is not None:
        raise DriverError("train is for --torus: a model says itself whether its torus trains")
    from sw_driver.files.archive import check_archive
    from sw_driver.files.kinds import check_source_file

    if bake is not None:
        check_archive(bake)
    elif config_from is not None:
        check_source_file(config_from)


def _read(source: Path, *, baked: bool) -> tuple[TorusConfig, dict[str, Any] | None]:
    """The configuration of a file, and the contents of its memories if they are to be baked."""
    if not baked:
        from sw_driver.train.model_config import config_of

        return config_of(source), None
    from sw_driver.files.artifact import load_artifact

    compiled = load_artifact(source)
    stored = compiled.executable.images
    return compiled.config, {"weights": stored.weights, "biases": stored.biases}
