"""What the options of `clostorus explore` ask for, checked before anything slow is imported."""

import dataclasses
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fpga.explore.nets import Nets
    from fpga.explore.search import Search
    from golden.data.source import Source
    from sw_driver.system.files import Files

__all__ = ["Options", "make_search", "read_boards", "read_word_bits"]

_LEAST_BITS, _MOST_BITS = 4, 18
_WITH_DATA, _WITHOUT_DATA = (6, 8, 10, 12, 16), (16,)
_LOSS = 0.01


@dataclasses.dataclass(frozen=True)
class Options:
    """The command line.

    Parameters
    ----------
    net
        A file, or layers.
    boards
        Names.
    goal
        One of the goals.
    source
        Data, or None.
    word_bits, loss, accuracy, epochs, clock_mhz, least_rate, exact, quick
        As the options of their names; None where they are not given.
    most
        Rows and columns of a torus.
    """

    net: str
    boards: tuple[str, ...]
    goal: str
    source: "Source | None"
    word_bits: str | None
    loss: float | None
    accuracy: float | None
    epochs: int
    clock_mhz: float | None
    least_rate: float
    exact: int
    quick: bool
    most: tuple[int, int]

    @property
    def model(self) -> Path | None:
        """The file of the net; None of layers."""
        return None if re.fullmatch(r"[\s\d()-]*(,.*)?", self.net) else Path(self.net)

    def check(self) -> "Files":
        """Refuse what is wrong with the options, and files that plainly are no nets.

        Returns
        -------
        dict
            The files that are read, by option.

        Raises
        ------
        DriverError, GoldenError
            The message names the option.
        """
        from sw_driver.cli.given_net import check_model
        from sw_driver.errors import DriverError
        from sw_driver.files.data_files import source_files
        from sw_driver.files.kinds import own_model

        self._check_numbers()
        read_word_bits(self.word_bits, data=True)
        if self.source is not None:
            self.source.check()
        model = self.model
        if model is not None:
            check_model(model, None, exported=False)
            own = own_model(str(model))
            return {"--net": own.path if own else model, **source_files(self.source)}
        if self.accuracy is not None and self.source is None:
            raise DriverError("accuracy needs --data, which other nets are trained on")
        if self.accuracy is None and (self.source is not None or self.loss is not None):
            name = "data" if self.source is not None else "loss"
            raise DriverError(f"{name} needs a net with weights, or --accuracy, not the layers "
                              f"{self.net} alone: name a model file as --net")
        return {} if self.source is None else source_files(self.source)

    def _check_numbers(self) -> None:
        from sw_driver.errors import DriverError

        if self.clock_mhz is not None and not 0 < self.clock_mhz < 1e4:
            raise DriverError(f"clock-mhz must be above 0 and below 10000, not {self.clock_mhz:g}")
        if not 0 <= self.least_rate < 1e12:
            raise DriverError(f"at-least must be 0 to 1e12, not {self.least_rate:g}")
        if self.loss is not None and not 0 <= self.loss < 1:
            raise DriverError(f"loss must be at least 0 and below 1, not {self.loss:g}")
        if self.accuracy is not None and not 0 < self.accuracy <= 100:
            raise DriverError(f"accuracy must be above 0 and at most 100 percentage points, not "
                              f"{self.accuracy:g}")
        if self.accuracy is not None and self.loss is not None:
            raise DriverError("loss and accuracy must not be given together: accuracy says what "
                              "net and words together may lose")


def read_boards(text: str) -> tuple[str, ...]:
    """Read names with commas between them.

    Raises
    ------
    DriverError, BoardError
        If a board is unknown, named twice, or its part is not known to the resource model.
    """
    from fpga.boards import find_board
    from sw_driver.errors import DriverError

    names = tuple(name.strip() for name in text.split(","))
    for name in names:
        find_board(name)
    if len(set(names)) < len(names):
        raise DriverError(f"board must name each board once, not {text}")
    from fpga.plan import check_measured  # Takes NumPy and SciPy.

    for name in names:
        check_measured(find_board(name))
    return names


def read_word_bits(text: str | None, *, data: bool) -> tuple[int, ...]:
    """Read "16", "8-12" or "8,12,16"; the default depends on whether there are data.

    Raises
    ------
    DriverError
        If it is something else, or a width is not 4 to 18.
    """
    from sw_driver.errors import DriverError

    if text is None:
        return _WITH_DATA if data else _WITHOUT_DATA
    widths: set[int] = set()
    for part in text.split(","):
        found = re.fullmatch(r"\s*(\d{1,3})(?:-(\d{1,3}))?\s*", part)
        low, high = (0, 0) if found is None else (int(found[1]), int(found[2] or found[1]))
        if not _LEAST_BITS <= low <= high <= _MOST_BITS:
            raise DriverError(f"word-bits must be widths of {_LEAST_BITS} to {_MOST_BITS} bits, "
                              f"such as 16, 8-12 or 8,12,16, not {text!r}")
        widths |= set(range(low, high + 1))
    return tuple(sorted(widths))


def make_search(options: Options) -> "Search":
    """Read the net and its data, and return the search.

    Raises
    ------
    DriverError, GoldenError, BoardError
        If the net or the data are not what they must be.
    """
    from fpga.boards import BOARDS
    from fpga.explore.board_front import Asked
    from fpga.explore.nets import parse_layers
    from fpga.explore.search import Search
    from fpga.explore.space import Limits
    from fpga.explore.variants import variants

    nets = _nets(options)
    layers = [nets.layers]
    if options.accuracy is not None:
        layers = variants(parse_layers(nets.layers))
    bits = read_word_bits(options.word_bits, data=nets.data is not None)
    if options.quick:
        bits = bits[-1:]
        layers = layers[:2]
    clocks = tuple(BOARDS[name].clock_hz / 1e6 if options.clock_mhz is None
                   else options.clock_mhz for name in options.boards)
    most_rows, most_cols = options.most
    limits = Limits(options.boards, bits, most_rows, most_cols)
    loss = _LOSS if options.loss is None else options.loss
    if options.accuracy is not None:
        loss = options.accuracy / 100
    asked: dict[str, Any] = {"exact": options.exact, "loss": loss,
                             "least_rate": options.least_rate}
    return Search(Asked(limits, options.goal, clocks, **asked), nets, layers)


def _nets(options: Options) -> "Nets":
    from fpga.explore.nets import from_layers, from_model

    model, epochs = options.model, 1 if options.quick else options.epochs
    if model is None:
        return from_layers(options.net, options.source, epochs if options.accuracy else 0)
    given = from_model(model, options.source)
    return given if options.accuracy is None else from_layers(given.layers, given.data, epochs)
