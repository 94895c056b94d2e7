"""How the distributor's pages name states and reasons, and say until when something is to be done."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

from babel.dates import format_date
from flask_babel import get_locale, gettext, ngettext

from clinic_orders.queries.distribution import OrderStatus
from clinic_orders.rules.days import SHANGHAI, day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ordering import ReturnState, ShipmentState
from clinic_orders.rules.reasons import CloseReason, ReturnReason, parse_reason, reason_label
from clinic_orders.web.display import clock_time, day, register_labels

register_labels(
    {
        OrderStatus.TO_ANSWER: N_("To answer"),
        OrderStatus.TO_SHIP: N_("To ship"),
        OrderStatus.UNDER_WAY: N_("Under way"),
        OrderStatus.DONE: N_("Done"),
        OrderStatus.REFUSED: N_("Declined"),
        OrderStatus.LAPSED: N_("Lapsed, not answered in time"),
        OrderStatus.WITHDRAWN: N_("Withdrawn"),
        OrderStatus.DISOWNED: N_("Not theirs"),
    }
)

STATUS_KINDS = {
    OrderStatus.TO_ANSWER: "wait",
    OrderStatus.TO_SHIP: "wait",
    OrderStatus.UNDER_WAY: "wait",
    OrderStatus.DONE: "ok",
    OrderStatus.REFUSED: "off",
    OrderStatus.LAPSED: "bad",
    OrderStatus.WITHDRAWN: "off",
    OrderStatus.DISOWNED: "off",
}
SHIPMENT_WORDS = {
    ShipmentState.PREPARED: ("wait", N_("To be sent")),
    ShipmentState.SHIPPED: ("wait", N_("Under way")),
    ShipmentState.RECEIVED: ("ok", N_("Received")),
    ShipmentState.VOID: ("off", N_("Void")),
}
RETURN_WORDS = {
    ReturnState.REQUESTED: ("warn", N_("To decide")),
    ReturnState.AGREED: ("wait", N_("Agreed, goods to come")),
    ReturnState.RETURNED: ("ok", N_("Sent back")),
    ReturnState.REFUSED: ("off", N_("Refused")),
    ReturnState.WITHDRAWN: ("off", N_("Withdrawn")),
}


def reason_options() -> list[tuple[str, str]]:
    """The coded reasons of a smaller answer or a closed rest, for a list to choose from."""
    return [(reason.value, gettext(reason_label(reason))) for reason in CloseReason]


def close_reason_words(stored: str) -> str:
    """A stored reason of a smaller answer or a closed rest, as the reader reads it."""
    try:
        found = parse_reason(CloseReason, stored)
    except RuleBroken:
        return stored
    return _with_words(gettext(found.label), found.text)


def return_reason_words(stored: str) -> str:
    """A stored reason of a return, as the reader reads it."""
    try:
        found = parse_reason(ReturnReason, stored)
    except RuleBroken:
        return stored
    return _with_words(gettext(found.label), found.text)


def _with_words(label: str, words: str) -> str:
    return f"{label}: {words}" if words else label


@dataclass(frozen=True, slots=True)
class DeadlineWords:
    """A deadline on a page: kind of the mark, what it says, and the line below."""

    kind: str
    text: str
    below: str


def _span(span: timedelta) -> str:
    minutes = int(span.total_seconds()) // 60
    if minutes < 60:
        return str(ngettext("%(num)d minute", "%(num)d minutes", max(minutes, 1)))
    hours = minutes // 60
    if hours < 72:
        return str(ngettext("%(num)d hour", "%(num)d hours", hours))
    return str(ngettext("%(num)d day", "%(num)d days", hours // 24))


def _day_and_time(moment: datetime) -> tuple[date, str]:
    """Midnight belongs to the day that ends with it, as 24:00."""
    local = moment.astimezone(SHANGHAI)
    if local.hour == local.minute == 0:
        return local.date() - timedelta(days=1), "24:00"
    return local.date(), clock_time(moment)


def _weekday(on: date) -> str:
    locale = get_locale()
    return str(format_date(on, "EEE", locale=locale or "zh_CN"))


def deadline_words(deadline: datetime | None, at: datetime) -> DeadlineWords | None:
    """Say how long is left, or by how much it is too late."""
    if deadline is None:
        return None
    on, time = _day_and_time(deadline)
    today = day_in_china(at)
    if on == today:
        when = gettext("today %(time)s", time=time)
    elif on == today - timedelta(days=1):
        when = gettext("yesterday %(time)s", time=time)
    else:
        when = f"{day(on, today.year)} {_weekday(on)} {time}"
    if at >= deadline:
        return DeadlineWords("bad", gettext("%(span)s late", span=_span(at - deadline)), when)
    left = gettext("%(span)s left", span=_span(deadline - at))
    if on == today:
        return DeadlineWords("warn", gettext("today by %(time)s", time=time), left)
    return DeadlineWords("wait", day(on, today.year), f"{_weekday(on)} {time} · {left}")
