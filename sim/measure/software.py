"""How fast the layers are in PyTorch, side by side in one run."""

from collections.abc import Callable, Sequence
from typing import Any

import torch

from sim.errors import ToolMissing

from .cascade_pairs import CASCADES
from .convolution_pairs import CONVOLUTIONS
from .layer_pairs import LayerPair, pair_times
from .layer_pairs_table import cascades_text, pairs_text
from .linear_pairs import LINEAR, REUSED, reused_times
from .recurrent_pairs import RECURRENT
from .results import Bench, Table, paragraphs, source_digest
from .sparse_rivals import CASES, NAMES, rival_times, rivals_text
from .verdicts import Verdicts

__all__ = ["PARTS", "TITLE", "measure"]

TITLE = "Software: layers in PyTorch"

PARTS = {"linear": LINEAR, "convolutions": CONVOLUTIONS, "recurrent": RECURRENT,
         "cascades": CASCADES}
"""The pairs of each part; raw results of one are `out/bench/software-PART-*.json`."""

_Job = tuple[str, str, dict[str, Any], Callable[[], dict[str, tuple[float, float]]]]


def measure(bench: Bench) -> Table:
    """Time all layers in PyTorch; quick: one of each kind, and shortly. About six minutes.

    Raises
    ------
    ToolMissing
        If PyTorch has no such device as `bench.torch_device`.
    """
    device, place = torch.device(bench.torch_device), "the CPU"
    if device.type == "cuda":
        if not torch.cuda.is_available():
            raise ToolMissing(
                "torch-device cuda needs a GPU and a PyTorch built for it, and PyTorch "
                f"{torch.__version__} here finds none; use --torch-device cpu")
        place = torch.cuda.get_device_name(device)
    seconds = 0.02 if bench.quick else 1.5
    jobs = [*_pair_jobs(bench.quick, device, seconds),
            *_rival_jobs(bench.quick, device, seconds / 2)]
    depends = {"golden": source_digest("golden"), "place": place, "torch": torch.__version__,
               "seconds": seconds, "names": NAMES,
               "clock": "processor time of one thread, turns of a millisecond"}
    found: dict[str, list[dict[str, Any]]] = {part: [] for part, *_ in jobs}
    for done, (part, what, case, times) in enumerate(jobs):
        bench.tell(f"software: {what}", done, len(jobs))
        found[part].append(bench.result(
            f"software-{part}", {**depends, "case": case},
            lambda case=case, times=times: {**case, "us": times()}))
    bench.tell("software", len(jobs), len(jobs))
    verdicts, compiled, aims = Verdicts(), Verdicts(), device.type == "cpu"
    dense = [one for part in ("linear", "convolutions", "recurrent") for one in found[part]]
    texts = [pairs_text(dense, place, verdicts, aims=aims, compiled=compiled),
             cascades_text(found["cascades"], verdicts, aims=aims),
             rivals_text(found["rivals"], verdicts, aims=aims)]
    if aims:
        of_compiled = str(compiled).replace("Of ", "Of compiled layers' ", 1)
        texts.append(paragraphs(f"{verdicts} {of_compiled}"))
    return Table("\n".join(texts), [one for part in found.values() for one in part])


def _pair_jobs(quick: bool, device: torch.device, seconds: float) -> list[_Job]:
    """What is timed of the pairs: the part, the row, what it is of, and what times it."""
    jobs: list[_Job] = []
    for part, pairs in PARTS.items():
        chosen: Sequence[LayerPair] = pairs[-1:] if quick and part == "cascades" else pairs
        for pair in chosen[: 1 if quick else None]:
            for batch in list(pair.aims)[: 1 if quick else None]:
                jobs.append((
                    part, f"{pair.name}, batch {batch}", {"pair": pair.name, "batch": batch},
                    lambda pair=pair, batch=batch: pair_times(
                        pair, batch, device, seconds=seconds)))
        if part == "linear" and device.type == "cpu" and not quick:
            jobs.append((part, f"{REUSED.name}, memory reused",
                         {"pair": REUSED.name, "batch": 1, "reused": True},
                         lambda: reused_times(seconds)))
    return jobs


def _rival_jobs(quick: bool, device: torch.device, seconds: float) -> list[_Job]:
    cases = [case for case in CASES if device.type == "cpu" or case[2] == 1]
    return [
        ("rivals", f"{shape}, batch {batch}, {threads} threads",
         {"shape": shape.as_tuple(), "batch": batch, "threads": threads},
         lambda shape=shape, batch=batch, threads=threads: rival_times(
             shape, batch, threads, device, seconds=seconds))
        for shape, batch, threads in cases[: 1 if quick else None]]
