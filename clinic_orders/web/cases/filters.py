"""The filters of the list of cases, as an address or a form names them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from clinic_orders.queries.cases import CasesWanted
from clinic_orders.rules.ladder import CaseState, Level
from clinic_orders.rules.parties import InstitutionKind, Role
from clinic_orders.web.guards import actor


def cases_wanted(asked: Mapping[str, Any]) -> CasesWanted:
    """What an address or a form asks for; words that are none of the lists filter nothing."""
    state, kind, level = asked.get("state", "live"), asked.get("kind", ""), str(asked.get("level", ""))
    number = int(level) if level.isdecimal() else 0
    return CasesWanted(
        str(asked.get("q", "")).strip()[:64],
        state if state in {*CaseState, "live", "mine", "all"} else "live",
        number if number in set(Level) else 0,
        str(asked.get("county", ""))[:12] if actor().role is Role.CITY else "",
        InstitutionKind(kind) if kind in set(InstitutionKind) else None,
    )
