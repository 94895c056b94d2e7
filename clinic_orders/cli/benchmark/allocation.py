"""The allocation of a prefecture's payments in one ordered pass, against reading the same rows; and the money pages."""

from __future__ import annotations

import resource
from dataclasses import dataclass
from typing import Any, Final

from flask import Flask
from sqlalchemy import Connection, true

from clinic_orders import clock
from clinic_orders.actions.accounts import open_account
from clinic_orders.cli.benchmark.measuring import Rounds, Seconds, Spread, counted, timed
from clinic_orders.cli.benchmark.money import Made
from clinic_orders.cli.benchmark.visitor import Visitor
from clinic_orders.cli.context import Failed
from clinic_orders.models.base import db
from clinic_orders.models.streaming import driver_rows
from clinic_orders.queries.payables.laying import (
    Which,
    lay_out_all,
    payments_of,
    receipts_of,
    returns_of,
)
from clinic_orders.rules.parties import SYSTEM, Role

_PASSWORD: Final = "bench-2026-allocation"  # noqa: S105 - of accounts in a throw-away database.


@dataclass(frozen=True, slots=True)
class Sums:
    """What the pass found, in ten-thousandths of a yuan, and how many rows it read."""

    rows: int
    pairs: int
    open_receipts: int
    outstanding: int
    advances: int


class AllocationRounds:
    """Lays out every pair, and reads the very same rows without order and without doing anything with them."""

    def __init__(self, app: Flask, made: Made) -> None:
        self.app = app
        self.made = made
        self.rounds = Rounds()
        self.grown_kb = 0
        with app.app_context(), db.engine.connect() as connection:
            before = _memory()
            self.sums = self._lay_out(connection)
            self.grown_kb = _memory() - before
            if self._read(connection) != self.sums.rows:
                raise Failed("the pass and its floor did not read the same rows")

    def run(self) -> None:
        """One round."""
        with self.app.app_context(), db.engine.connect() as connection:
            ours, sums = timed(lambda: self._lay_out(connection))
            floor, _ = timed(lambda: self._read(connection))
            if sums != self.sums:
                raise Failed("the same rows were laid out differently")
        self.rounds.add(ours, floor)
        self.rounds.close()

    def _lay_out(self, connection: Connection) -> Sums:
        pairs = open_receipts = outstanding = advances = 0
        for _, _, laid in lay_out_all(connection, self.made.on, Which(true(), true())):
            pairs += 1
            open_receipts += len(laid.open)
            outstanding += sum(receipt.left for receipt in laid.open)
            advances += laid.ahead
        rows = self.made.receipts + self.made.returns + self.made.payments_that_count
        return Sums(rows, pairs, open_receipts, outstanding, advances)

    def _read(self, connection: Connection) -> int:
        on, count = self.made.on, 0
        for statement in (receipts_of(on), returns_of(on), payments_of(on)):
            for rows in driver_rows(connection, statement.order_by(None)):
                for _row in rows:
                    count += 1
        return count


def _memory() -> int:
    """The most memory this process has had, in kilobytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


class Page:
    """A page that shows money to somebody with many receipts."""

    def __init__(self, app: Flask, name: str, path: str, visitor: Visitor) -> None:
        self.name = name
        self.path = path
        self.visitor = visitor
        self.times: list[Seconds] = []
        visitor.get(path)
        with counted(app) as statements:
            visitor.get(path)
        self.statements = len(statements)

    def run(self) -> None:
        """Ask for it once."""
        self.times.append(self.visitor.get(self.path).seconds)

    def as_dict(self) -> dict[str, Any]:
        """For JSON; milliseconds by the clock and of this process."""
        return {
            "name": self.name,
            "path": self.path,
            "statements": self.statements,
            "ms": Spread.of([seconds.wall * 1000 for seconds in self.times]).as_dict(0),
            "processor_ms": Spread.of([seconds.cpu * 1000 for seconds in self.times]).as_dict(0),
        }


def pages(app: Flask, made: Made) -> list[Page]:
    """The money pages of the busiest distributor, of a county and of one institution."""
    at = clock.now()
    with app.app_context():
        wanted: list[tuple[str, Role, dict[str, Any], str]] = [
            ("distributor", Role.DISTRIBUTOR, {"distributor_id": made.busiest}, "/distribution/receivables"),
            ("county", Role.COUNTY, {"county_code": "410301"}, "/payables/"),
            ("institution", Role.HOSPITAL, {"institution_id": 1}, "/payables/"),
        ]
        for name, role, whose, _ in wanted:
            open_account(
                f"bench-{name}",
                name,
                role,
                password=_PASSWORD,
                must_change_password=False,
                by=SYSTEM,
                at=at,
                **whose,
            )
        db.session.remove()
    found = []
    for name, _, _, path in wanted:
        visitor = Visitor(app)
        visitor.log_in(f"bench-{name}", _PASSWORD)
        found.append(Page(app, name, path, visitor))
    return found
