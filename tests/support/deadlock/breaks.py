"""Ways to break a program: each changes queues in place, at random, and says whether it could."""

import dataclasses
from collections.abc import Callable

from hw.op_fields import RingKind

__all__ = ["BREAKS", "Broken", "broken"]

ROW, COL, MAC, RING, HOST_IN, HOST_OUT = range(6)
_WAITS = ("need_first", "need_step", "need_free", "need_read", "need_read_step", "lag")
_COUNTS = ("own", "recv", "send", "beats", "last_word", "last_output", "last_block", "last_group",
           "last_walk")
_ROUTES = ("to_gateway", "dest", "axis", "from_host", "reduce", "host", "kind")


@dataclasses.dataclass(frozen=True)
class Broken:
    """A program that was broken: what was done to it, its queues, and what the host does."""

    kinds: tuple[str, ...]
    queues: list[list[dict[str, int]]]
    host: list[tuple[str, int]] | None


def broken(sound, random):
    """Break a sound program once, or up to three times."""
    queues, host = sound.copy()
    kinds: list[str] = []
    wanted = random.choice([1, 1, 1, 1, 2, 3])
    while len(kinds) < wanted:
        [kind] = random.choices(list(BREAKS), _WEIGHTS)
        if BREAKS[kind](sound.config, queues, host, random):
            kinds.append(kind)
    return Broken(tuple(kinds), queues, host)


def _ops(queues, *numbers):
    return [op for number in numbers for op in queues[number]]


def _with_field(ops, fields, random):
    found = [(op, field) for op in ops for field in fields if field in op]
    return random.choice(found) if found else (None, None)


def _moved(value, random, least, most):
    """Another value, mostly a near one."""
    if random.random() < 0.15:
        return random.choice([least, random.randint(least, most), most])
    return min(max(value + random.choice([-3, -2, -1, -1, 1, 1, 2, 3]), least), most)


def _one_wait(config, queues, host, random):
    """A field that says how much is waited for gets another value."""
    op, field = _with_field(_ops(queues, ROW, COL, MAC), _WAITS, random)
    before, most = op[field], (1 << config.rep_bits) - 1
    op[field] = _moved(before, random, 0, most)
    return op[field] != before


def _wait_elsewhere(config, queues, host, random):
    """An op waits for something that a later or an earlier op of its queue waited for."""
    queue = random.choice([ROW, COL, MAC])
    field = random.choice(_WAITS)
    first = [op for op in queues[queue] if op.get(field)]
    if not first or len(queues[queue]) < 2:
        return False
    giver = random.choice(first)
    moved = random.randint(1, giver[field])
    index = next(i for i, op in enumerate(queues[queue]) if op is giver)
    taker = queues[queue][(index + random.choice([-1, 1])) % len(queues[queue])]
    if taker is giver or taker[field] + moved >= 1 << config.rep_bits:
        return False
    giver[field] -= moved
    taker[field] += moved
    return True


def _order(config, queues, host, random):
    """An op comes one or several places earlier in its queue."""
    number = random.choice([ROW, COL, MAC, MAC, RING])
    return _move(queues[number], random)


def _order_of_ring(config, queues, host, random):
    """The same ops of the row ring change places in the PEs and in the gateways."""
    length = len(queues[ROW])
    if length < 2:
        return False
    index = random.randrange(length - 1)
    queues[ROW][index:index + 2] = queues[ROW][index + 1:index - 1 if index else None:-1]
    served = [i for i, op in enumerate(queues[RING]) if op["kind"] != RingKind.GRADIENT.value]
    if len(served) != length:
        return False
    one, other = served[index], served[index + 1]
    queues[RING][one], queues[RING][other] = queues[RING][other], queues[RING][one]
    return True


def _gateway_turn(config, queues, host, random):
    """The gateways take sums for the host at another time."""
    found = [i for i, op in enumerate(queues[RING]) if op["kind"] == RingKind.GRADIENT.value]
    return bool(found) and _move(queues[RING], random, random.choice(found))


def _host_order(config, queues, host, random):
    """The host does things in another order."""
    return host is not None and _move(host, random)


def _move(items, random, index=None):
    if len(items) < 2:
        return False
    index = random.randrange(len(items)) if index is None else index
    other = random.randrange(len(items)) if random.random() < 0.4 else index + random.choice(
        [-1, 1])
    if other == index or not 0 <= other < len(items) or items[other] == items[index]:
        return False
    items.insert(other, items.pop(index))
    return True


def _repetitions(config, queues, host, random):
    """An op has more or fewer repetitions."""
    op = random.choice(_ops(queues, *range(6)))
    before = op["reps"]
    op["reps"] = _moved(before, random, 0, min(7, (1 << config.rep_bits) - 1))
    return op["reps"] != before


def _count(config, queues, host, random):
    """An op moves or sums another number of words."""
    op, field = _with_field(_ops(queues, *range(6)), _COUNTS, random)
    before = op[field]
    op[field] = _moved(before, random, 0, min(15, config.buffer_words - 1))
    return op[field] != before


def _dropped(config, queues, host, random):
    """An op is left out."""
    queue = random.choice([queue for queue in queues if len(queue) > 1] or [[]])
    if queue:
        del queue[random.randrange(len(queue))]
    return bool(queue)


def _doubled(config, queues, host, random):
    """An op is done twice."""
    queue = random.choice(queues)
    if not queue:
        return False
    index = random.randrange(len(queue))
    queue.insert(random.choice([index, random.randrange(len(queue) + 1)]), dict(queue[index]))
    return True


def _route(config, queues, host, random):
    """Words come from or go to somewhere else, or an op is of another kind."""
    op, field = _with_field(_ops(queues, *range(6)), _ROUTES, random)
    if field == "kind":
        kinds = {one["kind"] for queue in queues if any(one is op for one in queue)
                 for one in queue} - {op["kind"]}
        if not kinds:
            return False
        op[field] = random.choice(sorted(kinds))
    else:
        op[field] ^= 1
    return True


def _address(config, queues, host, random):
    """Words or results lie elsewhere in a buffer."""
    op, field = _with_field(_ops(queues, ROW, COL, MAC), ("base", "x_base", "y_base"), random)
    before = op[field]
    op[field] = _moved(before, random, 0, config.buffer_words - 1)
    return op[field] != before


BREAKS: dict[str, Callable[..., bool]] = {
    "one wait": _one_wait,
    "a wait that another op gets": _wait_elsewhere,
    "order in a queue": _order,
    "order of the row ring": _order_of_ring,
    "turn of the gateways": _gateway_turn,
    "order of the host": _host_order,
    "repetitions": _repetitions,
    "number of words": _count,
    "op left out": _dropped,
    "op doubled": _doubled,
    "route or kind": _route,
    "address": _address,
}
"""The kinds of breaks by their names on docs/deadlock.md."""
# Waits and orders are broken more often than what the check finds by counting.
_WEIGHTS = [6, 4, 4, 2, 2, 2, 1, 1, 1, 1, 2, 1]
