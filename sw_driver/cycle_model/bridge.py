"""The bridge: deals the host's beats to the gateways, and collects theirs."""

from hw.config import HARDWARE_ID_BITS, PROGRAM_BLOCK_WORDS, TorusConfig
from hw.op_fields import HostInKind, HostOutKind
from sw_driver.cycle_model.lanes import Lanes, Mask
from sw_driver.cycle_model.tables import HEADER, Queue

__all__ = ["Collector", "Distributor"]


class _Engine:
    """What both halves share: an op, its repetitions, and in each so many beats a row."""

    REGISTERS: tuple[str, ...] = (
        "active", "index", "rep", "_reps", "_beats", "_beats_left", "_row", "_one_row",
    )  # fmt: skip

    def __init__(self, lanes: Lanes, queue: Queue) -> None:
        self._row_lanes = [lanes.lanes([(row, lanes.cols)]) for row in range(lanes.rows)]
        self._ops = queue.ops
        self.active = False
        self.index = 0
        self.rep = 0
        self._reps = 0
        self._beats = 0
        self._beats_left = 0
        self._row = 0
        self._one_row = False  # It makes no difference between rows.
        self.completed = 0
        """Repetitions done so far; no register."""

    def _begin(self, index: int, beats: int, reps: int, one_row: bool) -> None:
        self.active = True
        self.index, self.rep, self._reps, self._row = index, 0, reps, 0
        self._beats = self._beats_left = beats
        self._one_row = one_row

    def _pass(self) -> None:
        """A beat passes."""
        self._beats_left -= 1
        if self._beats_left:
            return
        self._beats_left = self._beats
        if not self._one_row and self._row < len(self._row_lanes) - 1:
            self._row += 1
            return
        self._row = 0
        self.completed += 1
        if self.rep == self._reps:
            self.active = False
        else:
            self.rep += 1


class Distributor(_Engine):
    """Registers of `hw.host.distributor`, and of the unpacker of the bridge's own program."""

    REGISTERS = (
        *_Engine.REGISTERS, "_boots", "_taken", "_own_taken", "_unpacked", "_block_words_left",
    )  # fmt: skip

    def __init__(self, lanes: Lanes, config: TorusConfig, queue: Queue, blocks: int) -> None:
        super().__init__(lanes, queue)
        # Words of the program are counted as they are moved.
        self._beat_words = config.beat_words // config.link_words
        self._in_block = PROGRAM_BLOCK_WORDS // config.link_words
        self._block_beats = config.block_beats
        self._blocks = blocks
        self._gateways = lanes.gateways
        self._boots = False
        self._taken: Mask = 0
        self._own_taken = False
        self._unpacked = 0
        self._block_words_left = self._in_block

    @property
    def loading(self) -> bool:
        """Whether a word of the bridge's own program is loaded in this cycle."""
        return self._unpacked > 0

    def move(self, offered: bool, writable: Mask) -> tuple[Mask, bool]:
        """Deal out a beat, if the host offers one: to which gateways, and if it is done with."""
        last = self._block_words_left == 1
        accepts = self._unpacked <= 1 or last
        if self._unpacked:
            self._unpacked = 0 if last else self._unpacked - 1
            self._block_words_left = self._in_block if last else self._block_words_left - 1
        if not (self.active and offered):
            return 0, False

        wanted = self._gateways if self._one_row else self._row_lanes[self._row]
        wanted &= ~self._taken
        given = wanted & writable
        own_wanted = self._boots and not self._own_taken
        own_given = own_wanted and accepts
        if own_given:
            self._unpacked = self._beat_words
        if wanted ^ given or own_wanted and not own_given:
            self._taken |= given
            self._own_taken |= own_given
            return given, False
        self._taken, self._own_taken = 0, False
        self._pass()
        return given, True

    def begin(self, index: int) -> None:
        """Take an op, or a built-in one."""
        self._boots = index < 0
        if self._boots:
            reps = 0 if index == HEADER else self._blocks - 1
            self._begin(index, self._block_beats, reps, True)
        else:
            op = self._ops[index]
            broadcasts = op["kind"] == HostInKind.BROADCAST
            self._begin(index, op["beats"], op["reps"], broadcasts)


class Collector(_Engine):
    """Registers of `hw.host.collector`."""

    def __init__(self, lanes: Lanes, config: TorusConfig, queue: Queue) -> None:
        super().__init__(lanes, queue)
        self._id_beats = -(-HARDWARE_ID_BITS // config.host_bits)

    def move(self, accepted: bool, readable: Mask) -> tuple[Mask, bool]:
        """Hand a beat to the host; where one would be accepted, and whether one was."""
        if not (self.active and accepted):
            return 0, False
        if self._one_row:
            self._pass()
            return 0, True
        row = self._row_lanes[self._row]
        given = bool(row & readable)
        if given:
            self._pass()
        return row, given

    def begin(self, index: int) -> None:
        """Take an op."""
        op = self._ops[index]
        if op["kind"] == HostOutKind.ID:
            self._begin(index, self._id_beats, 0, True)
        else:
            self._begin(index, op["beats"], op["reps"], False)
