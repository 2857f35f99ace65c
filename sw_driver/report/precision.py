"""Saturation and error of each layer, and what the net makes of its samples."""

from sw_driver.files.judgement import Judgement
from sw_driver.report.bars import Bar, bars
from sw_driver.report.markup import Content, Markup, facts, join, note, number, table, tag
from sw_driver.report.page import Section

__all__ = ["precision_section"]


def precision_section(judged: Judgement | None, missing: str, command: str) -> Section:
    """Show what came of samples.

    Parameters
    ----------
    judged
        That; None if there were no samples.
    missing
        Why there were none.
    command
        The command that shows the errors of each layer, too, where no float model was given.
    """
    if judged is None:
        content = note("Not measured: ", missing)
        return Section("precision", "Saturation and error", content)
    rows: list[tuple[Content, Content]] = [
        ("samples", f"{number(judged.samples)} of {judged.name}")
    ]
    if judged.accuracy is not None:
        rows.append(("accuracy in words", _part(judged.accuracy)))
    rows.append(("input values clipped", _part(judged.clipped)))
    error = judged.error
    if error is not None:
        if error.agreement is not None:
            rows.append(("same class as in float", _part(error.agreement)))
        rows.append(("output error, mean", f"{error.mean:.3g} of a range of {error.span:.3g}"))
        rows.append(("output error, largest", f"{error.largest:.3g}"))
    parts = [facts(rows), tag("h3", "Saturation by layer and stage"), _saturation(judged)]
    parts += [tag("h3", "Error by layer"), _errors(judged, command)]
    if judged.counts:
        parts += [tag("h3", "Classes"), _classes(judged)]
    return Section("precision", "Saturation and error", join(parts))


def _saturation(judged: Judgement) -> Markup:
    rows = [
        (f"layer {index}, {stage}", part)
        for index, layer in enumerate(judged.saturated) for stage, part in layer.items()
    ]  # fmt: skip
    most = max(part for _, part in rows)
    if not most:
        return note("Nothing saturates: on these samples the results of all ", len(rows),
                    " stages fit their words.")  # fmt: skip
    found = [Bar(name, _part(part), [(part, "bad", f"{name}: {_part(part)}")])
             for name, part in rows]  # fmt: skip
    return join([
        note("The part of the results that do not fit their words and are clipped; what a ReLU or "
             "bounds cut off anyway does not count."),
        tag("figure", bars(found, "The part of each stage's results that saturate", most)),
    ])  # fmt: skip


def _errors(judged: Judgement, command: str) -> Markup:
    if judged.error is None:
        return note("Not measured: it takes the float model that was compiled. ",
                    tag("code", command), " measures it.")  # fmt: skip
    errors = judged.error.layer_errors
    rows = [
        (f"layer {index}", f"{one.span:.3g}", f"{one.mean:.3g}", _share(one.mean, one.span),
         f"{one.largest:.3g}", _share(one.largest, one.span))
        for index, one in enumerate(errors)
    ]  # fmt: skip
    shares = [(index, one.mean / one.span) for index, one in enumerate(errors) if one.span]
    most = max((share for _, share in shares), default=0.0)
    picture = Markup()
    if most:
        found = [
            Bar(f"layer {index}", f"{100 * share:.3g}\u00a0%",
                [(share, "k0", f"layer {index}: {100 * share:.3g} % of its range")])
            for index, share in shares
        ]  # fmt: skip
        picture = tag("figure", bars(found, "The mean error of each layer's outputs", most))
    header = ("layer", "range", "mean error", "of the range", "largest error", "of the range")
    return join([
        note("How far the outputs of each layer are from those of the float model, errors of the "
             "layers before it included, as the mean part of the range."),
        picture,
        table(header, rows),
    ])  # fmt: skip


def _classes(judged: Judgement) -> Markup:
    header = ("class", "taken for it", "samples", "right")
    rows = [count.row() for count in judged.counts]
    return table(header[: len(rows[0])], rows)


def _part(part: float) -> str:
    return f"{100 * part:.3g}\u00a0%"


def _share(value: float, span: float) -> str:
    return _part(value / span) if span else "all"
