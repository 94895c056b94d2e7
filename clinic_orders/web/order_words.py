"""How states, events and reasons of orders read on the buyer's pages."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from flask_babel import gettext, ngettext

from clinic_orders.models.orders import EventKind
from clinic_orders.queries.members import Tie
from clinic_orders.queries.orders import LineDetail, OrderRow
from clinic_orders.rules.days import day_in_china, start_of_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ordering import LineState, OrderStanding, ResponseState
from clinic_orders.rules.reasons import CloseReason, parse_reason, reason_label
from clinic_orders.web.display import day, label, moment, register_labels

# One call for each kind: members of two lists with the same word are equal, one table would lose some.
register_labels(
    {
        ResponseState.PENDING: N_("Awaiting the answer"),
        ResponseState.ANSWERED: N_("Answered"),
        ResponseState.REFUSED: N_("Declined"),
        ResponseState.LAPSED: N_("Lapsed"),
        ResponseState.WITHDRAWN: N_("Withdrawn"),
        ResponseState.DISOWNED: N_("Sent back as not ours"),
    }
)
register_labels(
    {
        LineState.AWAITING: N_("To be shipped"),
        LineState.PART_SHIPPED: N_("Partly shipped"),
        LineState.SHIPPED: N_("All shipped"),
        LineState.OUT_OF_STOCK: N_("Out of stock"),
        LineState.VOID: N_("Void"),
    }
)
register_labels(
    {
        OrderStanding.UNANSWERED: N_("Awaiting the answer"),
        OrderStanding.UNDER_WAY: N_("On its way"),
        OrderStanding.DONE: N_("Delivered"),
        OrderStanding.ENDED: N_("Ended without delivery"),
    }
)
register_labels(
    {
        EventKind.SUBMITTED: N_("Order submitted"),
        EventKind.ANSWERED: N_("Answered"),
        EventKind.WITHDRAWN_BEFORE: N_("Withdrawn before the answer"),
        EventKind.WITHDRAWN_AFTER: N_("Unshipped rest withdrawn"),
        EventKind.DISOWNED: N_("Sent back as not ours"),
        EventKind.LAPSED: N_("Lapsed"),
        EventKind.CLOSED: N_("Closed short"),
        EventKind.RESENT: N_("Sent to another distributor"),
    }
)
register_labels(
    {
        Tie.SUPERVISED: N_("Village"),
        Tie.STORE: N_("Store of the chain"),
        Tie.COMMUNITY: N_("Medical community"),
    }
)
_SHAPES = {
    ResponseState.PENDING: "wait",
    ResponseState.ANSWERED: "ok",
    ResponseState.REFUSED: "bad",
    ResponseState.LAPSED: "off",
    ResponseState.WITHDRAWN: "off",
    ResponseState.DISOWNED: "off",
}
_LINE_SHAPES = {
    LineState.AWAITING: "wait",
    LineState.PART_SHIPPED: "wait",
    LineState.SHIPPED: "ok",
    LineState.OUT_OF_STOCK: "bad",
    LineState.VOID: "off",
}


def due_text(due: datetime, year: int) -> str:
    """Until when an answer is due; the end of a day is written as 24:00 of that day, as people say it."""
    if due == start_of_day(day_in_china(due)):
        return str(gettext("%(day)s 24:00", day=day(day_in_china(due) - timedelta(days=1), year)))
    return str(moment(due, year))


def filter_label(chosen: OrderStanding) -> str:
    """The word of a filter."""
    return label(chosen)


def shown_state(row: OrderRow) -> tuple[str, str]:
    """Kind and word of an order's state; an answered one says how far the goods are."""
    if row.state is ResponseState.ANSWERED:
        if row.under_way:
            return "warn", ngettext(
                "To be received: %(packs)s pack",
                "To be received: %(packs)s packs",
                row.under_way,
                packs=row.under_way,
            )
        if row.to_ship:
            return "wait", ngettext(
                "To be shipped: %(packs)s pack",
                "To be shipped: %(packs)s packs",
                row.to_ship,
                packs=row.to_ship,
            )
        return ("ok", gettext("Delivered")) if row.accepted else ("off", gettext("Nothing delivered"))
    return _SHAPES[row.state], label(row.state)


def shown_line(line: LineDetail) -> tuple[str, str]:
    """Kind and word of a line's state."""
    quantities = line.quantities
    if not quantities.is_answered and line.state is LineState.AWAITING:
        return "wait", label(ResponseState.PENDING)
    if line.state is LineState.SHIPPED and quantities.under_way == 0:
        return "ok", gettext("Received")
    return _LINE_SHAPES[line.state], label(line.state)


def reason_text(stored: str) -> str:
    """A coded reason in words."""
    if not stored:
        return ""
    try:
        reason = parse_reason(CloseReason, stored)
    except RuleBroken:
        # History from elsewhere may hold any text; it is shown as it is.
        return stored
    text = gettext(reason_label(reason.code))
    return f"{text}：{reason.text}" if reason.text else text


def event_text(event: Any) -> str:
    """One line of an order's history."""
    parts = [label(event.kind)]
    if event.name:
        parts.append(event.name)
    if event.packs is not None:
        parts.append(ngettext("%(packs)s pack", "%(packs)s packs", event.packs, packs=event.packs))
    if event.reason:
        parts.append(reason_text(event.reason))
    return " · ".join(parts)
