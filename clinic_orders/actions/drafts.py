"""Drafts and the usual list: what an organisation is about to order, kept as it is typed (R-ORD-2, product.md).

Nothing here is sent to anybody, so a draft is not in the audit; what reaches another party is: asking the
hospital, taking back, lowering.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from sqlalchemy import bindparam, delete, func, insert, select, update
from sqlalchemy.dialects.postgresql import insert as postgresql_insert
from sqlalchemy.dialects.sqlite import insert as sqlite_insert

from clinic_orders.actions import audit, notices
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.orders import Draft, DraftLine, UsualItem
from clinic_orders.queries.ordering import Buyer, draft_of, duplicates, last_time, ordering_policy
from clinic_orders.rules.cart import (
    DraftUnderReview,
    NobodyToReview,
    NothingToReview,
    check_review,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, NotAllowed, Permission
from clinic_orders.rules.quantities import PacksRefused, parse_cart_packs, parse_packs

_MOST_TYPED = 32
_ANY_NUMBER = 10**9


@dataclass(frozen=True, slots=True)
class Saved:
    """A saved draft: its row id and its version, which rises with every change."""

    draft_id: int
    version: int


@dataclass(slots=True)
class Typed:
    """What a form sent. What is missing from a mapping stays as it was.

    Attributes:
        packs: text of the quantity box by item code; empty or 0 takes the line out.
        ticked: by item code, whether "order it again" is ticked (R-ORD-4).
        picked: distributor's row id by item code, for an emergency without a relation (R-ORD-9).
        emergency_reason: None = not sent.
        payer: ``receiver``, ``orderer`` or None = not sent.

    """

    packs: Mapping[str, str] = field(default_factory=dict)
    ticked: Mapping[str, bool] = field(default_factory=dict)
    picked: Mapping[str, int | None] = field(default_factory=dict)
    emergency_reason: str | None = None
    payer: str | None = None


def _insert(table: Any) -> Any:
    dialect = db.session.get_bind().dialect.name
    return (postgresql_insert if dialect == "postgresql" else sqlite_insert)(table)


def _may_type(buyer: Buyer, by: Actor) -> None:
    by.need(Permission.ORDERS_PLACE)
    if by.institution_id != buyer.ordering_id:
        raise NotAllowed


def _open(buyer: Buyer, emergency: bool, at: datetime, values: Mapping[str, Any]) -> Saved:
    """The draft's row, made if need be and locked by its new version.

    Raises:
        DraftUnderReview: the hospital has it before it.

    """
    statement = _insert(Draft.__table__).values(
        ordering_id=buyer.ordering_id,
        institution_id=buyer.institution_id,
        emergency=emergency,
        version=1,
        updated_at=at,
        **{"emergency_reason": "", "payer": "receiver", **values},
    )
    row = db.session.execute(
        statement.on_conflict_do_update(
            index_elements=["ordering_id", "institution_id", "emergency"],
            set_={"version": Draft.__table__.c.version + 1, "updated_at": at, **values},
        ).returning(Draft.__table__.c.id, Draft.__table__.c.version, Draft.__table__.c.for_review_at)
    ).one()
    if row.for_review_at is not None:
        raise DraftUnderReview
    return Saved(row.id, row.version)


def _is_nothing(typed: str) -> bool:
    try:
        return parse_cart_packs(typed, maximum=_ANY_NUMBER) == 0
    except PacksRefused:
        return False


@transactional
def save_draft(buyer: Buyer, typed: Typed, *, emergency: bool = False, by: Actor, at: datetime) -> Saved:
    """Keep what was typed, exactly as typed, wrong numbers included; the others of the draft stay.

    Args:
        buyer: for whom, and who orders.
        typed: the fields of the form.
        emergency: the draft of an emergency order instead of the regular one.
        by: who typed.
        at: when.

    Raises:
        DraftUnderReview: the hospital is looking at it.

    """
    _may_type(buyer, by)
    head: dict[str, Any] = {}
    if typed.emergency_reason is not None:
        head["emergency_reason"] = typed.emergency_reason.strip()[:200]
    if typed.payer in {"receiver", "orderer"}:
        head["payer"] = typed.payer
    saved = _open(buyer, emergency, at, head)
    known = {
        row.item_code: row
        for row in db.session.execute(
            select(
                Item.item_code,
                DraftLine.item_id,
                DraftLine.typed,
                DraftLine.position,
                DraftLine.confirmed_duplicates,
                DraftLine.picked_distributor_id,
            )
            .join(Item, Item.id == DraftLine.item_id)
            .where(DraftLine.draft_id == saved.draft_id)
        )
    }
    wanted = {code: text.strip()[:_MOST_TYPED] for code, text in typed.packs.items()}
    gone = [known[code].item_id for code, text in wanted.items() if code in known and _is_nothing(text)]
    fresh = {code: text for code, text in wanted.items() if code not in known and not _is_nothing(text)}
    asked = _asked_again(buyer, typed, at) if any(typed.ticked.values()) else {}
    if gone:
        db.session.execute(
            delete(DraftLine)
            .where(DraftLine.draft_id == saved.draft_id, DraftLine.item_id.in_(gone))
            .execution_options(synchronize_session=False)
        )
    _add_lines(
        saved.draft_id, fresh, typed, asked, first=1 + max((r.position for r in known.values()), default=0)
    )
    changed = []
    for code, row in known.items():
        if row.item_id in gone:
            continue
        text = wanted.get(code, row.typed)
        ticks = row.confirmed_duplicates
        if code in typed.ticked:
            ticks = asked.get(row.item_id, "") if typed.ticked[code] else ""
        picked = typed.picked.get(code, row.picked_distributor_id)
        if (text, ticks, picked) != (row.typed, row.confirmed_duplicates, row.picked_distributor_id):
            changed.append({"d": saved.draft_id, "i": row.item_id, "t": text, "c": ticks, "p": picked})
    if changed:
        db.session.connection().execute(_CHANGE, changed)
    return saved


_LINES = DraftLine.__table__
_CHANGE = (
    update(_LINES)  # type: ignore[arg-type]
    .where(_LINES.c.draft_id == bindparam("d"), _LINES.c.item_id == bindparam("i"))
    .values(
        typed=bindparam("t"),
        confirmed_duplicates=bindparam("c"),
        picked_distributor_id=bindparam("p"),
        refusal=None,
        reviewed_packs=None,
    )
)


def _asked_again(buyer: Buyer, typed: Typed, at: datetime) -> dict[int, str]:
    """Per item the order number that a tick confirms: the one the page asks about now."""
    found = duplicates(buyer.institution_id, at=at, on=day_in_china(at), book=ordering_policy())
    return {item: order.order_no for item, order in found.items()}


def _add_lines(
    draft_id: int, fresh: Mapping[str, str], typed: Typed, asked: Mapping[int, str], *, first: int
) -> None:
    if not fresh:
        return
    found = db.session.execute(select(Item.item_code, Item.id).where(Item.item_code.in_(fresh)))
    ids = {row[0]: row[1] for row in found}
    rows = [
        {
            "draft_id": draft_id,
            "item_id": ids[code],
            "position": first + place,
            "typed": text,
            "confirmed_duplicates": asked.get(ids[code], "") if typed.ticked.get(code) else "",
            "picked_distributor_id": typed.picked.get(code),
        }
        for place, (code, text) in enumerate(fresh.items())
        if code in ids
    ]
    if rows:
        db.session.execute(insert(DraftLine), rows)


@transactional
def fill_from_last(buyer: Buyer, *, by: Actor, at: datetime) -> Saved:
    """再来一单: put the lines of the last order into the draft; what is typed already stays as it is."""
    last = last_time(buyer.institution_id, on=day_in_china(at))
    newest = max((row.submitted_at for row in last.values()), default=None)
    again = {item: str(row.packs) for item, row in last.items() if row.submitted_at == newest}
    typed = draft_of(buyer.ordering_id, buyer.institution_id).lines
    codes = db.session.execute(select(Item.item_code, Item.id).where(Item.id.in_(again))).all()
    packs = {code: again[item] for code, item in codes if item not in typed}
    return save_draft(buyer, Typed(packs=packs), by=by, at=at)


@transactional
def add_pack(buyer: Buyer, item_code: str, *, emergency: bool = False, by: Actor, at: datetime) -> Saved:
    """加 1 盒: one pack more of an item; a quantity that is no number becomes 1."""
    lines = draft_of(buyer.ordering_id, buyer.institution_id, emergency=emergency).lines
    item_id = db.session.scalar(select(Item.id).where(Item.item_code == item_code))
    if item_id is None:
        raise NotFound(number=item_code)
    try:
        packs = parse_cart_packs(lines[item_id].typed, maximum=_ANY_NUMBER) if item_id in lines else 0
    except PacksRefused:
        packs = 0
    return save_draft(buyer, Typed(packs={item_code: str(packs + 1)}), emergency=emergency, by=by, at=at)


@transactional
def keep_usual_list(buyer: Buyer, item_ids: Sequence[int], *, by: Actor, at: datetime) -> None:
    """Make the usual list these items in this order; each once."""
    _may_type(buyer, by)
    db.session.execute(
        delete(UsualItem)
        .where(UsualItem.institution_id == buyer.institution_id)
        .execution_options(synchronize_session=False)
    )
    rows = [
        {"institution_id": buyer.institution_id, "item_id": item, "position": place}
        for place, item in enumerate(dict.fromkeys(item_ids), start=1)
    ]
    if rows:
        db.session.execute(insert(UsualItem), rows)


# A village's draft in the hands of its hospital -----------------------------------------------------------


def _draft_row(buyer: Buyer) -> Draft:
    """The village's own regular draft, locked."""
    found = db.session.execute(
        select(Draft)
        .where(
            Draft.ordering_id == buyer.institution_id,
            Draft.institution_id == buyer.institution_id,
            Draft.emergency.is_(False),
        )
        .with_for_update()
        .execution_options(populate_existing=True)
    ).scalar_one_or_none()
    if found is None:
        raise NothingToReview
    return found


