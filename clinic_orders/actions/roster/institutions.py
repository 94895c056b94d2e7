"""Institutions and their dated records; the memberships that follow from them (R-ROSTER-1, R-ROSTER-3, R-ROSTER-5)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from itertools import product
from typing import Any, NamedTuple, cast

from sqlalchemy import Table, select
from sqlalchemy.orm import aliased

from clinic_orders.actions.bulk import (
    NumberedRow,
    Problems,
    Row,
    Stored,
    UnknownCode,
    delete_rows,
    in_parts,
    insert_rows,
    update_rows,
)
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.roster.storing import Change, Wanted, institution_ids, note
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Institution, InstitutionRecord, Membership
from clinic_orders.queries.cases.reentry import reentry_bars, reentry_bars_by_uscc
from clinic_orders.rules.catalogue import check_credit_code, check_institution_code
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.ladder import ReentryTooEarly
from clinic_orders.rules.parties import SUPERVISING_KINDS, Actor, InstitutionKind, Permission
from clinic_orders.rules.roster import Days, spell_in_force, state_on
from clinic_orders.rules.roster_records import (
    LeftBeforeJoined,
    NotAMember,
    RecordTwice,
    StillAMember,
    StillSupervises,
    check_county,
    check_lead_hospital,
    check_supervisor,
    spells_of,
)

_TEXTS = ("township", "village", "scale", "speciality", "uscc", "nhsa_code", "phone", "address")
_TIES = ("supervisor", "headquarters", "lead_hospital")
# The columns of the file that a record keeps, the three ties by code.
_VALUES = (
    "name", "kind", "county_code", *_TEXTS, "remote", "joined_on", "left_on", "lng", "lat",
    *(f"{tie}_code" for tie in _TIES),
)  # fmt: skip


class _State(NamedTuple):
    """A dated record in the columns of the file; ``row_id`` is None while it is not stored."""

    valid_from: date
    values: dict[str, Any]
    row_id: int | None = None
    valid_before: date | None = None

    @property
    def kind(self) -> InstitutionKind:
        return InstitutionKind(self.values["kind"])

    @property
    def joined_on(self) -> date:
        found: date = self.values["joined_on"]
        return found

    @property
    def left_on(self) -> date | None:
        found: date | None = self.values["left_on"]
        return found


_States = dict[date, _State]


@dataclass(slots=True)
class _Plan:
    """The rows, checked, beside what is stored."""

    ids: dict[str, int]
    stored: dict[str, _States]
    merged: dict[str, _States]
    rows: list[tuple[str, date]] = field(default_factory=list)
    spells: dict[str, list[Days]] = field(default_factory=dict)

    @property
    def codes(self) -> list[str]:
        """The institutions that the rows speak of, each once."""
        return list(dict.fromkeys(code for code, _ in self.rows))


def _values(row: Row) -> dict[str, Any]:
    values: dict[str, Any] = {name: row.get(name) for name in _VALUES}
    for name in _TEXTS:
        values[name] = values[name] or ""
    values["kind"] = InstitutionKind(row["kind"])
    values["remote"] = bool(row.get("remote"))
    for tie in _TIES:
        values[f"{tie}_code"] = row.get(f"{tie}_code") or None
    for name in ("lng", "lat"):
        # Six decimals are a hand's breadth; files may bring seven.
        values[name] = None if values[name] is None else round(values[name], 6)
    return values


def _stored_states(codes: Iterable[str]) -> tuple[dict[str, int], dict[str, _States]]:
    """The institutions of these codes, locked, with all their records."""
    ids: dict[str, int] = {}
    states: dict[str, _States] = {}
    record = InstitutionRecord
    others = {tie: aliased(Institution) for tie in _TIES}
    columns = [getattr(record, name) for name in _VALUES if name.removesuffix("_code") not in _TIES] + [
        others[tie].code.label(f"{tie}_code") for tie in _TIES
    ]
    for part in in_parts(sorted(set(codes))):
        for row in db.session.execute(
            select(Institution.code, Institution.id)
            .where(Institution.code.in_(part))
            .order_by(Institution.id)
            .with_for_update()
        ):
            ids[row.code] = row.id
            states[row.code] = {}
        statement = (
            select(
                Institution.code.label("own_code"),
                record.id.label("row_id"),
                record.valid_from,
                record.valid_before,
                *columns,
            )
            .join(Institution, Institution.id == record.institution_id)
            .where(Institution.code.in_(part))
        )
        for tie in _TIES:
            statement = statement.outerjoin(others[tie], others[tie].id == getattr(record, f"{tie}_id"))
        for found in db.session.execute(statement):
            held = found._mapping
            states[held["own_code"]][held["valid_from"]] = _State(
                held["valid_from"],
                {name: held[name] for name in _VALUES},
                held["row_id"],
                held["valid_before"],
            )
    return ids, states


def _check_fields(
    number: int, code: str, values: dict[str, Any], counties: set[str], problems: Problems
) -> None:
    """Check what one row says by itself; codes get their usual writing."""
    try:
        check_county(code, values["county_code"], counties)
    except RuleBroken as refusal:
        problems.add(number, "county_code", refusal)
    for column, check in (("uscc", check_credit_code), ("nhsa_code", check_institution_code)):
        if values[column]:
            try:
                values[column] = check(values[column])
            except RuleBroken as refusal:
                problems.add(number, column, refusal)
    first, last = values["joined_on"], values["left_on"]
    if last is not None and last < first:
        problems.add(number, "left_on", LeftBeforeJoined(first=first, last=last))


def _kind_on(states: _States, day: date) -> InstitutionKind:
    """The kind on a day; before the first record, that of the first."""
    state = state_on(states.values(), day) or states[min(states)]
    return state.kind


def _check_ties(number: int, code: str, state: _State, plan: _Plan, problems: Problems) -> None:
    """Check supervisor, headquarters and lead hospital, in their state of the record's first day."""
    for tie in _TIES:
        column = f"{tie}_code"
        other = state.values[column]
        if other is None:
            continue
        states = plan.merged.get(other)
        if not states:
            problems.add(number, column, UnknownCode(code=other))
            continue
        try:
            if tie == "supervisor":
                check_supervisor(code, state.kind, other, _kind_on(states, state.valid_from))
            elif tie == "lead_hospital":
                check_lead_hospital(other, _kind_on(states, state.valid_from))
        except RuleBroken as refusal:
            problems.add(number, column, refusal)


