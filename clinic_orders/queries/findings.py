"""The stored findings: who may see which, the desk's list with its numbers, one finding with its history."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Select, and_, case, exists, func, or_, select
from sqlalchemy.orm import aliased

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.clues import Clue
from clinic_orders.models.roster import County, Distributor, Institution, InstitutionRecord
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stock import OtherPurchase
from clinic_orders.models.supervision import FindingHistory, FindingInstitution, FindingRecord
from clinic_orders.queries.lists import in_order, stands_in, with_words
from clinic_orders.queries.roster import current, institutions_of
from clinic_orders.rules.clues import CLUE_RULES
from clinic_orders.rules.finding_states import BUREAU_ONLY, SEVERITY, FindingState, Severity
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.parties import SYSTEM, Actor, InstitutionKind, Role


def findings_visible_to(actor: Actor, on: date) -> ColumnElement[bool]:
    """The findings that a person may see.

    The city sees all, a county those that name an institution of its own, also as one of several. A party sees those about itself, a
    hospital also about those it looks after; what is only a clue stays with the bureau until it is looked into.
    """
    record = FindingRecord
    if actor.role in {Role.CITY, Role.OPERATOR, Role.SYSTEM}:
        return record.id.is_not(None)
    if actor.role is Role.COUNTY:
        return or_(institutions_of(actor, record.institution_id, on), _at_one_of(actor, on))
    known = record.grade.not_in(BUREAU_ONLY)
    if actor.role is Role.DISTRIBUTOR:
        return and_(record.distributor_id == actor.distributor_id, record.institution_id.is_(None), known)
    return and_(institutions_of(actor, record.institution_id, on), known)


def _is_about_several() -> ColumnElement[bool]:
    """A finding about a pack that turned up at several places names them all (R-TRACE-2, T2 and T3)."""
    return and_(FindingRecord.institution_id.is_(None), FindingRecord.distributor_id.is_(None))


def _at_one_of(actor: Actor, on: date) -> ColumnElement[bool]:
    place = FindingInstitution
    return and_(
        _is_about_several(),
        exists(
            select(place.finding_id).where(
                place.finding_id == FindingRecord.id, institutions_of(actor, place.institution_id, on)
            )
        ),
    )


_PlaceRecord = aliased(InstitutionRecord)


def _place_with(condition: ColumnElement[bool], on: date) -> ColumnElement[bool]:
    """The condition that one of the places of a finding about several is such a one."""
    place, record = FindingInstitution, _PlaceRecord
    return exists(
        select(place.finding_id)
        .join(record, and_(record.institution_id == place.institution_id, current(record, on)))
        .where(place.finding_id == FindingRecord.id, condition)
    )


def _places(on: date) -> ColumnElement[str | None]:
    """The names of the places of a finding about several, in one text."""
    place, record = FindingInstitution, _PlaceRecord
    names = (
        select(func.aggregate_strings(record.name, "、"))
        .select_from(place)
        .join(record, and_(record.institution_id == place.institution_id, current(record, on)))
        .where(place.finding_id == FindingRecord.id)
        .scalar_subquery()
    )
    return case((_is_about_several(), names), else_=None)


def all_institution_ids() -> list[int]:
    """Every institution, also those that have left: what is held against them stays."""
    return list(db.session.scalars(select(Institution.id).order_by(Institution.id)))


@dataclass(frozen=True, slots=True)
class FindingsWanted:
    """Which findings a list shows; empty = all. ``state`` is a FindingState's value or "all".

    ``unassigned``: only clues on trace codes that nobody looks into yet (R-TRACE-3).
    """

    words: str = ""
    severity: Severity | None = None
    rule: CheckRule | None = None
    county: str = ""
    kind: InstitutionKind | None = None
    state: str = FindingState.OPEN.value
    unassigned: bool = False


class FindingRow(NamedTuple):
    """A finding with the names that belong to it."""

    id: int
    rule: CheckRule
    grade: Grade
    key: str
    period: str
    formula: str
    figures: dict[str, Any]
    rows: list[list[str]]
    state: FindingState
    first_seen: date
    last_seen: date
    raised_at: datetime
    ended_on: date | None
    waived_at: datetime | None
    waived_by_name: str
    waive_reason: str
    version: int
    institution_id: int | None
    institution: str
    kind: InstitutionKind | None
    county: str
    distributor: str
    item: str
    distributor_id: int | None

    @property
    def severity(self) -> Severity:
        """Where it stands on the desk."""
        return SEVERITY[self.grade]

    @property
    def subject(self) -> str:
        """Whom it is held against or about; of a pack that turned up at several places all of them."""
        return self.institution or self.distributor

    @property
    def accuses(self) -> bool:
        """Whether it names one party against which a case can be opened."""
        return self.institution_id is not None or self.distributor_id is not None


SORTS = ("severity", "subject", "county", "rule", "since")
_RANK = {Severity.GRAVE: 0, Severity.REMINDER: 1, Severity.CLUE: 2}


def _grades(severity: Severity) -> list[Grade]:
    return [grade for grade, found in SEVERITY.items() if found is severity]


def _rank() -> ColumnElement[int]:
    return case(*((FindingRecord.grade.in_(_grades(one)), rank) for one, rank in _RANK.items()), else_=9)


def _conditions(
    actor: Actor, on: date, wanted: FindingsWanted, *, with_severity: bool = True
) -> list[ColumnElement[bool]]:
    record, conditions = FindingRecord, [findings_visible_to(actor, on)]
    if wanted.state in set(FindingState):
        conditions.append(record.state == FindingState(wanted.state))
    if wanted.rule is not None:
        conditions.append(record.rule == wanted.rule)
    if wanted.severity is not None and with_severity:
        conditions.append(record.grade.in_(_grades(wanted.severity)))
    if wanted.county:
        in_it = _place_with(_PlaceRecord.county_code == wanted.county, on)
        conditions.append(or_(InstitutionRecord.county_code == wanted.county, in_it))
    if wanted.kind is not None:
        conditions.append(InstitutionRecord.kind == wanted.kind)
    conditions += with_words(
        wanted.words, InstitutionRecord.name, Distributor.name, Item.generic_name, record.key,
        also=lambda word: _place_with(stands_in(word, _PlaceRecord.name), on),
    )  # fmt: skip
    if wanted.unassigned:
        looked_into = exists(select(Clue.id).where(Clue.finding_id == record.id))
        conditions += [record.rule.in_(CLUE_RULES), ~looked_into]
    return conditions


def _listed(actor: Actor, on: date, wanted: FindingsWanted) -> Select[*tuple[Any, ...]]:
    record, state = FindingRecord, InstitutionRecord
    return (
        select(
            record.id,
            record.rule,
            record.grade,
            record.key,
            record.period,
            record.formula,
            record.figures,
            record.rows,
            record.state,
            record.first_seen,
            record.last_seen,
            record.raised_at,
            record.ended_on,
            record.waived_at,
            record.waived_by_name,
            record.waive_reason,
            record.version,
            record.institution_id,
            func.coalesce(state.name, _places(on), ""),
            state.kind,
            func.coalesce(County.name, ""),
            func.coalesce(Distributor.name, ""),
            func.coalesce(Item.generic_name, ""),
            record.distributor_id,
        )
        .outerjoin(state, and_(state.institution_id == record.institution_id, current(state, on)))
        .outerjoin(County, County.code == state.county_code)
        .outerjoin(Distributor, Distributor.id == record.distributor_id)
        .outerjoin(Item, Item.id == record.item_id)
        .where(*_conditions(actor, on, wanted))
    )


def findings(
    actor: Actor,
    *,
    on: date,
    wanted: FindingsWanted | None = None,
    sort: str = "severity",
    limit: int | None = None,
    offset: int = 0,
) -> list[FindingRow]:
    """The findings of a page or a file, the gravest and oldest first unless sorted otherwise; one statement."""
    record = FindingRecord
    columns: dict[str, Any] = {
        "severity": _rank(),
        "subject": func.coalesce(InstitutionRecord.name, Distributor.name),
        "county": func.coalesce(County.name, ""),
        "rule": record.rule,
        "since": record.first_seen,
    }
    order = in_order(sort, columns, record.first_seen, record.id)
    listed = _listed(actor, on, wanted or FindingsWanted()).order_by(*order).limit(limit).offset(offset)
    return [FindingRow._make(row) for row in db.session.execute(listed)]


@dataclass(frozen=True, slots=True)
class Counted:
    """How many findings the filters leave, by severity and by county (code, name, number)."""

    severities: dict[Severity, int]
    counties: list[tuple[str, str, int]]
    total: int


def count_findings(actor: Actor, *, on: date, wanted: FindingsWanted) -> Counted:
    """The numbers on top of the list, whatever severity is chosen; one statement."""
    record, state = FindingRecord, InstitutionRecord
    rows = db.session.execute(
        select(func.coalesce(County.code, ""), func.coalesce(County.name, ""), record.grade, func.count())
        .select_from(record)
        .outerjoin(state, and_(state.institution_id == record.institution_id, current(state, on)))
        .outerjoin(County, County.code == state.county_code)
        .outerjoin(Distributor, Distributor.id == record.distributor_id)
        .outerjoin(Item, Item.id == record.item_id)
        .where(*_conditions(actor, on, wanted, with_severity=False))
        .group_by(County.code, County.name, record.grade)
    ).all()
    severities = dict.fromkeys(Severity, 0)
    counties: dict[tuple[str, str], int] = {}
    total = 0
    for code, name, grade, number in rows:
        severities[SEVERITY[grade]] += number
        if wanted.severity in {None, SEVERITY[grade]}:
            counties[code, name] = counties.get((code, name), 0) + number
            total += number
    found = sorted(
        ((code, name, number) for (code, name), number in counties.items()), key=lambda row: -row[2]
    )
    return Counted(severities, found, total)


@dataclass(slots=True)
class Tallied:
    """How many open findings there are of a rule or in a county, by severity."""

    severities: dict[Severity, int]

    @property
    def total(self) -> int:
        """Of every severity."""
        return sum(self.severities.values())


@dataclass(frozen=True, slots=True)
class DeskFindings:
    """The open findings that a person may see, for the desk.

    Attributes:
        rules: by check, the most grave ones first.
        counties: by county code and name; "" = distributors and what names no county.

    """

    rules: list[tuple[CheckRule, Tallied]]
    counties: list[tuple[str, str, Tallied]]

    @property
    def severities(self) -> dict[Severity, int]:
        """By severity."""
        return {one: sum(found.severities[one] for _, found in self.rules) for one in Severity}

    @property
    def total(self) -> int:
        """All of them."""
        return sum(found.total for _, found in self.rules)


def desk_findings(actor: Actor, *, on: date) -> DeskFindings:
    """The open findings by check, county and severity; one statement."""
    record, state = FindingRecord, InstitutionRecord
    rows = db.session.execute(
        select(
            func.coalesce(County.code, ""),
            func.coalesce(County.name, ""),
            record.rule,
            record.grade,
            func.count(),
        )
        .select_from(record)
        .outerjoin(state, and_(state.institution_id == record.institution_id, current(state, on)))
        .outerjoin(County, County.code == state.county_code)
        .where(*_conditions(actor, on, FindingsWanted()))
        .group_by(County.code, County.name, record.rule, record.grade)
    )
    rules: dict[CheckRule, Tallied] = {}
    counties: dict[tuple[str, str], Tallied] = {}
    for code, name, rule, grade, number in rows:
        for tallied in (
            rules.setdefault(rule, Tallied(dict.fromkeys(Severity, 0))),
            counties.setdefault((code, name), Tallied(dict.fromkeys(Severity, 0))),
        ):
            tallied.severities[SEVERITY[grade]] += number

    def gravest(found: Tallied) -> tuple[int, int]:
        return -found.severities[Severity.GRAVE], -found.total

    return DeskFindings(
        sorted(rules.items(), key=lambda pair: (*gravest(pair[1]), pair[0].value)),
        sorted(
            ((code, name, found) for (code, name), found in counties.items()),
            key=lambda row: (not row[0], *gravest(row[2]), row[0]),
        ),
    )


def find_finding(finding_id: int, actor: Actor, *, on: date) -> FindingRow | None:
    """One finding, if the actor may see it."""
    statement = _listed(actor, on, FindingsWanted(state="all")).where(FindingRecord.id == finding_id)
    row = db.session.execute(statement).one_or_none()
    return None if row is None else FindingRow._make(row)


def findings_by(condition: ColumnElement[bool], *, on: date) -> list[FindingRow]:
    """The findings of a condition for whoever has been let in already, the gravest and oldest first; one statement."""
    statement = _listed(SYSTEM, on, FindingsWanted(state="all")).where(condition)
    ordered = statement.order_by(_rank(), FindingRecord.first_seen, FindingRecord.id)
    return [FindingRow._make(row) for row in db.session.execute(ordered)]


def history_of(finding_id: int) -> list[FindingHistory]:
    """What happened to a finding, the newest first."""
    history = FindingHistory
    statement = select(history).where(history.finding_id == finding_id).order_by(history.id.desc())
    return list(db.session.scalars(statement))


class SoldLine(NamedTuple):
    """A line of a sale behind a finding; ``product`` is an item's name, or that of another product."""

    sale_no: str
    line_no: str
    sold_at: datetime
    product: str
    strength: str
    base_units: int
    amount: Decimal