def _noted(deed: str, buyer: Buyer, draft: Draft, by: Actor, at: datetime, after: Mapping[str, Any]) -> None:
    audit.record(
        deed,
        by=by,
        at=at,
        subject_type="draft",
        subject_id=draft.id,
        subject=buyer.code,
        institution_id=buyer.institution_id,
        county_code=buyer.county_code,
        after=after,
    )


@transactional
def ask_hospital(buyer: Buyer, *, by: Actor, at: datetime) -> None:
    """Ask the hospital to order what the village typed; it may only lower (product.md).

    Raises:
        NobodyToReview: no hospital with a mandate.
        NothingToReview: the draft is empty.

    """
    _may_type(buyer, by)
    if buyer.supervisor_id is None or not buyer.has_mandate or not buyer.is_own:
        raise NobodyToReview
    draft = _draft_row(buyer)
    count = db.session.scalar(select(func.count()).where(DraftLine.draft_id == draft.id))
    if not count:
        raise NothingToReview
    draft.for_review_at, draft.updated_at, draft.version = at, at, draft.version + 1
    notices.tell(
        "draft_for_review",
        at=at,
        facts={"institution": buyer.name, "lines": count},
        link=f"/order/review/{buyer.code}",
        institution_id=buyer.supervisor_id,
    )
    _noted("ask_hospital", buyer, draft, by, at, {"lines": count})


