"""Codes that are scanned while goods are packed: each finds the row of its item by itself."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from flask_babel import gettext

from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.rules.scanning import Scan, ScanKind
from clinic_orders.web.distribution.forms import BatchRow, with_another
from clinic_orders.web.scanning import Note


def scan_into(
    rows: list[BatchRow], order: Order, scans: Sequence[Scan], items: Mapping[str, int]
) -> tuple[list[BatchRow], list[Note], list[str]]:
    """Put codes into the rows of their items; batch and expiry come along where the code says them.

    Args:
        rows: of the shipping form.
        order: whose lines they are.
        scans: what was scanned, in its order.
        items: the id of the item by code, where it is known.

    Returns:
        The rows; what is to be said; the codes that found no place.

    """
    notes: list[Note] = []
    homeless: list[str] = []
    filled: dict[int, BatchRow] = {}
    names = {line.line_no: line.item.generic_name for line in order.lines}
    for scan in scans:
        there = next((row for row in rows if scan.code in row.codes.split()), None)
        if there is not None:
            notes.append(
                (
                    "warn",
                    gettext(
                        "%(code)s is already on the list, at %(name)s.",
                        code=scan.code,
                        name=names[there.line_no],
                    ),
                )
            )
            continue
        line = _line_of(order, items.get(scan.code))
        if line is None:
            homeless.append(scan.code)
            notes.append(("bad", _why_not(order, scan, items)))
            continue
        rows, row = _row_for(rows, order, line, scan)
        if row is None:
            homeless.append(scan.code)
            notes.append(
                (
                    "bad",
                    gettext(
                        "%(name)s: all its packs have their codes. Raise the packs, or add a batch, and scan %(code)s again.",
                        name=names[line.line_no], code=scan.code,
                    ),
                )
            )  # fmt: skip
            continue
        row.batch_no = row.batch_no or scan.batch_no
        row.expiry = row.expiry or (scan.expiry.isoformat() if scan.expiry else "")
        if scan.kind is ScanKind.PACK:
            row.codes = f"{row.codes} {scan.code}".strip()
            filled[id(row)] = row
        else:
            notes.append(("ok", gettext("%(code)s is %(name)s.", code=scan.code, name=names[line.line_no])))
    notes += [
        (
            "ok",
            gettext(
                "%(name)s: %(done)s of %(all)s packs have their codes.",
                name=names[row.line_no], done=len(row.codes.split()), all=_packs(row),
            ),
        )
        for row in filled.values()
    ]  # fmt: skip
    return rows, notes, homeless


def _packs(row: BatchRow) -> int:
    typed = row.packs.strip()
    return int(typed) if typed.isascii() and typed.isdigit() else 0


def _line_of(order: Order, item_id: int | None) -> OrderLine | None:
    """The line of the item of which something is still to be shipped."""
    return next((line for line in order.lines if line.item_id == item_id and line.quantities.to_ship), None)


def _why_not(order: Order, scan: Scan, items: Mapping[str, int]) -> str:
    item_id = items.get(scan.code)
    line = next((line for line in order.lines if line.item_id == item_id), None)
    if item_id is None:
        text = gettext(
            "Nobody has told us yet of which item %(code)s is. Type it into the box of its item.",
            code=scan.code,
        )
    elif line is None:
        text = gettext("The item of %(code)s is not in this order. Put the pack aside.", code=scan.code)
    else:
        name = line.item.generic_name
        text = gettext(
            "%(name)s: nothing is left to be shipped. Put %(code)s aside.", name=name, code=scan.code
        )
    return str(text)


def _row_for(
    rows: list[BatchRow], order: Order, line: OrderLine, scan: Scan
) -> tuple[list[BatchRow], BatchRow | None]:
    """The row with room for the pack: of its batch where the code says one, else the first that lacks codes."""
    own = [row for row in rows if row.line_no == line.line_no]
    if scan.batch_no:
        own = [row for row in own if row.batch_no.strip() in {"", scan.batch_no}]
    room = [row for row in own if len(row.codes.split()) < _packs(row)]
    if room:
        return rows, room[0]
    if own and not scan.batch_no:
        return rows, None
    more = with_another(rows, order, line.line_no)
    new = next((row for row in more if row not in rows), None)
    return (more, new) if new is not None and _packs(new) else (rows, None)
