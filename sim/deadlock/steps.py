"""Steps that are done once each, after others: the machine of docs/deadlock.md, section 1."""

from collections.abc import Iterator, Sequence

__all__ = ["Actor", "Fifo", "Steps", "Wanted"]

Wanted = tuple[list[int], int]
"""A list of steps that is not whole yet, and the place in it of the step that is waited for."""

_NEVER = -1


class Steps:
    """All steps of a machine. Each waits for others, and is never hindered again once it may go."""

    def __init__(self) -> None:
        self._waits: list[Sequence[Wanted]] = []
        self._names: list[str] = []

    def add(self, name: str, waits: Sequence[Wanted]) -> int:
        """Add a step that waits for others, of which the lists may still grow; its number."""
        self._waits.append(waits)
        self._names.append(name)
        return len(self._names) - 1

    @property
    def names(self) -> Sequence[str]:
        """Of all steps."""
        return self._names

    def waits(self) -> list[set[int]]:
        """List for each step those that it waits for; -1 stands for one that there is not."""
        return [{made[place] if place < len(made) else _NEVER for made, place in wanted}
                for wanted in self._waits]  # fmt: skip

    def left(self) -> list[str]:
        """Do steps until none can be done, and name those that are left; the order is all one."""
        waits = self.waits()
        after: dict[int, list[int]] = {}
        for step, found in enumerate(waits):
            for one in found:
                after.setdefault(one, []).append(step)
        missing = [len(found) for found in waits]
        ready = [step for step, count in enumerate(missing) if not count]
        done = 0
        while ready:
            done += 1
            for step in after.get(ready.pop(), ()):
                missing[step] -= 1
                if not missing[step]:
                    ready.append(step)
        if done == len(waits):
            return []
        return [name for name, count in zip(self._names, missing, strict=True) if count]

    def ends(self) -> Iterator[frozenset[int]]:
        """Go through the sets of done steps in which nothing goes on, by all orders of turns.

        Every order of steps is walked; it takes as many states as there are sets of steps that can
        be done, so this is for machines of a few dozen steps.
        """
        waits = self.waits()
        everything = range(len(waits))
        reached = {frozenset[int]()}
        walk = list(reached)
        while walk:
            done = walk.pop()
            able = [step for step in everything if step not in done and waits[step] <= done]
            if not able:
                yield done
            for step in able:
                further = done | {step}
                if further not in reached:
                    reached.add(further)
                    walk.append(further)


class Actor:
    """What does one step after the other."""

    def __init__(self, steps: Steps, name: str) -> None:
        self._steps, self._name = steps, name
        self.done: list[int] = []

    def do(self, what: str, *waits: Wanted) -> int:
        """Add its next step, which waits for the one before it and for others."""
        before: list[Wanted] = [(self.done, len(self.done) - 1)] if self.done else []
        self.done.append(self._steps.add(f"{self._name} {what}", [*before, *waits]))
        return self.done[-1]


class Fifo:
    """Words on their way from one actor to another, at most `room`."""

    def __init__(self, room: int) -> None:
        self.room = room
        self.put: list[int] = []
        self.taken: list[int] = []

    def may_put(self) -> list[Wanted]:
        """What the next word waits for that is put in."""
        place = len(self.put) - self.room
        return [(self.taken, place)] if place >= 0 else []

    def may_take(self) -> list[Wanted]:
        """What the next word waits for that is taken out."""
        return [(self.put, len(self.taken))]
