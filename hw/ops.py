"""Amaranth layouts of the ops that `hw.op_fields` describes."""

from amaranth.lib import data

from .op_fields import (
    Fields,
    gateway_fields,
    gather_fields,
    loop_fields,
    mac_fields,
    pe_fields,
)

__all__ = ["gather_op", "mac_op", "loop_op", "pe_queues", "gateway_queues"]


def _layout(fields: Fields) -> data.StructLayout:
    return data.StructLayout(fields)


def gather_op(config) -> data.StructLayout:
    """Op of a ring engine of a PE; see `hw.op_fields.gather_fields`."""
    return _layout(gather_fields(config))


def mac_op(config) -> data.StructLayout:
    """Op of the MAC; see `hw.op_fields.mac_fields`."""
    return _layout(mac_fields(config))


def loop_op(config) -> data.StructLayout:
    """LOOP and JUMP; see `hw.op_fields.loop_fields`."""
    return _layout(loop_fields(config))


def pe_queues(config) -> tuple[data.StructLayout, ...]:
    """Layouts of the three queues of a PE program."""
    return tuple(map(_layout, pe_fields(config)))


def gateway_queues(config) -> tuple[data.StructLayout, ...]:
    """Layouts of the three queues of a gateway program."""
    return tuple(map(_layout, gateway_fields(config)))