def _supervisors_of_others(ids: Sequence[int]) -> set[int]:
    """Which of these institutions some stored record names as its supervising hospital."""
    found: set[int] = set()
    for part in in_parts(ids):
        found.update(
            id_
            for id_ in db.session.scalars(
                select(InstitutionRecord.supervisor_id)
                .where(InstitutionRecord.supervisor_id.in_(part), InstitutionRecord.valid_before.is_(None))
                .distinct()
            )
            if id_ is not None
        )
    return found


def _no_longer_hospitals(plan: _Plan) -> list[str]:
    """Codes of hospitals that the rows turn into something that can't supervise."""
    turned = []
    for code, _ in plan.rows:
        before = plan.stored.get(code)
        if not before:
            continue
        was, will = before[max(before)].kind, plan.merged[code][max(plan.merged[code])].kind
        if was in SUPERVISING_KINDS and will not in SUPERVISING_KINDS:
            turned.append(code)
    return turned


def _planned(rows: Sequence[NumberedRow]) -> _Plan:
    """Check the rows against each other and what is stored.

    Raises:
        RowsRefused: with every row that can't be stored.

    """
    problems = Problems()
    counties = set(db.session.scalars(select(County.code)))
    codes = {row["code"] for _, row in rows}
    ties = {row[f"{tie}_code"] for _, row in rows for tie in _TIES if row.get(f"{tie}_code")}
    ids, stored = _stored_states(codes | ties)
    plan = _Plan(ids, stored, {code: dict(states) for code, states in stored.items()})
    numbers: dict[tuple[str, date], int] = {}
    for number, row in rows:
        code, values = row["code"], _values(row)
        valid_from = row.get("valid_from") or row["joined_on"]
        _check_fields(number, code, values, counties, problems)
        if (code, valid_from) in numbers:
            problems.add(number, "code", RecordTwice(key=f"{code} {valid_from}"))
            continue
        numbers[code, valid_from] = number
        plan.rows.append((code, valid_from))
        states = plan.merged.setdefault(code, {})
        old = states.get(valid_from)
        states[valid_from] = _State(
            valid_from, values, old.row_id if old else None, old.valid_before if old else None
        )
    for (code, valid_from), number in numbers.items():
        _check_ties(number, code, plan.merged[code][valid_from], plan, problems)
    last_row = {code: number for (code, _), number in numbers.items()}
    for code, number in last_row.items():
        try:
            plan.spells[code] = spells_of(code, plan.merged[code].values())
        except LeftBeforeJoined:
            pass  # The row that says so has been refused for it above.
        except RuleBroken as refusal:
            problems.add(number, "joined_on", refusal)
    bars = reentry_bars(plan.spells)
    for code in bars:
        for spell, bar in product(plan.spells[code], bars[code]):
            if bar.cancelled_from <= spell.first < bar.until:
                early = ReentryTooEarly(code=code, document=bar.document, day=bar.until)
                problems.add(last_row[code], "joined_on", early)
    _check_identity(plan, last_row, problems)
    turned = _no_longer_hospitals(plan)
    if turned:
        busy = _supervisors_of_others([ids[code] for code in turned])
        for code in turned:
            if ids[code] in busy:
                problems.add(last_row[code], "kind", StillSupervises(code=code))
    problems.raise_if_any()
    return plan


