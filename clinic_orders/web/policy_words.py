"""Values of policy parameters as people read them, with their unit (rules section 13)."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from flask_babel import gettext as _
from flask_babel import ngettext

from clinic_orders.rules.parties import InstitutionKind
from clinic_orders.rules.policy_parameters import CHOICE_LABELS, Form, Parameter, Value, parse_value
from clinic_orders.web.display import day as day_text
from clinic_orders.web.display import label, percent, yuan


def _share(value: Decimal) -> str:
    places = max(0, -value.normalize().as_tuple().exponent - 2)  # type: ignore[operator]
    return percent(value, places)


_SAID: dict[Form, Callable[[Any], str]] = {
    Form.RATE: _share,
    Form.SHARE: _share,
    Form.AMOUNT: lambda value: _("%(amount)s yuan", amount=yuan(value)),
    Form.DAY: day_text,
    Form.CHOICE: lambda value: _(CHOICE_LABELS[value]),
    Form.POINTS: lambda value: _("%(number)s percentage points", number=value),
    Form.DAYS: lambda value: ngettext("%(num)d day", "%(num)d days", value),
    Form.WORKING_DAYS: lambda value: ngettext("%(num)d working day", "%(num)d working days", value),
    Form.HOURS: lambda value: ngettext("%(num)d hour", "%(num)d hours", value),
    Form.MONTHS: lambda value: ngettext("%(num)d month", "%(num)d months", value),
    Form.PACKS: lambda value: ngettext("%(packs)s pack", "%(packs)s packs", value, packs=value),
    Form.METRES: lambda value: _("%(number)s metres", number=value),
    Form.DAY_OF_MONTH: lambda value: _("day %(number)s of the month", number=value),
}


def said(about: Parameter, value: Value) -> str:
    """A value in words, with its unit."""
    if value is None:
        return str(_("not set"))
    return str(_SAID[about.form](value)) if about.form in _SAID else str(value)


def said_text(about: Parameter, text: str) -> str:
    """A stored value in words; as it stands where the form of the parameter has changed since."""
    try:
        return said(about, parse_value(about.name, text))
    except Exception:
        return text


def scope(kind: str | None, scale: str) -> str:
    """For whom a value is."""
    known = {one.value: one for one in InstitutionKind}
    word = label(known[kind]) if kind in known else _("all")
    return f"{word} · {scale}" if scale else word
