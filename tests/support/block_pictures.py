"""Pictures of elaborated designs of `hw`: which block holds which, and who gives what to whom."""

import functools
import inspect
from collections import Counter
from pathlib import Path
from typing import NamedTuple

from amaranth.hdl import Fragment, Value

from hw.ring.link import Link
from tests.support.project import ROOT

__all__ = ["Wire", "block_tree", "mermaid", "wires"]

_STREAM = ("valid", "payload", "ready")
_INDENT = "    "


class Wire(NamedTuple):
    """Something that a block gives to another one: each is a path of names, () for what is outside.

    `gives` and `takes` are the ports, without the last part of a stream's. `words` says that it is
    no stream, but a word without `valid` and `ready`.
    """

    source: tuple
    gives: tuple
    sink: tuple
    takes: tuple
    words: bool


@functools.cache
def _elaborated(component):
    """The fragment of a component, which a design of some size takes seconds to make."""
    return Fragment.get(component, None)


def _submodules(fragment):
    """(name, fragment, component) of those that are blocks of ours."""
    return [(name, inside, inside.origins[0]) for inside, name, _ in fragment.subfragments
            if inside.origins and type(inside.origins[0]).__module__.startswith("hw.")]


def block_tree(component):
    """The lines of the hierarchy below a component; what a class holds is told once."""
    lines, told = [], set()

    def tell(block, fragment, depth, count):
        name = type(block).__name__
        path = Path(inspect.getfile(type(block))).relative_to(ROOT).as_posix()
        known = name in told and bool(_submodules(fragment))
        title = f"{'  ' * depth}{f'{count} x ' if count > 1 else ''}{name}"
        lines.append(f"{title:<36}{path}{' (see above)' if known else ''}")
        if name in told:
            return
        told.add(name)
        inside = _submodules(fragment)
        counts = Counter(type(one) for _, _, one in inside)
        firsts = {type(one): (one, part) for _, part, one in reversed(inside)}
        for kind in counts:
            tell(*firsts[kind], depth + 1, counts[kind])

    tell(component, _elaborated(component), 0, 1)
    return lines


def _assigns(statements):
    for statement in statements:
        if hasattr(statement, "cases"):
            for case in statement.cases:
                yield from _assigns(case[1])
        elif hasattr(statement, "lhs"):
            yield statement


def _ports(fragment):
    """The block and the path of each signal of a port, of a fragment and those inside it."""
    found = {}
    blocks = [((), fragment.origins[0])]
    blocks += [((name,), one) for name, _, one in _submodules(fragment)]
    for name, block in blocks:
        for path, _, value in block.signature.flatten(block):
            for signal in Value.cast(value)._rhs_signals():
                found[id(signal)] = name, path
    return found


def _own_wires(fragment):
    """The wires that a block itself draws between its ports and those of its submodules."""
    ports = _ports(fragment)
    found = {}
    statements = (one for domain in fragment.statements.values() for one in _assigns(domain))
    for statement in statements:
        for signal in statement.rhs._rhs_signals():
            for target in statement.lhs._lhs_signals():
                if id(signal) not in ports or id(target) not in ports:
                    continue
                (source, gives), (sink, takes) = ports[id(signal)], ports[id(target)]
                ends = gives[-1], takes[-1]
                if "ready" in ends or min(len(signal), len(target)) == 1 and ends != ("valid",) * 2:
                    continue
                stream = ends[0] == ends[1] and ends[0] in _STREAM
                gives, takes = (path[:-1] if path[-1] in _STREAM else path
                                for path in (gives, takes))
                found[Wire(source, gives, sink, takes, not stream)] = None
    # What a stream's payload is used for besides is told by the stream.
    streams = {(one.source, one.gives, one.sink, one.takes) for one in found if not one.words}
    return [one for one in found if not one.words or one[:4] not in streams]


def wires(component, opened=()):
    """The streams and words between the submodules of a component.

    Parameters
    ----------
    component
        What is elaborated.
    opened
        Names of submodules that are replaced by what is in them.

    Returns
    -------
    tuple
        The classes of the submodules by their paths, and a list of `Wire`.
    """
    fragment = _elaborated(component)
    blocks, found = {}, _own_wires(fragment)
    for name, inside, block in _submodules(fragment):
        if name not in opened:
            blocks[name,] = type(block)
            continue
        within = [wire._replace(source=wire.source and (name, *wire.source),
                                sink=wire.sink and (name, *wire.sink))
                  for wire in _own_wires(inside)]
        blocks |= {(name, part): type(one) for part, _, one in _submodules(inside)}
        found = _joined(found, (name,), within)
    return blocks, found


def _joined(outside, name, within):
    """Wires to and from the ports of a block, led on to what is in it."""
    joined = [wire for wire in within if wire.source and wire.sink]
    for wire in outside:
        ends = [wire]
        if wire.sink == name:
            ends = [one._replace(source=wire.source, gives=wire.gives, words=wire.words)
                    for one in within if not one.source and one.gives == wire.takes]
        if wire.source == name:
            ends = [one._replace(sink=end.sink, takes=end.takes, words=wire.words)
                    for end in ends
                    for one in within if not one.sink and one.takes == wire.gives]
        joined += ends
    return list(dict.fromkeys(joined))


def _without_links(blocks, found):
    """The same with a wire in the place of each chain of links."""
    links = {name for name, kind in blocks.items() if kind is Link}
    behind = {wire.source: wire for wire in found if wire.source in links}

    def end(wire):
        while wire.sink in links:
            wire = wire._replace(sink=behind[wire.sink].sink, takes=behind[wire.sink].takes)
        return wire

    blocks = {name: kind for name, kind in blocks.items() if name not in links}
    return blocks, [end(wire) for wire in found if wire.source not in links]


def mermaid(component, opened=(), direction="LR"):
    """The lines of a flowchart: blocks, streams as arrows, words without `valid` dotted."""
    blocks, found = _without_links(*wires(component, opened))
    lines = [f"flowchart {direction}"]
    for group in dict.fromkeys(name[:-1] for name in blocks):
        indent = _INDENT * (2 if group else 1)
        lines += [f"{_INDENT}subgraph {_text(group)}"] if group else []
        lines += [f'{indent}{_text(name)}["{name[-1]}: {kind.__name__}"]'
                  for name, kind in blocks.items() if name[:-1] == group]
        lines += [f"{_INDENT}end"] if group else []
    labels = {}
    for wire in found:
        source, sink = _end(wire.source, wire.gives), _end(wire.sink, wire.takes)
        label = wire.takes if wire.words and wire.sink else wire.gives
        if source and sink and (wire.source or not wire.words):
            labels.setdefault((source, sink, wire.words), {})[".".join(map(str, label))] = None
    for (source, sink, words), names in labels.items():
        arrow = "-.->" if words else "-->"
        lines.append(f'{_INDENT}{source} {arrow}|"{", ".join(names)}"| {sink}')
    return lines


def _text(name):
    return "_".join(map(str, name))


def _end(block, port):
    """The node of a block; of what is outside, a node for each port."""
    return _text(block) if block else f"{_text(port)}([{'.'.join(map(str, port))}])"
