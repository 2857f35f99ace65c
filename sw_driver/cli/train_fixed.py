"""`clostorus train --device golden|sim|serial`: in fixed point, on a torus."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from golden.data.source import Source
from golden.layers.dense import LayerShape
from sw_driver.cli.written import say_trained
from sw_driver.device.device import Device
from sw_driver.device.golden import GoldenDevice
from sw_driver.files.report import percent
from sw_driver.system.console import Output
from sw_driver.train.fixed_file import train_fixed
from sw_driver.train.start import Start

__all__ = ["train_on_device"]

Tell = Callable[[str, int, int], None]


def train_on_device(
    out: Output,
    output: Path,
    data: Source | None,
    shapes: Sequence[LayerShape],
    device: str,
    *,
    start: Start | None,
    torus: str | None,
    options: Mapping[str, Any],
    resume: bool,
    save_every: int | None,
    compare: bool,
    port: tuple[str, int] | None = None,
    engine: str = "auto",
    checks: int = 0,
) -> None:
    """Train, and print what came of it; the arguments are those of the command."""
    with out.progress() as tell, _device(device, compare, port, engine, tell) as trainer:
        trained = train_fixed(
            output,
            data,
            shapes,
            trainer,
            start=start,
            torus=torus,
            options=options,
            resume=resume,
            save_every=save_every,
            checks=checks,
            progress=tell,
            note=out.note,
        )
    prepared = trained.prepared
    config, recipe = prepared.compiled.config, prepared.recipe
    parameters = sum(shape.parameters for shape in trained.model.shapes)
    history = prepared.position.history
    torus = f"{config.rows}x{config.cols}"
    out.table(
        f"{output}, trained on {prepared.split.name} by the {device} device, torus {torus}",
        ("epoch", "loss", "train accuracy", "test accuracy"),
        [
            (
                str(figures.epoch),
                f"{figures.loss:.4f}",
                percent(figures.train_accuracy),
                percent(figures.test_accuracy),
            )
            for figures in history
        ],
    )
    out.facts(
        f"layers {', '.join(map(str, trained.model.shapes))}",
        [
            ("parameters", str(parameters)),
            ("samples trained on now", str(trained.samples)),
            *([] if trained.cycles is None else [("cycles", str(trained.cycles))]),
        ],
    )
    say_trained(out, output, data, recipe.epochs, trained=trained.samples > 0)
    out.result(
        {
            "model": str(output),
            "device": device,
            "data": prepared.split.name,
            "torus": torus,
            "layers": [list(shape.as_tuple()) for shape in trained.model.shapes],
            "parameters": parameters,
            **recipe.as_dict(),
            "history": [dataclasses.asdict(figures) for figures in history],
            **dataclasses.asdict(history[-1]),
            "samples": trained.samples,
            "cycles": trained.cycles,
            "compared": compare,
        }
    )


def _device(
    name: str, compare: bool, port: tuple[str, int] | None, engine: str, tell: Tell
) -> Device:
    if name == "golden":
        return GoldenDevice()
    if port is not None:
        from sw_driver.serial import SerialDevice

        return SerialDevice(port[0], baud=port[1], progress=tell)
    if compare:
        from sim.device.compared import ComparedDevice

        return ComparedDevice(progress=tell, engine=engine)
    from sim.device.device import SimDevice

    return SimDevice(progress=tell, engine=engine)
