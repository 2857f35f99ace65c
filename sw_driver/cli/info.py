"""`clostorus info`: what a compiled model holds and costs."""


import typer

from sw_driver.cli.options import CompiledModel, Json, Quiet, make_output

__all__ = ["EXAMPLES", "command"]

EXAMPLES = (
    "clostorus info model.ctz",
    "clostorus info model.ctz --json",
)


def command(
    ctx: typer.Context,
    artifact: CompiledModel,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Show what a compiled model holds, what bounds its speed, and what energy it would take.

    Cycles of ops are those of one sample in the steady state, as the cycle model predicts them; 0
    is when its first op begins. Energies are of the net in a chip, with weights in its memories,
    beside the dense net of the same sizes: sw_driver/predict/energy.py names the tables.
    """
    from sw_driver.files.archive import check_archive

    out = make_output(ctx, json, quiet)
    check_archive(artifact)  # Before it takes PyTorch.
    from sw_driver.files import report
    from sw_driver.files.artifact import load_artifact
    from sw_driver.files.energy_report import energy_rows, energy_values

    compiled = load_artifact(artifact, check=True)
    out.facts(str(artifact), report.cost_rows(compiled))
    out.facts("What the engines do, part of the time", report.engine_rows(compiled))
    out.facts("Energy of a sample in a chip of 45 nm, by published tables", energy_rows(compiled))
    out.table("Layers", report.LAYER_HEADER, report.layer_rows(compiled))
    out.table("Memories and counters", report.FIT_HEADER, report.fit_rows(compiled))
    out.table("Ops", report.OP_HEADER, report.op_rows(compiled))
    values = {**report.describe(compiled), "energy": energy_values(compiled)}
    out.result({"artifact": str(artifact), **values})
