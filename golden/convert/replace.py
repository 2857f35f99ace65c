"""Replaces the layers of an existing model by sparse ones."""

import copy
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Literal, NamedTuple, cast

from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from golden.arguments import shown, whole_number
from golden.convert.calibration import calibration_inputs
from golden.convert.choose import Choice, Choices, Rules, choose
from golden.convert.dense_forms import Kinds, checked_kinds, pointwise_form
from golden.convert.distance import output_distance, weight_distance
from golden.convert.plan import LayerSpec
from golden.convert.rebuild import record_of
from golden.convert.report import ConversionReport
from golden.convert.rows import reported
from golden.errors import GoldenError, ModelError

__all__ = ["Converted", "convert", "convert_report"]

Progress = Callable[[str, int, int], object]
Batches = Tensor | Mapping[str, Any] | tuple[Any, ...] | Iterable[Any]


class Converted(NamedTuple):
    """A converted model, and what became of each layer."""

    model: nn.Module
    report: ConversionReport


def convert(
    model: nn.Module,
    specs: Mapping[str, LayerSpec],
    *,
    kinds: Kinds | None = None,
    unsupported: Literal["refuse", "skip"] = "refuse",
    min_weights: int = 0,
    only_smaller: bool = False,
    calibration: Batches | None = None,
    progress: Progress | None = None,
) -> nn.Module:
    """Return a copy of `model` with layers replaced; `model` itself stays as it is.

    A new layer has device, type and mode of the old one, and is trained where that was. What it
    could not have is refused: hooks, a `forward` of its own, and parameters that another module
    holds too. Depthwise convolutions are passed over. Layers of equal weights are fitted once.
    `convert_report` also says what became of each layer.

    Parameters
    ----------
    model
        Any model; also one on the meta device, if no spec fits.
    specs
        By pattern of names, as `fnmatch` reads it, such as "features.*.conv" (names are those of
        `named_modules`; that of a model which is a layer itself is ""). Of the modules that match,
        those are replaced that the spec has something for: PyTorch's layers and the `Conv1D` of
        transformers. Subclasses are not, as code may use their weights directly, unless `kinds` has
        them. A layer that the model holds twice stays one.
    kinds
        Further classes that stand for a layer of PyTorch's, each with a function that returns that
        layer, such as `{MyLinear: lambda layer: as_linear(layer.kernel.T, layer.bias)}` with
        `golden.convert.as_linear`.
    unsupported
        "refuse" for an error if a layer cannot be replaced as its spec says, "skip" to leave it as
        it is.
    min_weights
        Layers with fewer weights, biases not counted, stay as they are: that is no error.
    only_smaller
        Whether layers stay that would not have fewer weights than now: that is no error either.
    calibration
        Inputs of the model, by which fits are weighted, so that what layers compute from them is
        near rather than the weights: a batch (a tensor, a mapping of arguments by name, a tuple of
        arguments), or an iterable of batches. The model runs on it, in evaluation mode and without
        gradients. It has an effect on Clos and low-rank layers in the place of linear layers and
        of convolutions with a kernel of 1.
    progress
        Called before each layer is made, with its name, its number from 1, and how many there are.

    Raises
    ------
    ModelError
        If there is no pattern, one matches nothing that its spec can replace, two want the same
        layer, or a layer cannot be replaced as the spec says; the message names pattern and layer.
        Also if an argument is none of these, or the model cannot be copied. With "skip" a pattern
        must still match a module.
    """
    return convert_report(
        model,
        specs,
        kinds=kinds,
        unsupported=unsupported,
        min_weights=min_weights,
        only_smaller=only_smaller,
        calibration=calibration,
        progress=progress,
    ).model


