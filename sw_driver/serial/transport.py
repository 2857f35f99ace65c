"""`SerialTransport`: the beats of a torus on a board behind a serial port."""

from collections.abc import Generator
from typing import TypeVar

import numpy as np

from hw.config import TorusConfig
from hw.fault_places import fault_units, flag_bits
from hw.link_config import FAULT_BYTES
from sw_driver.arrays import Beats
from sw_driver.compiled import Compiled
from sw_driver.device.faults import refuse_faults
from sw_driver.device.loaded import NOTHING_LOADED
from sw_driver.device.transport import Moved, Transport, carry_out
from sw_driver.errors import LinkError, MissingError
from sw_driver.program.events import Receive, Send
from sw_driver.serial.connection import Connection, FaultyBoard, Patience
from sw_driver.serial.packing import pack_beats
from sw_driver.torus import other_lanes

__all__ = ["SerialTransport"]

Result = TypeVar("Result")


class SerialTransport(Transport):
    """Moves beats over the host link of docs/host_link.md.

    A board whose bitstream holds weights runs the net whose weights they are, and no other. An
    exchange that is broken off ends the session: what it has not sent and what its answers are must
    not become part of the next one. A fault that a torus with `checks` has found ends it, too, as
    soon as the board says so, with a `FaultError`.

    Parameters
    ----------
    port
        Name of the serial port.
    baud
        Bits per second, as the board was built for.
    patience
        How long to wait for the board.
    """

    def __init__(self, port: str, *, baud: int, patience: Patience | None = None) -> None:
        self._port, self._baud, self._patience = port, baud, patience
        self._connection: Connection | None = None
        self._config = TorusConfig()

    @property
    def connection(self) -> Connection:
        """The session."""
        if self._connection is None:
            raise MissingError(NOTHING_LOADED)
        return self._connection

    def open(self, compiled: Compiled) -> bool:
        """Open the port; see `Transport.open`.

        Raises
        ------
        LinkError
            If the board does not answer, has another torus, or holds other weights.
        """
        self._config = compiled.config
        self._connection = Connection(self._port, baud=self._baud, patience=self._patience)
        _check_id(self._port, self._connection.hardware_id, compiled.config)
        held = self._connection.weights_id
        if held and compiled.trains:
            raise LinkError(
                f"the board on port {self._port} must be one without weights in its bitstream, "
                f"to train, not with {held:08x}: build it without --bake"
            )
        wanted = 0 if compiled.trains else compiled.executable.images.weights_id
        if held not in (0, wanted):
            raise LinkError(
                f"the weights in the bitstream of the board on port {self._port} must be "
                f"{wanted:08x}, those of the net, not {held:08x}: build it for this net, or "
                "without --bake"
            )
        return held != 0

    def exchange(
        self, events: Generator[Send | Receive, Beats | None, Result], moved: Moved | None = None
    ) -> tuple[Result, None]:
        """Carry out events; see `Transport.exchange`."""
        link, beat_bytes = self.connection, self._config.host_bits // 8
        tell: Moved = moved or (lambda taken, given: None)
        sent = sent_bytes = received = 0

        def send(beats: Beats) -> None:
            nonlocal sent, sent_bytes
            data = self._bytes_of(link, beats)
            link.send(data)
            sent += len(beats)
            sent_bytes += len(data)

        def receive(count: int) -> Beats:
            nonlocal received
            before = received
            data = link.receive(
                count * beat_bytes, lambda come: tell(sent, before + come // beat_bytes)
            )
            received += count
            words = np.frombuffer(data, "<u4").astype(np.uint32)
            return words.reshape(-1, self._config.host_bits // 32)

        try:
            result = carry_out(events, send, receive)
            # Where beats are packed, those that are left are about as long as all.
            link.flush(lambda left: tell(sent - -(-left * sent // max(sent_bytes, 1)), received))
            return result, None
        except FaultyBoard as error:
            try:
                self._refuse_faults(link)
            finally:
                self.close()
            raise error
        except BaseException:
            self.close()
            raise

    def _refuse_faults(self, link: Connection) -> None:
        """Raise what the flags of the board's torus say; see `refuse_faults`."""
        flags, nodes = link.read_faults(), fault_units(self._config)
        if len(flags) < nodes * FAULT_BYTES:
            raise LinkError(f"the board on port {self._port} must tell the faults of {nodes} "
                            f"nodes, not of {len(flags) // FAULT_BYTES}: build its bitstream anew")
        refuse_faults(self._config, sum(
            int.from_bytes(flags[node * FAULT_BYTES:][:FAULT_BYTES], "little")
            << node * flag_bits(self._config) for node in range(nodes)))

    def _bytes_of(self, link: Connection, beats: Beats) -> bytes:
        """The words of the link for beats, packed where the board takes that and they fit."""
        if not link.input_bits:
            return beats.astype("<u4").tobytes()
        data, packed = pack_beats(self._config, beats, link.input_bits)
        link.figures.packed_beats += packed
        link.figures.saved_bytes += beats.nbytes - len(data)
        return data

    def close(self) -> None:
        """Let go of the port."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None


def _check_id(port: str, found: int, config: TorusConfig) -> None:
    """Refuse a board whose torus is not the one that a net was compiled for.

    Raises
    ------
    LinkError
        If the hardware ids differ.
    """
    if found != config.hardware_id:
        raise LinkError(
            f"the hardware id of the board on port {port} must be {config.hardware_id:016x}, that "
            f"of the configuration that the net is compiled for, not {found:016x}"
            f"{other_lanes(config, found)}: compile the net for this board, or build the board's "
            "bitstream for the net"
        )