@transactional
def take_back_draft(buyer: Buyer, *, by: Actor, at: datetime) -> None:
    """Take the draft back from the hospital; what was typed stays, what the hospital lowered is forgotten."""
    _may_type(buyer, by)
    draft = _draft_row(buyer)
    if draft.for_review_at is None:
        raise NothingToReview
    draft.for_review_at, draft.updated_at, draft.version = None, at, draft.version + 1
    db.session.execute(
        update(DraftLine)
        .where(DraftLine.draft_id == draft.id)
        .values(reviewed_packs=None)
        .execution_options(synchronize_session=False)
    )
    _noted("take_back_draft", buyer, draft, by, at, {})


@transactional
def review_draft(
    buyer: Buyer, packs: Mapping[str, str], payer: str = "receiver", *, by: Actor, at: datetime
) -> Saved:
    """Write down what the hospital would order of a village's draft: at most what was typed; 0 leaves a line out.

    Args:
        buyer: the village, ordered for by the hospital.
        packs: text of the box by item code; a missing one keeps what the village typed.
        payer: who pays, ``receiver`` or ``orderer``.
        by: who looks at it.
        at: when.

    Raises:
        NothingToReview: it was taken back or ordered meanwhile.
        ReviewMayOnlyLower, PacksRefused: what is wrong with a number.

    """
    _may_type(buyer, by)
    draft = _draft_row(buyer)
    if draft.for_review_at is None:
        raise NothingToReview
    rows = db.session.execute(
        select(Item.item_code, Item.generic_name, DraftLine.item_id, DraftLine.typed)
        .join(Item, Item.id == DraftLine.item_id)
        .where(DraftLine.draft_id == draft.id)
    ).all()
    lowered = []
    for row in rows:
        typed = _number(row.typed)
        if typed is None or row.item_code not in packs:
            continue
        wanted = parse_packs(packs[row.item_code].strip() or "0", minimum=0, maximum=_ANY_NUMBER)
        check_review(row.generic_name, typed=typed, packs=wanted)
        lowered.append({"d": draft.id, "i": row.item_id, "r": wanted})
    if lowered:
        db.session.connection().execute(_REVIEW, lowered)
    draft.version, draft.updated_at = draft.version + 1, at
    if payer in {"receiver", "orderer"}:
        draft.payer = payer
    _noted("review_draft", buyer, draft, by, at, {"lines": {str(r["i"]): r["r"] for r in lowered}})
    return Saved(draft.id, draft.version)


_REVIEW = (
    update(_LINES)  # type: ignore[arg-type]
    .where(_LINES.c.draft_id == bindparam("d"), _LINES.c.item_id == bindparam("i"))
    .values(reviewed_packs=bindparam("r"))
)


def _number(typed: str) -> int | None:
    try:
        return parse_cart_packs(typed, maximum=_ANY_NUMBER)
    except PacksRefused:
        return None