def _check_identity(plan: _Plan, rows: dict[str, int], problems: Problems) -> None:
    """Refuse new memberships of units that were cancelled under another code and come back too early (R-CASE-4)."""
    begun = {code: {state.joined_on for state in states.values()} for code, states in plan.stored.items()}
    usccs = {state.values["uscc"] for code in plan.spells for state in plan.merged[code].values()}
    bars = reentry_bars_by_uscc(usccs)
    if not bars:
        return
    own = reentry_bars(plan.spells)
    for code, spells in plan.spells.items():
        said = {bar.document for bar in own.get(code, ())}
        units = {state.values["uscc"] for state in plan.merged[code].values()}
        found = [bar for uscc in units for bar in bars.get(uscc, ()) if bar.document not in said]
        for spell, bar in product(spells, found):
            if spell.first not in begun.get(code, ()) and bar.cancelled_from <= spell.first < bar.until:
                early = ReentryTooEarly(code=code, document=bar.document, day=bar.until)
                problems.add(rows[code], "uscc", early)


def check_institutions(rows: Sequence[NumberedRow], *, by: Actor) -> None:
    """Refuse what ``put_institutions`` would refuse, and store nothing.

    Raises:
        RowsRefused: with every row that can't be stored.

    """
    by.need(Permission.ROSTER_MANAGE)
    _planned(rows)


@transactional
def put_institutions(rows: Sequence[NumberedRow], *, by: Actor, at: datetime, demo: bool = False) -> Stored:
    """Add or change dated records by (code, valid_from) (formats.md kind ``institutions``), all or none.

    A record holds from ``valid_from`` (default ``joined_on``) to the day before the institution's next record.
    ``supervisor_code``, ``headquarters_code`` and ``lead_hospital_code`` may name institutions of the same file,
    in any order. The memberships follow from the records (``rules.roster_records.spells_of``).

    Args:
        rows: with their numbers.
        by: who.
        at: when.
        demo: whether institutions that are new here are invented ones.

    Raises:
        RowsRefused: unknown county or code, wrong credit or insurance code, a supervisor that is no hospital,
            a membership that ends before it begins or overlaps another.

    """
    by.need(Permission.ROSTER_MANAGE)
    plan = _planned(rows)
    new = [code for code in plan.codes if code not in plan.ids]
    insert_rows(
        cast("Table", Institution.__table__),
        [{"code": code, "demo": demo, "recorded_at": at} for code in new],
    )
    plan.ids.update(institution_ids(new))
    stored, changes = _store_records(plan, at)
    _store_memberships(plan)
    # Institutions that the caller has in hand show what is stored now.
    db.session.expire_all()
    note("put_institutions", "institution", changes, by=by, at=at)
    return stored


def _in_columns(state: _State, plan: _Plan) -> dict[str, Any]:
    values = dict(state.values)
    for tie in _TIES:
        code = values.pop(f"{tie}_code")
        values[f"{tie}_id"] = None if code is None else plan.ids[code]
    return values


def _store_records(plan: _Plan, at: datetime) -> tuple[Stored, list[Change]]:
    stored, changes = Stored(), []
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    moved: list[dict[str, Any]] = []
    ends: dict[tuple[str, date], date | None] = {}
    for code in plan.codes:
        days = sorted(plan.merged[code])
        ends.update(((code, day), after) for day, after in zip(days, [*days[1:], None], strict=True))
    written = set(plan.rows)
    for code, day in plan.rows:
        state, end = plan.merged[code][day], ends[code, day]
        wanted = Wanted(
            0,
            (code, day),
            {"valid_from": day},
            state.values,
            code,
            institution_id=plan.ids[code],
            county_code=state.values["county_code"],
        )
        columns = {"valid_before": end} | _in_columns(state, plan)
        old = plan.stored.get(code, {}).get(day)
        if old is None:
            new.append(columns | {"institution_id": plan.ids[code], "valid_from": day, "recorded_at": at})
            changes.append(Change(wanted, plan.ids[code], None, {"valid_from": day} | state.values))
            continue
        difference = {name: value for name, value in state.values.items() if old.values[name] != value}
        if difference or end != old.valid_before:
            changed.append({"id": old.row_id} | columns)
        if difference:
            stored.updated += 1
            before = {"valid_from": day} | {name: old.values[name] for name in difference}
            changes.append(Change(wanted, plan.ids[code], before, {"valid_from": day} | difference))
        else:
            stored.unchanged += 1
    for (code, day), end in ends.items():
        if (code, day) not in written and plan.merged[code][day].valid_before != end:
            moved.append({"id": plan.merged[code][day].row_id, "valid_before": end})
    stored.created = len(new)
    table = cast("Table", InstitutionRecord.__table__)
    update_rows(table, changed)
    update_rows(table, moved)
    insert_rows(table, new)
    return stored, changes


