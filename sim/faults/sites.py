"""Where a bit may flip: the memories and registers of a torus that infers, by kind."""

import dataclasses
import re
from random import Random

from hw.config import TorusConfig
from hw.tops import PE_MODULE, TOPS

from ..model.native import NativeModel
from ..model.variables import Variable

__all__ = ["FOUND", "KINDS", "LEVELS", "MEMORIES", "Site", "Sites", "draw"]

KINDS = ("weights", "buffers", "biases", "program", "links", "accumulator", "multiplier",
         "requantiser", "queues", "registers")
"""What is drawn from: those of `MEMORIES`; registers of links; accumulators, multipliers and what
makes words of sums; queues of beats; other registers."""
LEVELS = (0, 1, 2, 3)
"""The `checks` of a torus."""
FOUND = {**dict.fromkeys(("weights", "buffers", "biases", "program", "links"), 1),
         **dict.fromkeys(("accumulator", "multiplier", "requantiser"), 2),
         "queues": 3, "registers": 3}
"""The least `checks` with which each kind has none that is silent."""
MEMORIES = ("weights", "buffers", "biases", "program")

_TOP = f"{TOPS['torus']}.torus"
_BRIDGE = f"{TOPS['torus']}.bridge"
_BUFFERS = [f"router.{axis}.{copy}" for axis in ("row", "col") for copy in ("for_mac", "for_hop")]
# Registers that hold words on their way: of a hop, and of a register slice.
_HOP_REGISTERS = tuple((f"router.{axis}.{block}", name) for axis in ("row", "col")
                       for block, name in (("hop", "passed"), ("for_hop", "read_data")))
_LINK_REGISTERS = ("o__payload", "spare")
_ACCUMULATOR = ("mac.accumulator", "sum")
_BLOCKS = {"multiplier": ".mac.multiplier", "requantiser": ".mac.results.requantise"}

_MODULE = re.compile(r"^module \\?(\S+) ?\(.*?^endmodule", re.M | re.S)
_CLOCKED = re.compile(r"always @\(posedge clk\)\n    (?:if \(\S+\) )?([A-Za-z]\w*) <= ")
_WIDE = re.compile(r"^  reg \[(\d+):0\] (\w+)\b", re.M)
_FLAGS = "faults"
_MOST_BITS = 64


@dataclasses.dataclass(frozen=True)
class Site:
    """A memory or a register: the instance that it is in, with dots, and its name."""

    scope: str
    name: str


class Sites:
    """All sites of a torus, by kind.

    Registers are those of PEs, gateways, links and the bridge that the Verilog has under names
    without escapes, of at most 64 bits, other than the flags of faults themselves.

    Parameters
    ----------
    config
        Of the torus: a MAC of one lane.
    verilog
        Of the torus.
    """

    def __init__(self, config: TorusConfig, verilog: str) -> None:
        self._config = config
        self._clocked = _clocked(verilog)
        pes = [f"{_TOP}.pe_{row}_{col}" for row in range(config.rows) for col in range(config.cols)]
        gateways = [f"{_TOP}.gateway_{row}" for row in range(config.rows)]
        self._sites = self._sites_of(pes, [*pes, *gateways, _BRIDGE], gateways)
        taken = {site for sites in self._sites.values() for site in sites}
        self._sites["registers"] = [
            site for pe in pes for site in self._registers(PE_MODULE, pe) if site not in taken]
        for at in (*gateways, _BRIDGE, *(f"{_TOP}.{link}" for link in self._links())):
            self._sites["registers"] += [
                site for site in self._registers(at, at) if site not in taken]

    def _sites_of(self, pes: list[str], nodes: list[str], gateways: list[str]
                  ) -> dict[str, list[Site]]:
        """All sites but other registers; the nodes are those that have a program."""
        queue = "queue.queue.fifo" if self._config.checks > 2 else "queue.fifo"
        links = [Site(f"{pe}.{block}", name) for pe in pes for block, name in _HOP_REGISTERS]
        links += [Site(f"{_TOP}.{link}", name) for link in self._links()
                  for name in _LINK_REGISTERS]
        return {
            "weights": [Site(f"{pe}.mac.weight_memory", "words") for pe in pes],
            "buffers": [Site(f"{pe}.{buffer}", "words") for pe in pes for buffer in _BUFFERS],
            "biases": [Site(f"{pe}.mac", "bias_memory") for pe in pes],
            "program": [Site(f"{node}.sequencer.program", "words") for node in nodes],
            "links": links,
            "accumulator": [Site(f"{pe}.{_ACCUMULATOR[0]}", _ACCUMULATOR[1]) for pe in pes],
            "queues": [Site(f"{gateway}.{way}_{queue}", "storage")
                       for gateway in gateways for way in ("in", "out")],
            **{kind: [site for pe in pes for site in self._registers(PE_MODULE, pe)
                      if site.scope == pe + block] for kind, block in _BLOCKS.items()},
        }

    def _links(self) -> list[str]:
        """Instances of register slices, by the names that `hw.torus` gives them."""
        return [module.removeprefix(f"{_TOP}.") for module in self._clocked
                if re.fullmatch(rf"{re.escape(_TOP)}\.(east|west|south)_[\d_]+", module)]

    @property
    def kinds(self) -> tuple[str, ...]:
        """What `find` knows."""
        return tuple(self._sites)

    def _registers(self, module: str, scope: str) -> list[Site]:
        return [Site(scope + path.removeprefix(module), name)
                for path, names in self._clocked.items()
                if path == module or path.startswith(f"{module}.")
                for name in names if name != _FLAGS]

    @property
    def names(self) -> list[str]:
        """What a model must be built with for `find`."""
        return sorted({site.name for sites in self._sites.values() for site in sites})

    def find(self, model: NativeModel, kind: str) -> list[Variable]:
        """Find the variables of a kind in a model that was built with `names`."""
        return [model.variable(site.scope, site.name) for site in self._sites[kind]]


def draw(variables: list[Variable], random: Random) -> tuple[Variable, int, int]:
    """Draw a bit of some variables, each as probable: the variable, the word and the bit."""
    sizes = [one.words * one.word_bits for one in variables]
    [found] = random.choices(variables, sizes)
    return found, random.randrange(found.words), random.randrange(found.word_bits)


def _clocked(verilog: str) -> dict[str, list[str]]:
    """The names of the registers of each module that are not too wide for a `Variable`."""
    found: dict[str, list[str]] = {}
    for module in _MODULE.finditer(verilog):
        wide = {name for top, name in _WIDE.findall(module[0]) if int(top) >= _MOST_BITS}
        names = dict.fromkeys(_CLOCKED.findall(module[0]))
        found[module[1]] = [name for name in names if name not in wide]
    return found
