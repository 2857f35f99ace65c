"""The registers inside a component, by name, for the lemmas that speak of them."""

from typing import Any

from amaranth import *
from amaranth.hdl import Fragment
from amaranth.lib import wiring
from amaranth.lib.memory import Memory

from ..errors import SimError

__all__ = ["Inside", "LemmaOutdated", "look_inside"]


class LemmaOutdated(SimError):
    """A lemma speaks of a register that is not in the implementation, and has to follow it."""


class Inside:
    """What is inside a component: its signals and submodules by name.

    Elaborates the component, so that a design to which it is added has the same signals.

    Parameters
    ----------
    submodules
        Submodules to look into as well, as `a` or `a.b`. Of a memory, the contents can be read.
    peeks
        How many words of each memory can be read at once.

    Attributes
    ----------
    component
        For its ports.
    """

    def __init__(self, component: Any, *submodules: str, peeks: int = 1) -> None:
        self.component = component
        self._peeks: list[Any] = []
        if isinstance(component, Memory):
            self._peeks = [component.read_port(domain="comb") for _ in range(peeks)]
            self._signals: dict[str, Any] = {
                value.name: value
                for value in (Value.cast(port.data) for port in component.read_ports)}
            return
        module = component.elaborate(None)
        self._submodules = {
            name: Inside(getattr(module.submodules, name),
                         *(path.partition(".")[2] for path in submodules
                           if path.startswith(f"{name}.")), peeks=peeks)
            for name in dict.fromkeys(path.partition(".")[0] for path in submodules)}
        fragment = Fragment.get(module, None)
        component.elaborate = lambda platform: fragment
        # No public method says what a statement assigns to.
        assigned = [signal for statements in fragment.statements.values()
                    for statement in statements for signal in statement._lhs_signals()]
        ports = {id(Value.cast(port)) for _, _, port in component.signature.flatten(component)
                 } if isinstance(component, wiring.Component) else set()
        # A register may be named as a port; the port is known without looking inside.
        self._signals = {signal.name: signal for signal in
                         sorted(assigned, key=lambda signal: id(signal) not in ports)}

    def submodule(self, name: str) -> "Inside":
        """Return what is inside a submodule, named as the constructor was told."""
        return self._submodules[name]

    def __getitem__(self, name: str) -> Signal:
        """Return a signal that the component assigns; of a memory, the `PORT__data` of a port.

        Raises
        ------
        LemmaOutdated
            There is no such signal.
        """
        if name not in self._signals:
            raise LemmaOutdated(f"a lemma speaks of {name!r}, which is not among "
                                f"{', '.join(sorted(self._signals))}")
        return self._signals[name]

    def word_at(self, m: Module, address: Any) -> Value:
        """Return the word of a memory at `address`; to be called `peeks` times at most."""
        if not self._peeks:
            raise LemmaOutdated("a lemma reads a memory that is none, or too often")
        peek = self._peeks.pop()
        m.d.comb += peek.addr.eq(address)
        return Value.cast(peek.data)


def look_inside(component: Any, *engines: str) -> Inside:
    """Return the registers of a `RingGather`, or of those that are submodules of a component.

    To be called before the component is added to a design.
    """
    names = ["hop", "for_mac.words", "for_hop.words", "landed"]
    if component.config.training is not None:
        names.append("reads")
    return Inside(component, *[f"{engine}.{name}" for engine in engines for name in names]
                  or names)