def convert_report(
    model: nn.Module,
    specs: Mapping[str, LayerSpec],
    *,
    kinds: Kinds | None = None,
    unsupported: Literal["refuse", "skip"] = "refuse",
    min_weights: int = 0,
    only_smaller: bool = False,
    calibration: Batches | None = None,
    progress: Progress | None = None,
) -> Converted:
    """Convert as `convert` does, and return the model and a `ConversionReport`.

    Raises
    ------
    ModelError
        As `convert`.
    """
    _check_arguments(model, specs)
    given = cast(object, unsupported)
    if not isinstance(given, str) or given not in ("refuse", "skip"):
        raise ModelError(f"unsupported must be 'refuse' or 'skip', not {shown(unsupported)}")
    if not isinstance(cast(object, only_smaller), bool):
        raise ModelError(f"only_smaller must be True or False, not {shown(only_smaller)}")
    if isinstance(progress, type | nn.Module) or not (progress is None or callable(progress)):
        raise ModelError(
            "progress must be a function of a name, a number and how many, or None, not "
            f"{shown(progress)}"
        )
    least = whole_number("min_weights", min_weights, 0, error=ModelError)
    rules = Rules(checked_kinds(kinds), unsupported == "skip", least, only_smaller)
    choices = choose(model, specs, rules)
    inputs: dict[int, Tensor] = {}
    if calibration is not None:
        weighted = [
            (choice.module, choice.dense)
            for choice in choices.chosen.values()
            if choice.plan.fitted and pointwise_form(choice.dense) is not None
        ]
        inputs = calibration_inputs(model, weighted, calibration)
    made = _made(choices, inputs, progress, skip=rules.skip)
    try:
        # The copy takes what is in its memo for what has been copied already.
        new = copy.deepcopy(model, memo={key: layer for key, (layer, _, _) in made.items()})
    except (RuntimeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ModelError(f"model must be one that copy.deepcopy can copy: {reason}") from error
    errors = {key: (error, output) for key, (_, error, output) in made.items()}
    record = record_of({c.name: (c.plan.kind, c.plan.arguments) for c in choices.chosen.values()})
    return Converted(new, reported(model, new, choices, errors, record))


def _made(
    choices: Choices, inputs: dict[int, Tensor], progress: Progress | None, *, skip: bool
) -> dict[int, tuple[nn.Module, float | None, float | None]]:
    """Make the new layers: each, and how far its weights and its outputs are off."""
    found: dict[int, tuple[nn.Module, float | None, float | None]] = {}
    done: list[tuple[Choice, nn.Module]] = []
    total = len(choices.chosen)
    for number, (key, choice) in enumerate(list(choices.chosen.items()), 1):
        if progress is not None:
            progress(choice.name, number, total)
        given = inputs.get(key)
        try:
            new = None if given is not None else _again(choice, done)
            if new is None:
                new = choice.plan.make(given)
                done.append((choice, new))
        except GoldenError as error:
            if not skip:
                raise ModelError(
                    f"layer {choice.name!r}, pattern {choice.pattern!r}: {error}"
                ) from error
            choices.reasons[key] = str(error)
            del choices.chosen[key]
            continue
        error = weight_distance(new, choice.dense) if choice.plan.fitted else None
        output = None
        linear = pointwise_form(choice.dense)
        if given is not None and linear is not None:
            output = output_distance(new, linear, given)
        found[key] = new.train(choice.module.training), error, output
    return found


def _again(choice: Choice, done: list[tuple[Choice, nn.Module]]) -> nn.Module | None:
    """Return a copy of a fit that was made of an equal layer, if there is one."""
    if not choice.plan.fitted:
        return None
    wanted = dict(choice.dense.named_parameters())
    for other, made in done:
        plan = other.plan
        if not plan.fitted or (plan.kind, plan.arguments) != (
            choice.plan.kind, choice.plan.arguments
        ):  # fmt: skip
            continue
        held = dict(other.dense.named_parameters())
        if held.keys() == wanted.keys() and all(
            _same(held[name], one) for name, one in wanted.items()
        ):
            return copy.deepcopy(made)
    return None


def _same(one: Tensor, other: Tensor) -> bool:
    kind = one.shape, one.dtype, one.device, one.requires_grad
    return kind == (other.shape, other.dtype, other.device, other.requires_grad) and one.equal(
        other
    )


def _check_arguments(model: object, specs: object) -> None:
    if not isinstance(model, nn.Module):
        raise ModelError(f"model must be a module, not {shown(model)}")
    for name, parameter in model.named_parameters():
        if is_lazy(parameter):
            raise ModelError(
                f"model must know the sizes of its parameters, but {name} has none yet: run it "
                "once on inputs"
            )
    by_pattern = cast(Mapping[object, object], specs)
    if not isinstance(specs, Mapping) or not by_pattern:
        raise ModelError(f"specs must map at least one pattern to a spec, not {shown(by_pattern)}")
    for pattern, spec in by_pattern.items():
        if not isinstance(pattern, str):
            raise ModelError(f"a pattern of specs must be a text, not {shown(pattern)}")
        if isinstance(spec, type) or not callable(getattr(spec, "plan", None)):
            raise ModelError(
                f"pattern {pattern!r}: spec must be a ClosSpec, LowRankSpec, SparseSpec or "
                f"CascadeSpec, not {shown(spec)}"
            )
