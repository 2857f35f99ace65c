"""`part`: some members of an interface, as an interface that can be connected."""

__all__ = ["part"]


class _Part:
    def __init__(self, interface, signature):
        self.signature = signature
        for name in signature.members:
            setattr(self, name, getattr(interface, name))


def part(interface, signature):
    """The members of `signature` of an interface, or component, that has more of them.

    `wiring.connect` demands that both sides have the same members, and checks directions and
    shapes. With this a block that knows a part of an interface is connected to that part, and
    whoever wires drives the rest.

    Parameters
    ----------
    interface : interface object
        With all members of `signature`, and others.
    signature : wiring.Signature
        These members, with the directions that they have in the signature of `interface`.

    Raises
    ------
    AttributeError
        `interface` has no member of such a name.
    """
    return _Part(interface, signature)
