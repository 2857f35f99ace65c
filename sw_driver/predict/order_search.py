"""The search for the order of ops that the cycle model finds fastest."""

import dataclasses

from golden import QuantisedNet
from hw.config import TorusConfig
from sw_driver.errors import FitError, ProgramError
from sw_driver.plan.fit import check_fit, grown, measure
from sw_driver.plan.forward import reordered
from sw_driver.plan.images import Images
from sw_driver.plan.order import ExtraTurns, Order, best_extra_turns, best_order, delays
from sw_driver.plan.plan import Plan
from sw_driver.predict.cycles import bounds, order_cycles
from sw_driver.program.sample_loop import SampleLoops
from sw_driver.schedule.loops import schedule_loops

__all__ = ["FREE_BUFFER_WORDS", "OrderSearch", "Ordered"]

FREE_BUFFER_WORDS = 1024
"""A gather buffer grows as far as that for second regions: a block RAM of an ECP5 holds so many."""

# Cycles of the model that each half of the search may take, about half a second.
_MODELLED_CYCLES = 16_000
# Extra turns take memory, so they must save at least this part of the cycles.
_WORTH_IT = 1 / 500


@dataclasses.dataclass(frozen=True, eq=False)
class Ordered:
    """A net in one order.

    Parameters
    ----------
    config
        The torus, with room for the words of all regions and for the programs, if it may grow.
    plan
        The plan in this order.
    loops
        The queues of runs.
    """

    config: TorusConfig
    plan: Plan
    loops: SampleLoops


class OrderSearch:
    """Makes the runs of a placed net in one order or another, and finds the fastest.

    Parameters
    ----------
    net, images
        The net, and the contents of its memories.
    config
        A torus that the net fits in an order without extra turns.
    plan
        The plan of the net, in program order.
    grow
        Whether memories and counters of `config` that are too small are made larger.
    """

    def __init__(
        self, net: QuantisedNet, config: TorusConfig, plan: Plan, images: Images, *, grow: bool
    ) -> None:
        self._net, self._config, self._plan, self._images = net, config, plan, images
        self._grow = grow
        self._bound = max(bounds(config, plan).values())
        self._reached = float("inf")
        self._modelled = 0

    def fitted(self, order: Order, extra_turns: ExtraTurns = ()) -> Ordered:
        """Make the runs in one order.

        Raises
        ------
        FitError, ProgramError
            If the regions or the program do not fit the torus.
        """
        plan = reordered(self._plan, order, extra_turns)
        needs = measure(self._net, plan, self._images)
        config = self._config
        if any(extra_turns):
            if self._grow and needs.buffer_words <= FREE_BUFFER_WORDS:
                config = grown(config, needs)
            check_fit(config, needs)
        loops = schedule_loops(config, plan)
        if not self._grow:
            if any(extra_turns):
                for samples in loops.looped_samples:
                    loops.program(config, samples)
            return Ordered(config, plan, loops)
        large = grown(config, needs, loops.program_words(config))
        if dataclasses.replace(large, program_words=config.program_words) != config:
            loops = schedule_loops(large, plan)
        return Ordered(large, plan, loops)

    def best(self) -> tuple[Order, ExtraTurns]:
        """Search the orders without extra turns, and then for extra turns that are worth it."""
        order = best_order(len(self._plan.stages), self._cost, self._bound, self._go_on)
        self._modelled = 0
        worth = self._reached * (1 - _WORTH_IT)
        return best_extra_turns(order, self._cost, worth, self._bound, self._go_on)

    def _go_on(self) -> bool:
        return self._modelled < _MODELLED_CYCLES

    def _cost(self, order: Order, extra_turns: ExtraTurns = ()) -> float | None:
        """Cycles of a sample; None if the order does not fit the torus."""
        depth = max(delays(order, extra_turns))
        try:
            one = self.fitted(order, extra_turns)
            cycles, modelled = order_cycles(
                one.config, one.loops, depth, self._bound, self._reached
            )
        except (FitError, ProgramError):
            return None
        self._reached = min(self._reached, cycles)
        self._modelled += modelled
        return cycles
