"""The rows of the table, and how it is run and written."""

import dataclasses
import re
from collections.abc import Callable

import torch

from sim.measure.markdown import (
    cells_by_row,
    replace_between_marks,
    table_lines,
    text_between_marks,
)
from tests.support.compat import (
    differentiated,
    made,
    parametrised,
    recorded,
    shaped,
    trained,
    types,
)
from tests.support.compat.layers import CASES, Absent, Case, Part
from tests.support.project import ROOT

PAGE = ROOT / "docs/layers.md"


@dataclasses.dataclass(frozen=True)
class Row:
    """A line of the table; `run` raises where it does not work, and may return a remark."""

    title: str
    run: Callable[[Case], str | None]
    gating: bool = False


ROWS = {
    "export": Row("`torch.export` with `Dim.AUTO` or `Dim(\"b\")`", recorded.exported, True),
    "onnx": Row("`torch.onnx.export`, run by ONNX Runtime", recorded.onnx, True),
    "compile": Row("`torch.compile(fullgraph=True, dynamic=True)`", recorded.compiled),
    "trace": Row("`torch.jit.trace` at 8 rows, run at others", recorded.traced),
    "autocast bf16": Row(
        "`autocast`, bfloat16: types of PyTorch's layer", types.autocast(torch.bfloat16), True
    ),
    "autocast fp16": Row("`autocast`, float16: the same", types.autocast(torch.float16), True),
    "float64": Row("float64", types.typed(torch.float64)),
    "bfloat16": Row("bfloat16", types.typed(torch.bfloat16)),
    "float16": Row("float16", types.typed(torch.float16)),
    "meta": Row("made on meta, `to_empty`, `reset_parameters`", made.reset_after_meta, True),
    "assign": Row("made on meta, `load_state_dict(assign=True)`", made.assigned_to_meta, True),
    "fake": Row("`FakeTensorMode`", made.fake),
    "copy": Row("`copy.deepcopy`, `pickle`", made.copied),
    "file": Row("`torch.save`, `torch.load(weights_only=True)`", made.saved),
    "safetensors": Row("safetensors", made.safetensors),
    "state": Row("states, whole and in part; others are refused", made.states, True),
    "vmap": Row("`functional_call`, `vmap(grad)`, models in a stack", differentiated.vmapped, True),
    "jacobian": Row("`jacrev` and `jacfwd`", differentiated.jacobians),
    "double backward": Row("gradients of gradients", differentiated.twice, True),
    "ddp": Row("`DistributedDataParallel`, gloo", trained.parallel, True),
    "fsdp": Row("`fully_shard` (FSDP2), gloo", trained.sharded),
    "checkpoint": Row("`torch.utils.checkpoint`", trained.checkpointed),
    "optimisers": Row(
        "SGD, AdamW (foreach, fused), NAdam, RMSprop, Adafactor, LBFGS", trained.optimised
    ),
    "muon": Row("`torch.optim.Muon`, which takes matrices alone", trained.by_muon),
    "empty": Row("no sample, [0, ...]", shaped.empty),
    "single": Row("a sample without a batch", shaped.single),
    "deep": Row("more leading dimensions", shaped.deep),
    "strided": Row("strided and expanded inputs", shaped.strided),
    "channels last": Row("`channels_last`", shaped.channels_last),
    "prune": Row("`prune`", parametrised.pruned),
    "weight norm": Row("`parametrizations.weight_norm`", parametrised.weight_norm),
    "orthogonal": Row("`parametrizations.orthogonal`", parametrised.orthogonal),
    "hooks": Row("hooks, forward and backward", shaped.hooked),
    "slices": Row("slices of `nn.Sequential`", shaped.sliced),
    "repr": Row("`repr` names the class and its sizes", shaped.described),
    "weight": Row("`.weight`, read alone, as `to_dense()`", shaped.weight_read),
    "quantize_dynamic": Row("`quantize_dynamic`", types.dynamically_quantised),
}


def cell(row, name):
    """Run a row on a layer: "yes", "-" or "no", and a remark, which may be empty."""
    try:
        remark = ROWS[row].run(CASES[name]) or ""
    except Absent as reason:
        return "-", str(reason)
    except Exception as error:
        line = next((line for line in str(error).splitlines() if line.strip()), "")
        return "no", f"{type(error).__name__}: {line.strip()[:120]}"
    return "in part" if isinstance(remark, Part) else "yes", str(remark)


def written(cells):
    """Write the table in Markdown, with the remarks below it."""
    remarks = {}
    rows = []
    for key, row in ROWS.items():
        texts = []
        for name in CASES:
            said, remark = cells[key, name]
            if remark:
                number = remarks.setdefault(remark, len(remarks) + 1)
                said += f" ({number})"
            texts.append(said)
        rows.append((_title(row), *texts))
    lines = table_lines(("feature", *(f"`{name}`" for name in CASES)), rows)
    lines += ["", *(f"{number}. {remark}." for remark, number in remarks.items())]
    return "\n".join(lines)


def _title(row):
    return f"**{row.title}**" if row.gating else row.title


def on_page():
    """Return the table that the page has."""
    return text_between_marks(PAGE, "compatibility").strip()


def said_on_page(key):
    """Return by layer what the page says in a row, without the numbers of remarks."""
    cells = cells_by_row(on_page()).get(_title(ROWS[key]), {})
    return {name.strip("`"): re.sub(r" \(\d+\)$", "", said) for name, said in cells.items()}


def write(cells):
    """Put the table into the page, between its marks."""
    replace_between_marks(PAGE, "compatibility", written(cells) + "\n")
