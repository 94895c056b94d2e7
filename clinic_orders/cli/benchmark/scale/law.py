"""The law by which something grows: a power of the number of institutions."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple


class Law(NamedTuple):
    """``factor`` times the number to the power of ``exponent``."""

    factor: float
    exponent: float

    def at(self, number: float) -> float:
        """What the law says of a number.

        >>> round(Law(2.0, 1.0).at(30), 6)
        60.0
        """
        return float(self.factor * number**self.exponent)


def fitted(numbers: Sequence[float], values: Sequence[float]) -> Law:
    """The power law nearest to the values, by least squares on their logarithms.

    Args:
        numbers: of institutions, at least two different ones.
        values: what was measured at each, above 0.

    >>> law = fitted([100, 400, 1600], [3, 12, 48])
    >>> round(law.exponent, 3), round(law.at(6400))
    (1.0, 192)
    """
    xs, ys = [math.log(one) for one in numbers], [math.log(max(one, 1e-9)) for one in values]
    middle_x, middle_y = sum(xs) / len(xs), sum(ys) / len(ys)
    spread = sum((x - middle_x) ** 2 for x in xs)
    exponent = sum((x - middle_x) * (y - middle_y) for x, y in zip(xs, ys, strict=True)) / spread
    return Law(math.exp(middle_y - exponent * middle_x), exponent)