MOST_ROWS = 500
"""How many rows behind a finding a page shows; the file has all."""


def sold_lines(institution_id: int, rows: Sequence[Sequence[str]]) -> list[SoldLine]:
    """The lines of sales that stand behind a finding, in the order of the sale; one statement.

    Args:
        institution_id: who sold.
        rows: of the finding, as ("sale", "number/line").

    """
    wanted = {tuple(number.rpartition("/")[::2]) for kind, number in rows if kind == "sale"}
    if not wanted:
        return []
    line = SaleLine
    statement = (
        select(
            line.sale_no,
            line.line_no,
            line.sold_at,
            func.coalesce(Item.generic_name, line.other_product),
            func.coalesce(Item.strength, ""),
            line.base_units,
            line.amount,
        )
        .outerjoin(Item, Item.id == line.item_id)
        .where(
            line.institution_id == institution_id,
            line.replaced_at.is_(None),
            line.sale_no.in_(sorted({sale for sale, _ in wanted})),
        )
        .order_by(line.sold_at, line.id)
    )
    return [
        SoldLine._make(row) for row in db.session.execute(statement) if (row.sale_no, row.line_no) in wanted
    ]


class OtherBought(NamedTuple):
    """A purchase outside of the selected drugs behind a finding (R-VOL-6)."""

    document_no: str
    line_no: str
    product_name: str
    base_units: int
    amount: Decimal
    purchased_on: date


def other_bought(institution_id: int, rows: Sequence[Sequence[str]]) -> list[OtherBought]:
    """The purchases that stand behind a finding, in the order of their days; one statement.

    Args:
        institution_id: who bought.
        rows: of the finding, as ("other_purchase", "document/line").

    """
    wanted = {tuple(number.rpartition("/")[::2]) for kind, number in rows if kind == "other_purchase"}
    if not wanted:
        return []
    bought = OtherPurchase
    statement = (
        select(
            bought.document_no,
            bought.line_no,
            bought.product_name,
            bought.base_units,
            bought.amount,
            bought.purchased_on,
        )
        .where(
            bought.institution_id == institution_id,
            bought.replaced_at.is_(None),
            bought.document_no.in_(sorted({document for document, _ in wanted})),
        )
        .order_by(bought.purchased_on, bought.document_no, bought.line_no)
    )
    found = (OtherBought._make(row) for row in db.session.execute(statement))
    return [row for row in found if (row.document_no, row.line_no) in wanted]
