"""Made results of experiments, whose verdicts are known."""

import dataclasses

from golden.experiments.experiment import Settings

__all__ = ["FULL", "made", "report_of"]

FULL = Settings(("digits",))
_OFF = (-0.001, 0.0, 0.001, 0.0, 0.0005)


def made(experiment, accuracy, **fields):
    """Results of all runs of the plan, with an accuracy by the run; seeds differ a little.

    `fields` are further fields of a result, each a value or a function of the run.
    """
    results = {}
    for _ in range(2):  # The tests follow when the choices are there.
        for run in experiment.plan(results):
            given = {name: value(run) if callable(value) else value
                     for name, value in fields.items()}
            found = {one.name: one.type() for one in dataclasses.fields(experiment.result_type)}
            found |= {"parameters": 100, "loss": 0.1,
                      "accuracy": accuracy(run) + _OFF[run.seed % len(_OFF)], **given}
            results.setdefault(run, experiment.result_type(**found))
    assert len(results) == experiment.total
    return results


def report_of(kind, accuracy, settings=FULL, **fields):
    """The report of an experiment for made results."""
    experiment = kind(settings)
    report = experiment.report(made(experiment, accuracy, **fields))
    assert set(report.pictures) == set(experiment.pictures)
    return report.text
