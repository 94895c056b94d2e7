"""Submitting 12 lines through the whole path, against the same inserts by SQLAlchemy Core on the same database."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

from sqlalchemy import Engine, Insert, String, Table, UniqueConstraint, func, insert, select

from clinic_orders.cli.benchmark.measuring import Rounds, Seconds, counted, mean, timed
from clinic_orders.cli.benchmark.world import LINES, Clinic, World
from clinic_orders.cli.context import Failed
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db

CHECK: Final = "/order/check"
SEND: Final = "/order/send"
SENT: Final = "/order/sent/"

Rows = list[tuple[Table, list[dict[str, Any]]]]


@dataclass(frozen=True, slots=True)
class SubmissionFacts:
    """What the last submission wrote: the number of new rows by table."""

    rows: dict[str, int]


class SubmissionRounds:
    """Each clinic sends an order; then the rows it made are inserted once more by Core, and taken out again.

    The floor is as low as it can be: the rows are ready as values, their keys are known, nothing is read or
    checked, each table is one executemany, all of it is one transaction with its commit. Taking the copies out
    again is not timed; it keeps the tables as the application made them.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.rounds = Rounds()
        self.drafts: list[float] = []
        self.last_whole = Seconds(0, 0)
        self.facts = SubmissionFacts({})
        with world.app.app_context():
            self.engine: Engine = db.engine
        self.copier = Copier(self.engine)
        # The first of everything is not like the others: statements are compiled, the day's series begins.
        last = world.clinics[-1]
        self._one(last)
        form, _ = self._form(last)
        with counted(world.app) as statements:
            last.visitor.send(SEND, form, leads_to=SENT)
        self.statements = len(statements)

    def run(self) -> None:
        """One round: an order of every clinic.

        Afterwards ``last_whole`` is the round's mean of typing and sending together, for the peers, whose
        orders begin with an empty basket.
        """
        wholes: list[Seconds] = []
        for clinic in self.world.clinics:
            ours, floor, drafted = self._one(clinic)
            self.rounds.add(ours, floor)
            self.drafts.append(drafted.wall)
            wholes.append(ours.plus(drafted))
        self.rounds.close()
        self.last_whole = mean(wholes)

    def _form(self, clinic: Clinic) -> tuple[dict[str, str], Seconds]:
        """A filled cart's form to send, and the seconds in which the application took the 12 numbers typed."""
        visitor = clinic.visitor
        token = visitor.fields(visitor.get("/order"), "/order")["csrf_token"]
        cart = {f"q-{code}": packs for code, packs in self.world.next_cart(clinic).items()}
        draft = visitor.send("/order", {**cart, "do": "check", "csrf_token": token}, leads_to=CHECK)
        return visitor.fields(visitor.get(CHECK), SEND), draft.seconds

    def _one(self, clinic: Clinic) -> tuple[Seconds, Seconds, Seconds]:
        """The seconds of sending an order, of its floor, and of typing it before."""
        form, drafted = self._form(clinic)
        before = self.copier.last_keys()
        sent = clinic.visitor.send(SEND, form, leads_to=SENT)
        rows = self.copier.rows_since(before)
        counts = {table.name: len(found) for table, found in rows}
        if counts.get("order_line") != LINES:
            raise Failed(f"a submission of {LINES} lines wrote {counts}")
        self.facts = SubmissionFacts(counts)
        return sent.seconds, self.copier.insert_again(rows), drafted


class Copier:
    """Reads what a deed inserted, and inserts the same once more under other keys.

    It reads in transactions that end by COMMIT: a ROLLBACK would take the application's requests their prepared
    statements (see ``end_reading``).
    """

    def __init__(self, engine: Engine) -> None:
        self.engine = engine
        self._texts = itertools.count(1)
        self._tables = [table for table in db.metadata.sorted_tables if "id" in table.primary_key.columns]
        self._statements: dict[Table, Insert] = {table: insert(table) for table in self._tables}
        self._unique = {table: _unique_texts(table) for table in self._tables}

    def last_keys(self) -> dict[Table, int]:
        """The highest key of every table."""
        with self.engine.begin() as connection:
            return {table: connection.scalar(select(func.max(table.c.id))) or 0 for table in self._tables}

    def rows_since(self, keys: dict[Table, int]) -> Rows:
        """The rows inserted since, tables in the order in which they refer to each other."""
        found: Rows = []
        with self.engine.begin() as connection:
            for table in self._tables:
                rows = connection.execute(select(table).where(table.c.id > keys[table]).order_by(table.c.id))
                values = [dict(row) for row in rows.mappings()]
                if values:
                    found.append((table, values))
        return found

    def insert_again(self, rows: Rows) -> Seconds:
        """Insert the rows under fresh keys in one transaction and take them out again; the time of the first.

        On SQLite the copies in the audit stay, which refuses to forget; the next keys come after them.
        """
        fresh = self._fresh(rows)
        statements = [(self._statements[table], values) for table, values in fresh]

        def work() -> None:
            with self.engine.begin() as connection:
                for statement, values in statements:
                    connection.execute(statement, values)

        seconds, _ = timed(work)
        on_postgresql = self.engine.dialect.name == "postgresql"
        with self.engine.begin() as connection:
            if on_postgresql:
                # The audit refuses to forget, and its copies would stand in the way of the sequence of its keys.
                connection.exec_driver_sql("SET LOCAL session_replication_role = replica")
            for table, values in reversed(fresh):
                if on_postgresql or table.name != AuditEntry.__tablename__:
                    connection.execute(table.delete().where(table.c.id.in_([row["id"] for row in values])))
        return seconds

    def many(self, rows: Rows, count: int, *, first: int = 0) -> Iterator[Rows]:
        """So many copies of the rows, each under keys of its own; those before ``first`` are left to others."""
        width = max(len(values) for _, values in rows)
        for number in range(first, first + count):
            yield self._fresh(rows, ahead=number * width)

    def _fresh(self, rows: Rows, ahead: int = 0) -> Rows:
        """The same rows with the keys that come next, or so many behind them, references among them followed."""
        keys: dict[tuple[Table, int], int] = {}
        for table, values in rows:
            last = max(row["id"] for row in values) + ahead
            for place, row in enumerate(values, start=1):
                keys[table, row["id"]] = last + place
        fresh: Rows = []
        for table, values in rows:
            copies = []
            for row in values:
                copy = dict(row)
                copy["id"] = keys[table, row["id"]]
                for column in table.columns:
                    for key in column.foreign_keys:
                        target = (key.column.table, row[column.key])
                        copy[column.key] = keys.get(target, row[column.key])
                for name in self._unique[table]:
                    copy[name] = f"floor-{ahead}-{next(self._texts)}"
                copies.append(copy)
            fresh.append((table, copies))
        return fresh


def _unique_texts(table: Table) -> list[str]:
    """The text columns that no two rows may share."""
    alone = {
        next(iter(constraint.columns)).key
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint) and len(constraint.columns) == 1
    }
    return [
        column.key
        for column in table.columns
        if isinstance(column.type, String)
        and (column.unique or column.key in alone)
        and not column.foreign_keys
    ]
