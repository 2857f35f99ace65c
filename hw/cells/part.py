"""`part`: some members of an interface, as an interface that can be connected."""

__all__ = ["part"]


class _Part:
    def __init__(self, interface, signature):
        self.signature = signature
        for name in signature.members:
            setattr(self, name, getattr(interface, name))


def part(interface, signature):
    """Return the members of an interface, or of a component, that `signature` names.

    `wiring.connect` demands that both sides have the same members, and checks directions and
    shapes. With `part` a block that knows some members of an interface is connected to these, and
    the module around it drives the other ones.

    Parameters
    ----------
    interface : interface object
        Has all members of `signature`, and others.
    signature : wiring.Signature
        The members to return, with the directions that they have in the signature of `interface`.

    Raises
    ------
    AttributeError
        `interface` lacks a member of `signature`.
    """
    return _Part(interface, signature)
