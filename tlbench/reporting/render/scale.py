"""Scales of axes: from values to pixels, and the ticks. Pure."""

import math
from collections.abc import Sequence
from dataclasses import dataclass

STEPS = (1, 2, 5)
FINE = (1, 1.5, 2, 3, 4, 5, 7)
"""The steps of a logarithmic scale over less than about a power of ten, where 1-2-5 leaves few ticks."""


@dataclass(frozen=True)
class Scale:
    """Maps `low` to the pixel `start` and `high` to `end`, logarithmically if `log`."""

    low: float
    high: float
    start: float
    end: float
    log: bool = False

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float, *, log: bool = False) -> "Scale":
        """A scale with some margin around `values`; linear if one of them is not positive."""
        log = log and min(values, default=0) > 0
        low, high = min(values, default=0.0), max(values, default=1.0)
        if log:
            room = max((high / low) ** 0.06, 1.05)
            return cls(low / room, high * room, start, end, log)
        room = (high - low) * 0.06 or abs(high) * 0.06 or 0.5
        return cls(low - room, high + room, start, end)

    def at(self, value: float) -> float:
        """The pixel of a value, rounded so that rounding errors of the value do not change the drawing."""
        low, high = (math.log(self.low), math.log(self.high)) if self.log else (self.low, self.high)
        share = ((math.log(value) if self.log else value) - low) / (high - low)
        return round(self.start + share * (self.end - self.start), 6)

    def ticks(self, most: int) -> list[float]:
        """At most `most` round numbers on the scale: 1, 2 or 5 times a power of ten, or `FINE` ones if they are few."""
        if self.log and self.high / self.low > 4:
            powers = range(math.floor(math.log10(self.low)), math.ceil(math.log10(self.high)) + 1)
            for steps in (FINE, STEPS, (1, 3), (1,)):
                found = [step * 10.0**power for power in powers for step in steps]
                within = [tick for tick in found if self.low <= tick <= self.high]
                if len(within) <= most:
                    return within
            return within[:: math.ceil(len(within) / most)]
        power = 10.0 ** math.floor(math.log10((self.high - self.low) / most))
        size = next(step * power for step in (*STEPS, 10) if (self.high - self.low) / (step * power) <= most)
        first, last = math.ceil(self.low / size - 1e-9), math.floor(self.high / size + 1e-9)
        return [number * size for number in range(first, last + 1)]


def written(value: float) -> str:
    """The label of a tick: ``0.5``, ``20``, ``2M``."""
    for size, unit in ((1e9, "G"), (1e6, "M"), (1e3, "K")):
        if abs(value) >= size:
            return f"{value / size:.6g}{unit}"
    return f"{value:.6g}"
