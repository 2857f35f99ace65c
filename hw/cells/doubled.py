"""`with_twins`: a second register beside each of a block, so that a flipped bit of one shows.

Two registers that take the same value in every cycle differ as soon as a bit of one of them flips,
whatever the register means and whatever the block is doing. So one rule covers all registers of
control. It finds flips of registers alone, not wrong values that logic computes for both.

It works on the fragments that Amaranth elaborates, since a second register is the same for every
block; Amaranth has no public names for statements.
"""

from amaranth import *
from amaranth.hdl import Fragment
from amaranth.hdl._ast import Assign, Concat, Operator, Part, Slice, Switch, SwitchValue
from amaranth.hdl._xfrm import LHSMaskCollector

__all__ = ["with_twins"]

_DOMAIN = "sync"
# A synthesiser makes one register of two that are alike, unless it is told to keep both: Yosys and
# Vivado, Quartus, Synplify.
_KEEP = {"keep": 1, "dont_touch": "true", "preserve": 1, "syn_preserve": 1}


def with_twins(block, platform, flag, covered):
    """Return the fragment of a block in which registers have twins, which set a flag.

    Each register `x` gets an `x_twin`, which takes in every cycle what `x` takes. Those of the
    block and of all blocks in it are looked at; those inside memories and cells of a vendor are
    not. A register that a reset does not clear is cleared by it here, as is its twin, so that both
    are alike from the first reset on.

    Parameters
    ----------
    block : Elaboratable
        In the domain `sync`.
    platform
        That of `elaborate`.
    flag : Signal
        A register: it is set two cycles after the first one in which a register and its twin differ
        and stays until a reset.
    covered : callable of (tuple of str, str)
        Whether a register has no twin, since something else finds its flips: by the names of the
        blocks that it is in, from `block` down, and by its own name.
    """
    fragment = Fragment.get(block, platform)
    differ = []
    _add_twins(fragment, (), covered, differ)
    fragment.add_statements(_DOMAIN, Switch(Cat(*differ).any(), [(1, flag.eq(1), None)]))
    return fragment


def _add_twins(fragment, path, covered, differ):
    """Add twins to a fragment and those in it, and to `differ` a register of each fragment."""
    for number, (inner, name, _) in enumerate(fragment.subfragments):
        _add_twins(inner, (*path, name or str(number)), covered, differ)
    statements = list(fragment.statements.get(_DOMAIN, ()))
    assigned = LHSMaskCollector()
    assigned.visit_stmt(statements)
    masks = [(register, mask) for register, mask in assigned.masks()
             if not covered(path, register.name)]
    if not masks:
        return
    twins = {id(register): Signal(len(register), name=f"{register.name}_twin", attrs=_KEEP,
                                  init=register.init & ((1 << len(register)) - 1))
             for register, _ in masks}
    for register, _ in masks:
        register.attrs.update(_KEEP)
    fragment.add_statements(_DOMAIN, _of_twins(statements, twins))
    cleared = [(register, mask) for register, mask in masks if register.reset_less]
    if cleared:
        fragment.add_statements(_DOMAIN, Switch(ResetSignal(_DOMAIN), [
            (1, [part.eq(0) for register, mask in cleared
                 for one in (register, twins[id(register)]) for part in _bits(one, mask)], None)]))
    found = Signal(name="twins_differ")
    fragment.add_statements(_DOMAIN, found.eq(Cat(
        part ^ other for register, mask in masks
        for part, other in zip(_bits(register, mask), _bits(twins[id(register)], mask),
                               strict=True)).any()))
    differ.append(found)


def _bits(register, mask):
    """The bits of a register that a mask has, those beside each other together."""
    if mask == (1 << len(register)) - 1:
        return [register.as_unsigned()]
    return [register[bit] for bit in range(len(register)) if mask >> bit & 1]


def _of_twins(statements, twins):
    """The statements again, for twins; those that assign no register of these are left out."""
    made = []
    for statement in statements:
        if isinstance(statement, Switch):
            cases = [(patterns, _of_twins(body, twins), place)
                     for patterns, body, place in statement.cases]
            if any(body for _, body, _ in cases):
                made.append(Switch(statement.test, cases))
        elif isinstance(statement, Assign):
            if any(id(one) in twins for one in statement.lhs._lhs_signals()):
                made.append(Assign(_twin(statement.lhs, twins), statement.rhs))
    return made


def _twin(target, twins):
    """What is assigned in place of a target."""
    match target:
        case Signal():
            # Of targets of which only a part has twins, the rest goes nowhere.
            return twins.get(id(target), Signal(len(target), name="no_twin"))
        case Slice():
            return Slice(_twin(target.value, twins), target.start, target.stop)
        case Part():
            return Part(_twin(target.value, twins), target.offset, target.width, target.stride)
        case Concat():
            return Concat([_twin(one, twins) for one in target.parts])
        case SwitchValue():
            return SwitchValue(target.test, [(patterns, _twin(one, twins))
                                             for patterns, one in target.cases])
        case Operator():  # A change of sign.
            return _twin(target.operands[0], twins)
        case _:
            raise TypeError(f"no register can be assigned by {target!r}")
