"""The links between ring nodes: `link_stages` register slices in every hop."""

from sw_driver.cycle_model.lanes import Lanes, Mask

__all__ = ["GatewayLinks", "Links"]


class Links:
    """Registers of all links, as `hw.ring.link` has them, in the lane of the node that they
    lead to.
    """

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


class GatewayLinks:
    """The register slice before every gateway, behind all other links of its hop."""

    REGISTERS = "valid", "_spare"

    def __init__(self, lanes: Lanes) -> None:
        self._lanes = lanes
        self.valid: Mask = 0
        """Where a word arrives at a gateway."""
        self._spare: Mask = 0

    def ready(self) -> Mask:
        """Where a word on its way to a gateway is accepted."""
        return self._lanes.gateways ^ self._spare

    def move(self, arriving: Mask, ready: Mask) -> None:
        """Words come in, and go on to gateways that are `ready`."""
        stays = self.valid & ~ready
        held = self._spare | arriving & self._lanes.gateways
        self.valid = held | stays
        self._spare = held & stays
