"""The links between ring nodes: `link_stages` register slices in every hop."""

from sw_driver.cycle_model.lanes import Lanes, Mask

__all__ = ["Links"]


class Links:
    """Registers of all links, as `hw.link` has them, in the lane of the node that they lead to."""

    REGISTERS = "_valid", "_spare"

    def __init__(self, lanes: Lanes, stages: int) -> None:
        self._lanes = lanes
        self._valid: list[Mask] = [0] * stages
        self._spare: list[Mask] = [0] * stages

    def arriving(self) -> Mask:
        """Where a word arrives at a node."""
        return self._valid[-1]

    def accepted(self) -> Mask:
        """Where a node's next hop is a register slice that accepts a word."""
        return self._lanes.upstream(self._lanes.nodes ^ self._spare[0])

    def move(self, sent: Mask, ready: Mask) -> None:
        """Words go one register further, in the end to nodes that are `ready`."""
        lanes = self._lanes
        came = lanes.downstream(sent)
        readies = [*(lanes.nodes ^ spare for spare in self._spare[1:]), ready]
        for stage, go_on in enumerate(readies):
            valid = self._valid[stage]
            stays = valid & ~go_on
            held = self._spare[stage] | came
            self._valid[stage] = held | stays
            self._spare[stage] = held & stays
            came = valid
            came = valid
