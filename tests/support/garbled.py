"""Small memories that give garbage where one is read in the cycle of a write to its address."""

from types import SimpleNamespace

from amaranth import *
from amaranth.lib import memory

__all__ = ["garble_small_memories"]


class Garbled(memory.Memory):
    """A memory with one write port; its read port gives every bit wrong in such a cycle."""

    def read_port(self, *, domain):
        port = super().read_port(domain=domain)
        [write] = self.write_ports
        collides = write.en & (write.addr == port.addr)
        return SimpleNamespace(addr=port.addr, data=Mux(collides, ~port.data, port.data))


def garble_small_memories(monkeypatch):
    """Have MACs made with `Garbled` memories; return how many were made, as a list that grows."""
    made = []

    def garbled(shape, depth, init, platform):
        made.append(Garbled(shape=shape, depth=depth, init=init))
        return made[-1]

    for module in ("mac", "training_mac_base"):
        monkeypatch.setattr(f"hw.mac.{module}.small_memory", garbled)
    return made