def _store_memberships(plan: _Plan) -> None:
    """Make the memberships what the records say."""
    code_of = {plan.ids[code]: code for code in plan.codes}
    held: dict[int, dict[date, tuple[int, date | None]]] = {id_: {} for id_ in code_of}
    for part in in_parts(code_of):
        for row in db.session.execute(
            select(Membership.id, Membership.institution_id, Membership.joined_on, Membership.left_on).where(
                Membership.institution_id.in_(part)
            )
        ):
            held[row.institution_id][row.joined_on] = (row.id, row.left_on)
    gone: list[int] = []
    ended: list[dict[str, Any]] = []
    new: list[dict[str, Any]] = []
    for id_, code in code_of.items():
        spells = {spell.first: spell.last for spell in plan.spells[code]}
        gone.extend(row_id for first, (row_id, _) in held[id_].items() if first not in spells)
        for first, last in spells.items():
            old = held[id_].get(first)
            if old is None:
                new.append({"institution_id": id_, "joined_on": first, "left_on": last})
            elif old[1] != last:
                ended.append({"id": old[0], "left_on": last})
    table = cast("Table", Membership.__table__)
    for part in in_parts(gone):
        delete_rows(table, table.c.id.in_(part))
    update_rows(table, ended)
    insert_rows(table, new)


def put_institution(row: Row, *, by: Actor, at: datetime) -> Stored:
    """Add or change one dated record; as ``put_institutions`` with one row, numbered 1."""
    return put_institutions([(1, row)], by=by, at=at)


def file_row(code: str, state: _State) -> dict[str, Any]:
    """A record in the columns of the import file."""
    return {"code": code, "valid_from": state.valid_from, **state.values}


def states_of(code: str) -> _States:
    """The dated records of an institution by their first days; NotFound if there is none."""
    _, states = _stored_states([code])
    if not states.get(code):
        raise NotFound(number=code)
    return states[code]


@transactional
def close_institution(code: str, last_day: date, *, by: Actor, at: datetime) -> None:
    """End an institution's membership; the last day is included (R-ROSTER-3).

    What it owes and promised outlives the membership; it only can't order any more. Closing again moves the day.

    Raises:
        NotFound: unknown code.
        NotAMember: it was not a member on that day and had not left before it.

    """
    by.need(Permission.ROSTER_MANAGE)
    states = states_of(code)
    spells = [spell for spell in spells_of(code, states.values()) if spell.first <= last_day]
    if not spells:
        raise NotAMember(code=code, day=last_day)
    spell = spells[-1]
    newest = max(
        (state for state in states.values() if state.joined_on == spell.first),
        key=lambda state: state.valid_from,
    )
    put_institutions([(1, file_row(code, newest) | {"left_on": last_day})], by=by, at=at)


@transactional
def reopen_institution(code: str, first_day: date, *, by: Actor, at: datetime) -> None:
    """Begin a new membership, in the state that the institution had last (R-ROSTER-3).

    Raises:
        NotFound: unknown code.
        StillAMember: the last membership has not ended before that day.
        ReentryTooEarly: it was cancelled, and the months of R-CASE-4 are not over.

    """
    by.need(Permission.ROSTER_MANAGE)
    states = states_of(code)
    spells = spells_of(code, states.values())
    if spell_in_force(spells, on=first_day) is not None:
        raise StillAMember(code=code, day=first_day)
    for bar in reentry_bars({code}).get(code, ()):
        if bar.cancelled_from <= first_day < bar.until:
            raise ReentryTooEarly(code=code, document=bar.document, day=bar.until)
    state = state_on(states.values(), first_day) or states[min(states)]
    again: dict[str, Any] = {"valid_from": first_day, "joined_on": first_day, "left_on": None}
    put_institutions([(1, file_row(code, state) | again)], by=by, at=at)
