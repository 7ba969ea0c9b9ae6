"""Randomness without a random module: java.util.Random's generator as plain arithmetic.

Each place that needs randomness draws from a stream of its own, named by a state path and an attempt, so that
what one state draws never depends on what another one drew.
"""

from __future__ import annotations

import hashlib

_MULTIPLIER = 0x5DEECE66D
_MASK = (1 << 48) - 1


class Stream:
    """One stream of random numbers, equal to `new java.util.Random(seed)`.

    Source: java.util.Random's documented algorithm; engines.md A4 ($random(42) = 0.7275636800328681 on AWS).
    """

    __slots__ = ("_state",)

    def __init__(self, seed: int) -> None:
        self._state = (seed ^ _MULTIPLIER) & _MASK

    @classmethod
    def named(cls, seed: int, *names: str | int) -> Stream:
        """Return the stream that belongs to a seed and a name."""
        text = "\x1f".join(map(str, (seed, *names)))
        return cls(int.from_bytes(hashlib.blake2b(text.encode(), digest_size=6).digest(), "big"))

    def seeded(self, seed: int) -> Stream:
        """Return the stream of a seed that somebody else gives (States.MathRandom's third argument)."""
        return Stream(seed)

    def next_bits(self, bits: int) -> int:
        """Return the next `bits` (at most 32) random bits as an unsigned number."""
        self._state = (self._state * _MULTIPLIER + 0xB) & _MASK
        return self._state >> (48 - bits)

    def next_double(self) -> float:
        """Return a number from 0 (inclusive) to 1 (exclusive)."""
        return float((self.next_bits(26) << 27) + self.next_bits(27)) / float(1 << 53)

    def next_below(self, bound: int) -> int:
        """Return an integer from 0 (inclusive) to `bound` (exclusive); `bound` is at most 2^31 - 1."""
        if bound & (bound - 1) == 0:
            return (bound * self.next_bits(31)) >> 31
        while True:
            bits = self.next_bits(31)
            value = bits % bound
            if bits - value + (bound - 1) < 1 << 31:
                return value

    def uuid4(self) -> str:
        """Return a version 4 UUID as text."""
        number = 0
        for _ in range(4):
            number = number << 32 | self.next_bits(32)
        number = number & ~(0xF << 76) | 4 << 76
        number = number & ~(0x3 << 62) | 2 << 62
        digits = f"{number:032x}"
        return "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
