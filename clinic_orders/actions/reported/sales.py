"""Sales from files, with their trace codes (formats.md kind ``sales``)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, cast

from sqlalchemy import Table, select

from clinic_orders.actions.bulk import (
    NumberedRow,
    Problems,
    Row,
    RowProblem,
    Stored,
    UnknownCode,
    in_parts,
    insert_columns,
    reserve_ids,
)
from clinic_orders.actions.history.shared import Codes, check_code
from clinic_orders.actions.loading import NotFound, own_institution
from clinic_orders.actions.reported.replacing import (
    AUDITED_ONE_BY_ONE,
    Facts,
    Kept,
    item_codes,
    keep,
    refuse_twice,
    standing_by_key,
    sum_up,
    write_down,
)
from clinic_orders.actions.reported.sale_codes import SoldCode, store_codes
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution
from clinic_orders.models.sales import SaleCode, SaleLine
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.quantities import UnitsZero
from clinic_orders.rules.sales import (
    ItemAndProduct,
    NeitherItemNorProduct,
    ReturnWithMoneyIn,
    SaleBelowZero,
    check_sale_line,
)
from clinic_orders.rules.stock_entries import EntryInFuture, check_day

SALES: Final = Facts(
    "put_sales",
    "sale_line",
    cast("Table", SaleLine.__table__),
    ("institution_id", "sale_no", "line_no"),
    ("item_id", "other_product", "sold_at", "base_units", "amount", "insured"),
)


def check_row(number: int, row: Row, codes: Codes, problems: Problems) -> RowProblem | None:
    """Refuse what can't be a line of a sale; answer with what only wants to be looked at.

    Args:
        number: of the row in its file.
        row: values by column name.
        codes: the institutions and items of the file.
        problems: where refusals go.

    """
    check_code(codes.institutions, row, number, "institution_code", problems)
    item_code, product = row.get("item_code") or "", row.get("other_product") or ""
    if item_code and item_code not in codes.items:
        problems.add(number, "item_code", UnknownCode(code=item_code))
    try:
        check_sale_line(
            item_code=item_code,
            other_product=product,
            base_units=row["base_units"],
            amount=row["amount"],
        )
    except NeitherItemNorProduct as refusal:
        problems.add(number, "item_code", refusal)
    except ItemAndProduct as refusal:
        problems.add(number, "other_product", refusal)
    except UnitsZero as refusal:
        problems.add(number, "base_units", refusal)
    except SaleBelowZero as refusal:
        problems.add(number, "amount", refusal)
    if row["base_units"] < 0 < row["amount"]:
        return RowProblem(number, "amount", ReturnWithMoneyIn(amount=row["amount"]))
    return None


def line_values(row: Row, codes: Codes) -> dict[str, Any]:
    """A row of a file as columns of the table; a row that ``check_row`` has let pass."""
    return {
        "institution_id": codes.institutions[row["institution_code"]],
        "sale_no": row["sale_no"],
        "line_no": row["line_no"],
        "item_id": codes.items[row["item_code"]] if row.get("item_code") else None,
        "other_product": row.get("other_product") or "",
        "sold_at": row["sold_at"],
        "sold_on": day_in_china(row["sold_at"]),
        "base_units": row["base_units"],
        "amount": row["amount"],
        "insured": bool(row.get("insured")),
    }


def codes_of(line_ids: Iterable[int]) -> dict[int, frozenset[str]]:
    """The trace codes of some sale lines."""
    found: dict[int, set[str]] = {}
    for part in in_parts(line_ids):
        for line_id, code in db.session.execute(
            select(SaleCode.sale_line_id, SaleCode.code).where(SaleCode.sale_line_id.in_(part))
        ):
            found.setdefault(line_id, set()).add(code)
    return {line_id: frozenset(codes) for line_id, codes in found.items()}


@transactional
def put_sales(rows: Sequence[NumberedRow], *, by: Actor, at: datetime, batch_id: int | None) -> Stored:
    """Add or correct sale lines by institution, sale and line number (formats.md kind ``sales``), all or none.

    A line that comes again with other values or other trace codes is a correction: the line before is kept as what
    was known until now, and checks read the new one (R-ORD-8).

    Raises:
        RowsRefused: unknown codes, lines that are neither an item nor a product or both, 0 units, or goods sold for
            less than nothing.

    """
    by.need(Permission.FILES_IMPORT)
    return _store(rows, Problems(), by=by, at=at, batch_id=batch_id)


@transactional
def report_sales(rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> Stored:
    """Add or correct sale lines of the actor's own institution, as its till sends them; all or none.

    Args:
        rows: as of a file; ``institution_code`` is the own one, or empty.
        by: somebody of the institution.
        at: when.

    Raises:
        NotFound: the actor is of no institution.
        RowsRefused: as for a file, and lines of others or of days that are still to come.

    """
    institution_id = own_institution(by)
    own = db.session.execute(select(Institution.code).where(Institution.id == institution_id)).scalar_one()
    problems = Problems()
    whole = []
    for number, row in rows:
        if row["institution_code"] not in ("", own):
            problems.add(number, "institution_code", NotFound(number=row["institution_code"]))
        try:
            check_day(day_in_china(row["sold_at"]), today=day_in_china(at))
        except EntryInFuture as refusal:
            problems.add(number, "sold_at", refusal)
        whole.append((number, {**row, "institution_code": own}))
    return _store(whole, problems, by=by, at=at, batch_id=None)


def _store(
    rows: Sequence[NumberedRow], problems: Problems, *, by: Actor, at: datetime, batch_id: int | None
) -> Stored:
    refuse_twice(rows, ("institution_code", "sale_no", "line_no"), problems)
    codes = Codes(
        institutions=[row["institution_code"] for _, row in rows],
        items=[row["item_code"] for _, row in rows if row.get("item_code")],
    )
    warnings = [found for number, row in rows if (found := check_row(number, row, codes, problems))]
    problems.raise_if_any()
    institutions = codes.institutions
    keys = [(institutions[row["institution_code"]], row["sale_no"], row["line_no"]) for _, row in rows]
    known = standing_by_key(SALES, keys)
    fresh = [row for (_, row), key in zip(rows, keys, strict=True) if key not in known]
    if len(fresh) > AUDITED_ONE_BY_ONE:
        # Nobody asks for these one by one again, so they need not become mappings.
        _insert_lines(fresh, codes, at=at, batch_id=batch_id)
        rest = [row for (_, row), key in zip(rows, keys, strict=True) if key in known]
    else:
        fresh, rest = [], [row for _, row in rows]
    wanted = [line_values(row, codes) | {"codes": frozenset(row.get("trace_codes") or ())} for row in rest]
    old_codes = codes_of(row["id"] for row in known.values())

    def same_codes(new: Row, old: Row) -> bool:
        return bool(new["codes"] == old_codes.get(old["id"], frozenset()))

    kept = keep(SALES, wanted, known, at=at, batch_id=batch_id, same=same_codes)
    store_codes(
        SoldCode(code, line["id"], line["sold_on"]) for line in kept.new for code in sorted(line["codes"])
    )
    if fresh:
        sum_up(SALES, len(fresh) + kept.created, len(kept.replaced), by=by, at=at)
    else:
        _write_down(codes, kept, old_codes, by=by, at=at)
    return Stored(len(fresh) + kept.created, len(kept.replaced), kept.unchanged, warnings)


def _insert_lines(rows: Sequence[Row], codes: Codes, *, at: datetime, batch_id: int | None) -> None:
    """Store lines of keys that are not known yet, which ``check_row`` has let pass; the values are ``line_values``'."""
    institutions, items = codes.institutions, codes.items
    sold_at = [row["sold_at"] for row in rows]
    days = {moment: day_in_china(moment) for moment in set(sold_at)}
    columns = {
        "institution_id": [institutions[row["institution_code"]] for row in rows],
        "sale_no": [row["sale_no"] for row in rows],
        "line_no": [row["line_no"] for row in rows],
        "item_id": [items[code] if (code := row.get("item_code")) else None for row in rows],
        "other_product": [row.get("other_product") or "" for row in rows],
        "sold_at": sold_at,
        "sold_on": [days[moment] for moment in sold_at],
        "base_units": [row["base_units"] for row in rows],
        "amount": [row["amount"] for row in rows],
        "insured": [bool(row.get("insured")) for row in rows],
        "recorded_at": [at] * len(rows),
        "import_batch_id": [batch_id] * len(rows),
    }
    coded = [(place, row["trace_codes"]) for place, row in enumerate(rows) if row.get("trace_codes")]
    if coded:
        columns["id"] = list(reserve_ids(SALES.table, len(rows)))
    insert_columns(SALES.table, columns)
    store_codes(
        SoldCode(code, columns["id"][place], columns["sold_on"][place])
        for place, given in coded
        for code in sorted(frozenset(given))
    )


def _write_down(
    codes: Codes, kept: Kept, old_codes: Mapping[int, frozenset[str]], *, by: Actor, at: datetime
) -> None:
    institutions = {row_id: code for code, row_id in codes.institutions.items()}
    items = item_codes(codes, kept)

    def shown(row: Row) -> dict[str, Any]:
        return {
            "item_code": items.get(row["item_id"], ""),
            "other_product": row["other_product"],
            "sold_at": row["sold_at"],
            "base_units": row["base_units"],
            "amount": row["amount"],
            "insured": row["insured"],
            "trace_codes": sorted(row["codes"] if "codes" in row else old_codes.get(row["id"], ())),
        }

    write_down(
        SALES,
        kept,
        lambda row: f"{institutions[row['institution_id']]} {row['sale_no']} {row['line_no']}",
        shown,
        by=by,
        at=at,
    )
