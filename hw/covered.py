"""Which registers of a node have no twin, where a torus has `checks` of 2 or 3."""

__all__ = ["is_covered", "is_link_word", "is_no_arithmetic"]


def is_covered(path, name):
    """Whether something else than a twin finds the flips of a register of a node.

    That is a parity that a word carries with it, or a residue. A wrong answer here is either a
    register too many or a hole, which `tests/sim/faults` looks for by flips in all registers.

    Parameters
    ----------
    path : tuple of str
        The blocks that the register is in, from the node down.
    name : str
        Of the register.
    """
    inside = path[-1] if path else ""
    # Registers of what checks by residues: a flip there raises a flag, or leaves out one check.
    if name == "faults" or inside == "residues" or _is_in_sum(inside, name):
        return True
    return (inside, name) in {
        ("hop", "passed"),     # A word of a link, and its parity.
        ("mac", "bias"), ("mac", "bias_parity"), ("mac", "bias_wrong"),
        ("weights", "words"), ("biases", "words"),  # Words that make a record.
    } or _is_memory_register(inside, name) or (not path and is_link_word(path, name))


def is_no_arithmetic(path, name):
    """Whether a register of a PE has no twin with `checks` of 2: it does not belong to its sums.

    Those that do are the operands of multipliers, and all from a whole sum to the result.
    """
    inside = path[-1] if path else ""
    return is_covered(path, name) or not (
        inside.startswith("multiplier") or "results" in path or "serialise" in path)


def is_link_word(path, name):
    """Whether a register of a `Link`, or of a gateway's way out, holds a word and its parity."""
    return not path and name in ("o__payload", "spare")


def _is_in_sum(block, name):
    """A register of products or sums, which have residues.

    The operands of a multiplier are none: a bit that flips there changes the product by a power of
    two times the other operand, which 3 may divide.
    """
    return (block.startswith("multiplier") and name == "product" or block.startswith("accumulator")
            or block == "lanes" and name.startswith("term_"))


def _is_memory_register(block, name):
    """The register behind the output of a memory of words or lines that have parities."""
    memory = block in ("for_mac", "for_hop", "program") or block.startswith(
        ("weight_memory", "word_"))
    return memory and name == "out"
