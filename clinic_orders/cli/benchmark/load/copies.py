"""Many more orders out of some: their rows over again for other institutions on earlier days, all answered and received.

Every pass copies all there is, so twenty passes make a million out of one; the database does it by itself.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import Connection, text

from clinic_orders.models.base import db

_TABLES: Final = (
    "submission",
    "purchase_order",
    "order_line",
    "order_event",
    "shipment",
    "shipment_line",
    "audit_entry",
)
_WHOSE: Final = frozenset({"institution_id", "ordering_id", "paying_id"})
# Nothing that is copied is so near that an order of today could be its duplicate.
_DAYS_BEFORE: Final = 90
_STRIDE: Final = 37
"""By so many places the institutions are moved in each pass."""


def add_copies(connection: Connection, wanted: int, *, letter: str) -> None:
    """Copy orders until there are so many.

    Args:
        connection: in a transaction; the orders that are there are answered and received first.
        wanted: how many orders there are in the end.
        letter: behind the numbers of the first pass's copies; the next ones follow. Another one for every call.

    """
    if connection.dialect.name == "postgresql":
        # What triggers and foreign keys would look at is known to be right.
        connection.execute(text("SET LOCAL session_replication_role = replica"))
    _receive_all(connection)
    step = 0
    while (have := _number(connection, "SELECT count(*) FROM purchase_order")) < wanted:
        _one_pass(connection, step, wanted - have, chr(ord(letter) + step))
        step += 1
    connection.execute(text("DELETE FROM payable_change"))
    if connection.dialect.name == "postgresql":
        for name in _TABLES:
            connection.execute(
                text(f"SELECT setval(pg_get_serial_sequence('{name}', 'id'), (SELECT max(id) FROM {name}))")  # noqa: S608
            )


def _number(connection: Connection, statement: str) -> int:
    return int(connection.execute(text(statement)).scalar_one() or 0)


def _receive_all(connection: Connection) -> None:
    """What was only sent is answered, shipped and accepted in full."""
    connection.execute(
        text(
            "UPDATE order_line SET confirmed_packs = packs, shipped_packs = packs, accepted_packs = packs"
            " WHERE confirmed_packs IS NULL"
        )
    )
    connection.execute(text("UPDATE purchase_order SET answered_at = submitted_at WHERE answered_at IS NULL"))
    connection.execute(
        text(
            "INSERT INTO shipment (receipt_no, order_id, institution_id, paying_id, distributor_id, shipped_at, delivered_at,"
            " void_reason, accepted_at, accepted_by_name, acceptance_day, payment_rule, due_on, owed, packs, version,"
            " recorded_at, updated_at) SELECT 'P' || o.order_no, o.id, o.institution_id, o.paying_id, o.distributor_id,"
            " o.submitted_at, o.submitted_at, '', o.submitted_at, '', date(o.submitted_at), 'end_of_next_month',"
            " date(o.submitted_at), o.amount, o.packs, 1, o.submitted_at, o.submitted_at FROM purchase_order o"
            " WHERE NOT EXISTS (SELECT 1 FROM shipment s WHERE s.order_id = o.id) ORDER BY o.id"
        )
    )
    connection.execute(
        text(
            "INSERT INTO shipment_line (shipment_id, order_line_id, batch_no, expiry_date, shipped_packs, invoice_no,"
            " accepted_packs, rejected_packs, reject_reason, short_expiry_reason, returned_packs)"
            " SELECT s.id, l.id, 'B1', '2040-01-01', l.packs, '', l.packs, 0, '', '', 0"
            " FROM shipment s JOIN order_line l ON l.order_id = s.order_id"
            " WHERE NOT EXISTS (SELECT 1 FROM shipment_line g WHERE g.order_line_id = l.id) ORDER BY l.id"
        )
    )


def _one_pass(connection: Connection, step: int, missing: int, letter: str) -> None:
    """Every order once more, or as many as are missing, each table by one statement."""
    shifts = {name: _number(connection, f"SELECT max(id) FROM {name}") for name in _TABLES}  # noqa: S608
    places = _number(connection, "SELECT max(id) FROM institution")
    copied = f"SELECT id FROM purchase_order ORDER BY id LIMIT {missing}"  # noqa: S608 - a number of our own.
    last = _number(connection, f"SELECT max(id) FROM ({copied}) o")  # noqa: S608
    days = _DAYS_BEFORE + 3 * 2 ** min(step, 9)
    for name in _TABLES:
        table = db.metadata.tables[name]
        values = []
        for column in table.columns:
            quoted = f't."{column.name}"'
            target = next((key.column.table.name for key in column.foreign_keys), "")
            kind = str(column.type)
            if column.name == "id":
                values.append(f"{quoted} + {shifts[name]}")
            elif target in shifts:
                values.append(f"{quoted} + {shifts[target]}")
            elif name == "audit_entry" and column.name == "subject_id":
                values.append(f"{quoted} + {shifts['purchase_order']}")
            elif column.name in _WHOSE:
                values.append(f"({quoted} + {_STRIDE * 2**step} - 1) % {places} + 1")
            elif column.unique:
                values.append(f"{quoted} || '{letter}'")
            elif kind == "DATETIME":
                values.append(_earlier(connection, quoted, days))
            else:
                values.append(quoted)
        columns = ", ".join(f'"{column.name}"' for column in table.columns)
        connection.execute(
            text(
                f'INSERT INTO "{name}" ({columns}) SELECT {", ".join(values)} FROM "{name}" t'  # noqa: S608
                f" WHERE {_PART[name].format(last=last)} ORDER BY t.id"
            )
        )


_PART: Final = {
    "submission": "t.id <= (SELECT max(submission_id) FROM purchase_order WHERE id <= {last})",
    "purchase_order": "t.id <= {last}",
    "order_line": "t.order_id <= {last}",
    "order_event": "t.order_id <= {last}",
    "shipment": "t.order_id <= {last}",
    "shipment_line": "t.shipment_id IN (SELECT s.id FROM shipment s WHERE s.order_id <= {last})",
    "audit_entry": "t.subject_type = 'order' AND t.subject_id <= {last}",
}


def _earlier(connection: Connection, column: str, days: int) -> str:
    """An instant so many days before, as this database keeps it."""
    if connection.dialect.name == "postgresql":
        return f"{column} - INTERVAL '{days} days'"
    return f"strftime('%Y-%m-%d %H:%M:%f', {column}, '-{days} days') || '000'"
