"""The links of the rings that go back, and the gateways' register slices in them."""

from typing import Any

from sw_driver.cycle_model.lanes import Lanes, Mask

__all__ = ["ReverseLinks"]


class _Slice:
    """The register slice in every hop, as `hw.ring.link` has it, in the lane of the node it leads
    to.

    Two words deep; of each, whether it is there and whether it is the host's.
    """

    def __init__(self) -> None:
        self.valid: Mask = 0
        self.for_host: Mask = 0
        self.spare: Mask = 0
        self._spare_for_host: Mask = 0

    def state(self) -> tuple[Mask, ...]:
        """Its registers."""
        return self.valid, self.for_host, self.spare, self._spare_for_host

    def move(self, came: Mask, for_host: Mask, ready: Mask) -> None:
        """Words come in where there is no spare one, and go out where `ready`."""
        spare = self.spare
        stays = self.valid & ~ready
        # What comes next to the output, and what of it is kept aside as the output is held up.
        held = spare | came
        held_for_host = spare & self._spare_for_host | for_host & came & ~spare
        self.valid = held | stays
        self.spare = held & stays
        self.for_host = self.for_host & stays | held_for_host & ~stays
        self._spare_for_host = held_for_host & stays


class ReverseLinks:
    """Register slices of all hops, and one more before every gateway.

    Parameters
    ----------
    stages
        `link_stages` of the configuration.
    """

    def __init__(self, lanes: Lanes, stages: int) -> None:
        self._lanes = lanes
        self._stages = [_Slice() for _ in range(stages)]
        self._gateway = _Slice()

    def state(self) -> tuple[Any, ...]:
        """All registers."""
        return *(stage.state() for stage in self._stages), self._gateway.state()

    @property
    def busy(self) -> Mask:
        """Where a sum is on its way between two nodes."""
        mask = self._gateway.valid
        for stage in self._stages:
            mask |= stage.valid
        return mask

    def for_host(self) -> Mask:
        """Gateways at which a sum for the host waits."""
        return self._gateway.valid & self._gateway.for_host

    def move(self, sent: Mask, for_host: Mask, room: Mask, handed_out: Mask) -> tuple[Mask, Mask]:
        """Sums go on.

        Parameters
        ----------
        sent, for_host
            PEs whose output register holds a sum, and those whose sum is the host's.
        room
            PEs that can take one.
        handed_out
            Gateways whose sum for the host has gone there.

        Returns
        -------
        Where what is sent is accepted, and where a sum arrives, in the lane of the PE.
        """
        lanes, gateway = self._lanes, self._gateway
        passes = gateway.valid & ~gateway.for_host
        ends = room | lanes.gateways & ~gateway.spare
        # The node that a sum goes to is the one upstream for words.
        came, came_for_host = lanes.upstream(sent | passes), lanes.upstream(for_host)
        accepts = ends
        if self._stages:
            accepts = lanes.nodes ^ self._stages[0].spare
            readies = [*(lanes.nodes ^ stage.spare for stage in self._stages[1:]), ends]
            for stage, ready in zip(self._stages, readies, strict=True):
                leaves, leaves_for_host = stage.valid, stage.for_host
                stage.move(came, came_for_host, ready)
                came, came_for_host = leaves, leaves_for_host
        accepted = lanes.downstream(accepts)
        gateway.move(came & lanes.gateways, came_for_host, accepted & passes | handed_out)
        return accepted, came & lanes.pes
