"""Fill one database with a province: prefecture after prefecture, the way of every file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Final

from flask import Flask
from flask_migrate import upgrade as migrate
from sqlalchemy import select, text

from clinic_orders import clock
from clinic_orders.actions.accounts import open_account
from clinic_orders.actions.demonstration import mark_all_as_demo
from clinic_orders.actions.divisions import load_divisions
from clinic_orders.actions.payables import keep_payables
from clinic_orders.cli.benchmark.world import LINES
from clinic_orders.cli.demo import RECOMMENDED, all_stored, load_catalogue, rows_of
from clinic_orders.exchange.demonstration import Demonstration, files
from clinic_orders.exchange.demonstration.province import prefectures
from clinic_orders.exchange.demonstration.world import Row
from clinic_orders.exchange.divisions import CATALOG, read_divisions
from clinic_orders.exchange.importing import import_rows
from clinic_orders.models.base import db
from clinic_orders.models.roster import Distributor, Institution, InstitutionRecord
from clinic_orders.queries.ordering import DraftRow, buyer, facts, items_on, ordering_policy
from clinic_orders.rules.days import day_in_china, start_of_day
from clinic_orders.rules.order_refusals import refusals
from clinic_orders.rules.parties import SYSTEM, InstitutionKind, Role

PASSWORD: Final = "a province of its own 1"  # noqa: S105 - nobody else knows this database.
BUYERS: Final = 3
SALES: Final = 5000
"""Rows of the file whose import is measured."""


@dataclass(slots=True)
class Province:
    """What has been filled so far.

    Attributes:
        app: on the database that grows.
        size: of each prefecture.
        months: of history.
        seed: makes it the same every time.
        at: the instant of all of it.
        count: how many prefectures there are.
        carts: of each buyer, item codes by twelves that nothing speaks against.
        sales: rows of a file that none of the prefectures holds yet.

    """

    app: Flask
    size: str
    months: int
    seed: int
    at: datetime = field(default_factory=clock.now)
    count: int = 0
    carts: dict[str, list[list[str]]] = field(default_factory=dict)
    sales: list[Row] = field(default_factory=list)

    def begin(self) -> None:
        """The empty database gets its schema, the shipped catalogue and the divisions."""
        with self.app.app_context():
            migrate()
            load_divisions(read_divisions(), by=SYSTEM, at=self.at)
            load_catalogue(self.at)
            db.session.remove()

    def grow(self, count: int, say: Callable[[str], None]) -> None:
        """Add prefectures until there are so many, then do what a server in use does by itself."""
        today = day_in_china(self.at)
        with self.app.app_context():
            for world, places in prefectures(
                self.count,
                count - self.count,
                self.size,
                months=self.months,
                seed=self.seed,
                today=today,
                now=start_of_day(today),
                divisions=read_divisions(),
                items=rows_of(RECOMMENDED / "catalogue.csv"),
                prices={
                    row["item_code"]: Decimal(row["pack_price"])
                    for row in rows_of(RECOMMENDED / "prices.csv")
                },
                policies=rows_of(CATALOG / "policies_example.csv"),
            ):
                self._add(world, places)
                self.count += 1
                say(f"{self.count} of {count}")
            keep_payables(by=SYSTEM, at=self.at)
            mark_all_as_demo(by=SYSTEM, at=self.at)
            if not self.carts:
                self._open_accounts()
            db.session.remove()
            _tidy_up()

    def _add(self, world: Demonstration, places: dict[str, list[Row]]) -> None:
        load_divisions(places, by=SYSTEM, at=self.at)
        for file in files(world):
            name = f"{world.number} {file.kind} {file.name}"
            all_stored(import_rows(file.kind, file.rows, filename=name, traced=False, by=SYSTEM, at=self.at))
            if file.kind == "sales" and len(self.sales) < SALES:
                # The same sales once more under numbers of their own, for the import that is measured.
                self.sales += [
                    row | {"sale_no": f"M{row['sale_no']}", "trace_codes": ()} for row in file.rows
                ]

    def _open_accounts(self) -> None:
        on, record = day_in_china(self.at), InstitutionRecord
        book, day = ordering_policy(), items_on(on)
        rows = db.session.execute(
            select(Institution.id, Institution.code, record.county_code)
            .join(record, record.institution_id == Institution.id)
            .where(record.valid_before.is_(None), record.kind == InstitutionKind.VILLAGE_CLINIC)
            .order_by(Institution.id)
        ).all()
        for row in rows:
            who = buyer(row.id, on=on)
            if who is None:
                continue
            held = facts(who, at=self.at, on=on, book=book)
            codes = [
                item.code
                for item in day.offered(who.kind, urgent=False)
                if not refusals(held.request(item, DraftRow(0, "1", "", None, None, None), "1"))
            ]
            if len(codes) < 10 * LINES:
                continue
            self._open(row.code, Role.INSTITUTION, institution_id=row.id)
            self.carts[row.code] = [codes[n : n + LINES] for n in range(0, len(codes) - LINES + 1, LINES)]
            if len(self.carts) == BUYERS:
                break
        county = rows[0].county_code
        distributor = db.session.execute(select(Distributor.id).order_by(Distributor.id)).scalars().first()
        self._open("scale-city", Role.CITY)
        self._open("scale-county", Role.COUNTY, county_code=county)
        self._open("scale-distributor", Role.DISTRIBUTOR, distributor_id=distributor)

    def _open(self, username: str, role: Role, **where: object) -> None:
        open_account(
            username,
            username,
            role,
            password=PASSWORD,
            must_change_password=False,
            by=SYSTEM,
            at=self.at,
            **where,  # type: ignore[arg-type]
        )


def _tidy_up() -> None:
    if db.engine.dialect.name == "sqlite":
        with db.engine.begin() as connection:
            connection.exec_driver_sql("ANALYZE")
    else:
        with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
            connection.execute(text("VACUUM ANALYZE"))
    db.engine.dispose()
