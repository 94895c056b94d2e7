"""How planned volume becomes agreed volume: a ratio by item, whole packs, at least one (R-VOL-1).

A share of a pack that the ratio leaves is dropped, so that nobody is held to more than the ratio says; whoever planned
at least one pack agrees to at least one.

>>> ratios = Ratios(Decimal(80), {"LY014": Decimal("62.5")})
>>> ratios.agreed("LY001", 9), ratios.agreed("LY014", 8), ratios.agreed("LY001", 1), ratios.agreed("LY001", 0)
(7, 5, 1, 0)
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

HIGHEST: Final = Decimal(200)
"""The highest ratio in per cent; more is a slip of the finger."""
_FORM: Final = re.compile(r"([0-9]{1,3})(?:\.([0-9]{1,2}))?[%％]?")


class RatioNotUnderstood(RuleBroken):
    """What was typed is no ratio."""

    message = N_(
        "Write the ratio in per cent, above 0 and at most 200, like 80 or 62.5. You wrote “%(typed)s”."
    )


class NothingToConvert(RuleBroken):
    """No planned volume is left that could become agreed volume."""

    message = N_(
        "There is no planned volume of %(quarter)s that could still be turned into agreed volume for these days."
    )


class ConversionTakenBack(RuleBroken):
    """A conversion is taken back once."""

    message = N_("This conversion was taken back already. Convert again if it was right after all.")


class ConversionRestedOn(RuleBroken):
    """Something rests on the agreed volumes of a conversion."""

    message = N_(
        "This conversion can't be taken back: %(findings)s findings and %(months)s closed months rest on it, and"
        " %(changed)s of its figures were corrected since. Correct single figures by a file instead."
    )


def parse_ratio(text: str) -> Decimal:
    """Read a ratio in per cent with at most two decimals.

    Raises:
        RatioNotUnderstood: another form, 0, or above HIGHEST.

    >>> parse_ratio("62.5%"), parse_ratio("80")
    (Decimal('62.5'), Decimal('80'))

    """
    typed = text.strip()
    found = _FORM.fullmatch(typed)
    if found is None:
        raise RatioNotUnderstood(typed=typed)
    ratio = Decimal(typed.rstrip("%％"))
    if not 0 < ratio <= HIGHEST:
        raise RatioNotUnderstood(typed=typed)
    return ratio


@dataclass(frozen=True, slots=True)
class Ratios:
    """The ratio of each item in per cent: one for all, and those that differ by item code."""

    common: Decimal
    by_item: Mapping[str, Decimal] = field(default_factory=dict)

    def of(self, item_code: str) -> Decimal:
        """The ratio of an item in per cent."""
        return self.by_item.get(item_code, self.common)

    def agreed(self, item_code: str, planned: int) -> int:
        """The agreed packs that planned packs become; 0 where nothing was planned (R-VOL-1)."""
        return max(1, int(planned * self.of(item_code) / 100)) if planned > 0 else 0
