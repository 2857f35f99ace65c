"""Arithmetic modulo 3, in digits of two bits: 0 to 2 are themselves, and 3 is another 0.

A digit is made of LUTs of 4 inputs, two for each operation, without a carry chain. Each function
adds its digits to the module `m`, so that no expression stands twice in the Verilog.
"""

from amaranth import *

__all__ = ["added", "differ", "digits", "folded", "multiplied"]


def digits(number):
    """Return digits whose sum is a signed number modulo 3: 4 is 1, so pairs of bits are digits."""
    *bits, sign = Value.cast(number)
    # Behind n bits a sign counts -2**n, modulo 3: 2 if n is even, else 1, as the bit below it does.
    last = Cat(Const(0, 1), sign)
    if len(bits) % 2:
        below = bits.pop()
        last = Cat(below ^ sign, below & sign)
    return [*(Cat(bits[at:at + 2]) for at in range(0, len(bits), 2)), last]


def added(m, a, b):
    """Return the sum of two digits: that of numbers of two bits, and its carry, which is 4."""
    both = a[0] & b[0]
    carry = (a[1] & b[1]) | ((a[1] ^ b[1]) & both)
    low, high = a[0] ^ b[0], a[1] ^ b[1] ^ both
    return _digit(m, low ^ carry, high ^ (low & carry))


def folded(m, numbers, keep=1):
    """Return the sum of some digits, or no more than `keep` digits of the same sum."""
    numbers = list(numbers)
    while len(numbers) > keep:
        pairs = [numbers[at:at + 2] for at in range(0, len(numbers), 2)]
        numbers = [added(m, *pair) if len(pair) == 2 else pair[0] for pair in pairs]
    return numbers[0] if keep == 1 else numbers


def multiplied(m, a, b):
    """Return the product of two digits."""
    one_a, two_a, one_b, two_b = a[0] & ~a[1], a[1] & ~a[0], b[0] & ~b[1], b[1] & ~b[0]
    return _digit(m, (one_a & one_b) | (two_a & two_b), (one_a & two_b) | (two_a & one_b))


def differ(m, a, b):
    """Say whether two digits are not the same modulo 3."""
    less = added(m, a, ~b)  # 3 - b is -b.
    return less[0] ^ less[1]


def _digit(m, low, high):
    digit = Signal(2, name="digit")
    m.d.comb += digit.eq(Cat(low, high))
    return digit
