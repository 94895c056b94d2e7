"""Scanned codes in words: which item, and that a pack was met before (R-TRACE-1)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal

from flask_babel import gettext

from clinic_orders.queries.scanning import Met, Sighting
from clinic_orders.rules.errors import N_
from clinic_orders.web.display import day_full

# How it ended, and what is said of it.
Note = tuple[Literal["ok", "warn", "bad"], str]

_MET: Final = {
    Met.SHIPPED: N_("%(code)s was sent with %(paper)s on %(day)s."),
    Met.ACCEPTED: N_("%(code)s was accepted with %(paper)s on %(day)s."),
    Met.REJECTED: N_("%(code)s was not accepted with %(paper)s on %(day)s."),
    Met.SOLD: N_("%(code)s was sold on %(day)s, receipt %(paper)s."),
    Met.TAKEN_BACK: N_("%(code)s was taken back from a customer on %(day)s, receipt %(paper)s."),
}


def met_before(seen: Sequence[Sighting], *, now: Sequence[Met]) -> list[Note]:
    """A warning for each code whose latest sighting does not go with what is done now.

    Args:
        seen: of one code, the latest first.
        now: after which of them the present deed is nothing strange.

    """
    if not seen or seen[0].met in now:
        return []
    last = seen[0]
    return [("warn", gettext(_MET[last.met], code=last.code, paper=last.paper, day=day_full(last.on)))]
