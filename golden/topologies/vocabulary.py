"""The text form of topologies: KIND:VALUE,VALUE,...[+OPTION], for instance butterfly:32,18+skip."""

import inspect
from collections.abc import Callable
from typing import Any

from golden.arguments import enough_memory, instance, shown
from golden.clos.shape import ClosShape
from golden.errors import TopologyError
from golden.topologies import cascades, networks
from golden.topologies.options import revived, with_diagonal, with_skip
from golden.topologies.topology import Topology

__all__ = ["KINDS", "OPTIONS", "parse_topology", "usage"]


def _clos(
    in_features: int, out_features: int, input_routers: int, middle_routers: int,
    output_routers: int,
) -> Topology:  # fmt: skip
    return networks.clos(
        ClosShape(in_features, out_features, input_routers, middle_routers, output_routers)
    )


KINDS: dict[str, Callable[..., Topology]] = {
    "clos": _clos,
    "butterfly": networks.butterfly,
    "parallel-butterfly": networks.parallel_butterfly,
    "hypercube": networks.hypercube,
    "torus": networks.torus,
    "low-rank": networks.low_rank,
    "radix": networks.radix,
    "random-edge": cascades.random_edge,
    "random-rotating": cascades.random_rotating,
    "random-regular": cascades.random_regular,
    "regular": cascades.regular,
    "long-short": cascades.long_short,
    "fibonacci": cascades.fibonacci,
}
"""What makes each kind; its parameters are the values of the text, in their order."""

OPTIONS: dict[str, Callable[[Topology], Topology]] = {
    "alive": revived,
    "skip": with_skip,
    "diagonal": with_diagonal,
}
"""What may follow after a plus sign, and is done in this order."""


def parse_topology(text: str) -> Topology:
    """Make the topology that a text names; spaces around its parts are allowed.

    A list of numbers, such as the widths of layers, is written with hyphens: regular:784-300-10,
    30-5. The last values may be left out where they have a default (a seed: 0).

    Raises
    ------
    TopologyError
        For an unknown kind or option, a value that is no number, too many or too few values,
        values that make no network, or outputs that no input reaches.
    ShapeError
        For a Clos shape that there is not, or if there is no room for the topology.
    """
    text = instance("topology", text, str, error=TopologyError)
    base, *options = (part.strip() for part in text.split("+"))
    kind, _, values = base.partition(":")
    kind = kind.strip()
    if kind not in KINDS:
        raise TopologyError(f"topology must be one of {', '.join(KINDS)}, not {shown(kind)}")
    for option in options:
        if option not in OPTIONS:
            raise TopologyError(f"option must be one of {', '.join(OPTIONS)}, not {shown(option)}")
        if options.count(option) > 1:
            raise TopologyError(f"option {option} must be given once, not {options.count(option)}x")
    given = _arguments(kind, values)
    with enough_memory(f"topology {shown(text)}"):
        topology = KINDS[kind](*given)
        for option, change in OPTIONS.items():
            if option in options:
                topology = change(topology)
        return topology.require_reachable()


def usage() -> list[tuple[str, str]]:
    """Every kind with its text form, its lists shown with hyphens."""
    return [(kind, f"{kind}:{','.join(_fields(kind))}") for kind in KINDS]


def _fields(kind: str) -> list[str]:
    return [
        name if value.default is value.empty else f"{name}={value.default}"
        for name, value in inspect.signature(KINDS[kind]).parameters.items()
    ]


def _arguments(kind: str, text: str) -> list[Any]:
    parameters = list(inspect.signature(KINDS[kind]).parameters.values())
    values = [value.strip() for value in text.split(",")] if text.strip() else []
    needed = sum(parameter.default is parameter.empty for parameter in parameters)
    if not needed <= len(values) <= len(parameters):
        raise TopologyError(
            f"{kind} must have the values {kind}:{','.join(_fields(kind))}, not {shown(text)}"
        )
    return [
        _value(parameter, value) for parameter, value in zip(parameters, values, strict=False)
    ]


def _value(parameter: inspect.Parameter, text: str) -> Any:
    number = float if "float" in str(parameter.annotation) else int
    many = "Sequence" in str(parameter.annotation)
    try:
        numbers = [number(part) for part in (text.split("-") if many else [text])]
    except ValueError:
        what = "numbers joined by hyphens" if many else "a whole number"
        raise TopologyError(f"{parameter.name} must be {what}, not {shown(text)}") from None
    return numbers if many else numbers[0]
