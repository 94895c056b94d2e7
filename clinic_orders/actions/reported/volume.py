"""Agreed volumes and supply problems from files (R-VOL-1, R-VOL-7)."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Table, func, select

from clinic_orders.actions.bulk import NumberedRow, Problems, Row, Stored, UnknownCode, in_parts
from clinic_orders.actions.history.shared import Codes, check_code
from clinic_orders.actions.reported.replacing import (
    Facts,
    Key,
    item_codes,
    keep,
    refuse_twice,
    standing_rows,
    write_down,
)
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import County
from clinic_orders.models.volume import AgreedVolume, SupplyProblem
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.roster_records import UnknownCounty
from clinic_orders.rules.supply import BackupIsTheItem, ProblemEndsBeforeStart, check_problem
from clinic_orders.rules.volume import Cycle, CycleEndsBeforeStart, check_cycle

_VOLUMES: Final = Facts(
    "put_agreed_volumes",
    "agreed_volume",
    cast("Table", AgreedVolume.__table__),
    ("institution_id", "item_id", "cycle_start"),
    ("cycle_end", "reported_packs", "agreed_packs"),
    kept={"already_adjusted": False},
)
_PROBLEMS: Final = Facts(
    "put_supply_problems",
    "supply_problem",
    cast("Table", SupplyProblem.__table__),
    ("item_id", "county_code", "first_day"),
    ("last_day", "backup_item_id", "verified_by"),
    # A county may be empty, which no list of keys finds; an item has few problems.
    found_by=("item_id",),
    kept={
        "reported_at": None,
        "reported_by_id": None,
        "reported_by_name": "",
        "reporting_institution_id": None,
        "reporting_distributor_id": None,
        "words": "",
    },
)


def _other_cycles(known: Mapping[Key, Row], item_ids: Iterable[int]) -> dict[int, Counter[Cycle]]:
    """The cycles of some items as they stand in rows that the file does not replace."""
    row = AgreedVolume
    found: dict[int, Counter[Cycle]] = {}
    for part in in_parts(set(item_ids)):
        for item_id, first, last, count in db.session.execute(
            select(row.item_id, row.cycle_start, row.cycle_end, func.count())
            .where(row.item_id.in_(part), row.replaced_at.is_(None))
            .group_by(row.item_id, row.cycle_start, row.cycle_end)
        ):
            found.setdefault(item_id, Counter())[Cycle(first, last)] = count
    for old in known.values():
        found[old["item_id"]][Cycle(old["cycle_start"], old["cycle_end"])] -= 1
    return found


@transactional
def put_agreed_volumes(
    rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None
) -> Stored:
    """Add or correct agreed volumes by institution, item and first day (formats.md kind ``agreed-volumes``, R-VOL-1).

    The cycles of an item are looked at as they would be after the file, so that one file can move the end of a cycle
    for all its institutions.

    Raises:
        RowsRefused: unknown codes; a cycle that ends before it begins, has another last day for another institution,
            or overlaps another cycle of its item.

    """
    by.need(Permission.FILES_IMPORT)
    problems = Problems()
    refuse_twice(rows, ("institution_code", "item_code", "cycle_start"), problems)
    codes = Codes(
        institutions=[row["institution_code"] for _, row in rows], items=[row["item_code"] for _, row in rows]
    )
    wanted = []
    for number, row in rows:
        check_code(codes.institutions, row, number, "institution_code", problems)
        check_code(codes.items, row, number, "item_code", problems)
        wanted.append(
            {
                "institution_id": codes.institutions.get(row["institution_code"], 0),
                "item_id": codes.items.get(row["item_code"], 0),
                "cycle_start": row["cycle_start"],
                "cycle_end": row["cycle_end"],
                "reported_packs": row.get("reported_packs"),
                "agreed_packs": row["agreed_packs"],
            }
        )
    known = standing_rows(_VOLUMES, wanted)
    others = _other_cycles(known, (values["item_id"] for values in wanted))
    cycles = {item_id: {cycle for cycle, rows in found.items() if rows} for item_id, found in others.items()}
    for (number, _), values in zip(rows, wanted, strict=True):
        if not values["item_id"]:
            continue
        cycle = Cycle(values["cycle_start"], values["cycle_end"])
        if cycle.last < cycle.first:
            problems.add(number, "cycle_end", CycleEndsBeforeStart(first=cycle.first, last=cycle.last))
            continue
        standing = cycles.setdefault(values["item_id"], set())
        if cycle in standing:
            continue
        try:
            check_cycle(cycle, standing)
        except RuleBroken as refusal:
            column = "cycle_end" if any(other.first == cycle.first for other in standing) else "cycle_start"
            problems.add(number, column, refusal)
        else:
            standing.add(cycle)
    problems.raise_if_any()
    kept = keep(_VOLUMES, wanted, known, at=at, batch_id=batch_id)
    institutions = {row_id: code for code, row_id in codes.institutions.items()}
    items = {row_id: code for code, row_id in codes.items.items()}
    write_down(
        _VOLUMES,
        kept,
        lambda row: f"{institutions[row['institution_id']]} {items[row['item_id']]} {row['cycle_start']}",
        lambda row: {name: row[name] for name in _VOLUMES.compared},
        by=by,
        at=at,
    )
    return Stored(created=kept.created, updated=len(kept.replaced), unchanged=kept.unchanged)


def _check_problem(row: Row, number: int, problems: Problems) -> None:
    try:
        check_problem(
            item=row["item_code"],
            backup=row.get("backup_item_code") or "",
            first_day=row["first_day"],
            last_day=row.get("last_day"),
        )
    except BackupIsTheItem as refusal:
        problems.add(number, "backup_item_code", refusal)
    except ProblemEndsBeforeStart as refusal:
        problems.add(number, "last_day", refusal)


@transactional
def put_supply_problems(
    rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None
) -> Stored:
    """Add or correct verified supply problems by item, county and first day (formats.md kind ``supply-problems``).

    A problem that was reported here and waits counts as verified by whom the file names (R-VOL-7).

    Raises:
        RowsRefused: unknown codes, a backup that is the item itself, or a last day before the first.

    """
    by.need(Permission.FILES_IMPORT)
    problems = Problems()
    refuse_twice(rows, ("item_code", "county_code", "first_day"), problems)
    codes = Codes(
        items=[row["item_code"] for _, row in rows]
        + [row["backup_item_code"] for _, row in rows if row.get("backup_item_code")]
    )
    counties = set(db.session.scalars(select(County.code)))
    wanted: list[dict[str, Any]] = []
    for number, row in rows:
        backup = row.get("backup_item_code") or ""
        check_code(codes.items, row, number, "item_code", problems)
        if backup and backup not in codes.items:
            problems.add(number, "backup_item_code", UnknownCode(code=backup))
        if row.get("county_code") and row["county_code"] not in counties:
            problems.add(number, "county_code", UnknownCounty(code=row["county_code"]))
        _check_problem(row, number, problems)
        wanted.append(
            {
                "item_id": codes.items.get(row["item_code"], 0),
                "county_code": row.get("county_code") or None,
                "first_day": row["first_day"],
                "last_day": row.get("last_day"),
                "backup_item_id": codes.items.get(backup),
                "verified_by": row["verified_by"],
            }
        )
    problems.raise_if_any()
    known = {key: row for key, row in standing_rows(_PROBLEMS, wanted).items() if row["refused_at"] is None}
    for values in wanted:
        old = known.get(_PROBLEMS.key_of(values))
        values |= {
            "verified_at": at if old is None or old["verified_at"] is None else old["verified_at"],
            "ended_at": None if values["last_day"] is None else at,
            "version": 1,
            "refusal_reason": "",
        }
        if old is None:
            values |= {"reported_at": at, "reported_by_name": values["verified_by"]}
    kept = keep(_PROBLEMS, wanted, known, at=at, batch_id=batch_id)
    items = item_codes(codes, kept, "backup_item_id")
    write_down(
        _PROBLEMS,
        kept,
        lambda row: f"{items[row['item_id']]} {row['county_code'] or ''} {row['first_day']}",
        lambda row: {
            "last_day": row["last_day"],
            "backup_item_code": items.get(row["backup_item_id"], ""),
            "verified_by": row["verified_by"],
        },
        by=by,
        at=at,
    )
    return Stored(created=kept.created, updated=len(kept.replaced), unchanged=kept.unchanged)
