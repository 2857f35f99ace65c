"""Where a bit may flip in a torus that trains: its memories and registers, by kind."""

import re

from hw.config import TorusConfig
from hw.tops import TOPS

from .sites import Site, Sites

__all__ = ["TRAINING_FOUND", "TRAINING_KINDS", "TRAINING_LEVELS", "TRAINING_MEMORIES",
           "TrainingSites"]

TRAINING_MEMORIES = ("weights", "buffers", "biases", "program", "gradients", "velocities",
                     "partials")
TRAINING_KINDS = (*TRAINING_MEMORIES, "links", "links-back", "random", "accumulator", "registers")
"""What is drawn from: as in `sim.faults.sites`, and what only a torus that trains has."""
TRAINING_LEVELS = (0, 1)
"""The `checks` of a torus that trains."""
TRAINING_FOUND: dict[str, int] = {
    kind: 1 for kind in (*TRAINING_MEMORIES, "links", "links-back", "random")}
"""The least `checks` with which each kind has none that is silent; those that are left out may."""

_TOP = f"{TOPS['torus']}.torus"
_AXES = ("row", "col")
_LINK_REGISTERS = ("o__payload", "spare")
_FORWARD = r"east_[\d_]+|south_[\d_]+|west_\d+_\d+"
_BACK = r"north_[\d_]+|west_\d+_\d+_\d+|to_gateway_[\d_]+|from_gateway_[\d_]+"


class TrainingSites(Sites):
    """All sites of a torus that trains, by kind.

    Parameters
    ----------
    config
        Of the torus: a MAC of one lane, with velocities.
    verilog
        Of the torus.
    """

    def __init__(self, config: TorusConfig, verilog: str) -> None:
        super().__init__(config, verilog)
        self._sites["registers"] = [
            site for site in self._sites["registers"] if "$" not in site.scope]

    def _sites_of(self, pes: list[str], nodes: list[str], gateways: list[str]
                  ) -> dict[str, list[Site]]:
        forward = [f"{pe}.router.forward.{axis}" for pe in pes for axis in _AXES]
        back = [f"{pe}.router.{axis}_back" for pe in pes for axis in _AXES]
        links = [Site(f"{ring}.hop", "passed") for ring in forward]
        links += [Site(f"{ring}.for_hop", "read_data") for ring in forward]
        links += self._slices(_FORWARD)
        links_back = [Site(ring, "o__payload") for ring in back] + self._slices(_BACK)
        links_back += [Site(f"{gateway}.reverse.link", name) for gateway in gateways
                       for name in _LINK_REGISTERS]

        def macs(*places: tuple[str, str]) -> list[Site]:
            return [Site(f"{pe}.mac{block}", name) for pe in pes for block, name in places]

        return {
            "weights": macs((".weight_memory", "words"), (".weight_low_memory", "words")),
            "buffers": [Site(f"{ring}.{copy}", "words") for ring in forward
                        for copy in ("for_mac", "for_hop")],
            "biases": macs(("", "bias_memory")),
            "program": [Site(f"{node}.sequencer.program", "words") for node in nodes],
            "gradients": [
                *(Site(f"{pe}.{axis}_gradients.gradients", "words")
                  for pe in pes for axis in _AXES),
                *(Site(f"{pe}.host_gradients", "gradients") for pe in pes)],
            "velocities": macs((".velocity_memory", "words"), ("", "bias_velocity_memory")),
            "partials": [Site(f"{ring}.{queue}", "items") for ring in back
                         for queue in ("partials", "contributions")],
            "links": links,
            "links-back": links_back,
            "random": macs((".weight_update", "lfsr")),
            "accumulator": macs((".accumulator", "sum")),
        }

    def _slices(self, named: str) -> list[Site]:
        """Register slices whose instances are named so by `hw.torus`."""
        return [Site(module, name) for module in self._clocked
                if re.fullmatch(rf"{re.escape(_TOP)}\.(?:{named})", module)
                for name in _LINK_REGISTERS]
