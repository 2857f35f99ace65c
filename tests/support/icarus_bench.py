"""Icarus Verilog with the testbench `host_stream.v`: four-state, and in any edition."""

import subprocess

import numpy as np

from sim.testbenches.host_lines import TESTBENCH, beats_of_lines, lines_of_beats

EDITIONS = ("2005", "2012")


def icarus(folder, edition, sources, *options, plusargs=()):
    """Compile sources in a folder, with all warnings, of which there must be none, and run them.

    Returns what they print.
    """
    done = subprocess.run(
        ["iverilog", f"-g{edition}", "-Wall", *options, "-o", "bench.vvp", *map(str, sources)],
        cwd=folder, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    assert not done.returncode and not done.stdout, done.stdout
    return subprocess.run(["vvp", "-n", "bench.vvp", *plusargs], cwd=folder, text=True,
                          capture_output=True, check=True).stdout


def exchange(folder, edition, verilog, config, beats, out_beats, *options,
             patience_cycles=20_000):
    """Send beats to a torus at rest, and return those that come back."""
    (folder / "design.v").write_text(verilog)
    (folder / "host.hex").write_text(lines_of_beats(beats))
    said = icarus(folder, edition, [TESTBENCH, "design.v"], "-s", "host_stream",
                  f"-Phost_stream.HOST_BITS={config.host_bits}",
                  f"-Phost_stream.PATIENCE_CYCLES={patience_cycles}",
                  *options, plusargs=[f"+out_beats={out_beats}"])
    assert said.startswith("done"), said
    found = beats_of_lines((folder / "back.hex").read_text(), config.host_bits)
    assert len(found) == out_beats
    return found


class Playback:
    """Goes through the events of a host twice: for what it sends, then for what it makes of it all.

    Its answers to the first go are zeros, so it must send the same whatever comes back.
    """

    def __init__(self, config):
        self.config = config
        self.sent, self.counts = [], []
        self._events = []

    def add(self, make_events):
        """Take the events of a fresh generator, of `Send` and `Receive`."""
        self._events.append(make_events)
        self._go(make_events(), lambda count: np.zeros((count, self.config.host_bits // 32),
                                                       np.uint32), self.sent, self.counts)

    def results(self, beats):
        """What each generator returns, given all beats that came back."""
        left = iter(np.split(beats, np.cumsum(self.counts)[:-1]))
        return [self._go(make(), lambda count: next(left), [], []) for make in self._events]

    @staticmethod
    def _go(events, answer, sent, counts):
        reply = None
        try:
            while True:
                event = events.send(reply)
                reply = None
                if hasattr(event.beats, "shape"):
                    sent.append(event.beats)
                else:
                    counts.append(event.beats)
                    reply = answer(event.beats)
        except StopIteration as end:
            return end.value
