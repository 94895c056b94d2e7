"""Files against their floors: a validated import against the database's own bulk load, reading against the library."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from flask import Flask
from python_calamine import CalamineWorkbook
from sqlalchemy import select, text

from clinic_orders import clock
from clinic_orders.cli.benchmark.measuring import Rounds, timed
from clinic_orders.cli.benchmark.world import World
from clinic_orders.exchange.long_files import LongFile
from clinic_orders.exchange.reading import open_file
from clinic_orders.exchange.tables import KINDS
from clinic_orders.exchange.writing import write_csv, write_xlsx
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.roster import Institution
from clinic_orders.rules.days import SHANGHAI, day_in_china
from clinic_orders.rules.parties import SYSTEM

COLUMNS: Final = (
    "institution_id", "sale_no", "line_no", "item_id", "other_product", "sold_at", "sold_on", "base_units", "amount",
    "insured", "recorded_at", "replaced_at", "replaces_id", "import_batch_id",
)  # fmt: skip
_LINES_OF_A_SALE: Final = 3


def sales(app: Flask, rows: int) -> Iterator[dict[str, Any]]:
    """Rows of sales of a month as a pharmacy's till gives them, of the institutions and items that are there."""
    with app.app_context():
        institutions = list(db.session.scalars(select(Institution.code).order_by(Institution.code)))
        items = list(db.session.scalars(select(Item.item_code).order_by(Item.item_code)))
        db.session.rollback()
    dice = random.Random(1)  # noqa: S311
    start, step = datetime(2026, 10, 1, 8, tzinfo=SHANGHAI), timedelta(days=30) / max(1, rows)
    for number in range(rows):
        sale, line = divmod(number, _LINES_OF_A_SALE)
        yield {
            "institution_code": institutions[sale % len(institutions)],
            "sale_no": f"XS202610{sale:08d}",
            "line_no": str(line + 1),
            "item_code": dice.choice(items),
            "sold_at": (start + step * (number - line)).replace(microsecond=0),
            "base_units": dice.randrange(1, 60),
            "amount": Decimal(dice.randrange(100, 9999)) / 100,
            "insured": dice.random() < 0.7,
        }


def write_sales(app: Flask, folder: Path, rows: int, form: str = "csv") -> Path:
    """A file of so many rows; one that is there already is the same."""
    path = folder / f"sales-{rows}.{form}"
    if not path.exists():
        with path.open("w+b") as out:
            (write_xlsx if form == "xlsx" else write_csv)(KINDS["sales"], sales(app, rows), out)
    return path


class ImportRounds:
    """The import of a file of sales, turn by turn with the same rows loaded by the database itself."""

    def __init__(self, world: World, file: Path, rows: int) -> None:
        self.rounds = Rounds()
        self._app = world.app
        self._file = file
        self._ready = _ready_rows(world.app, sales(world.app, rows))

    def run(self) -> None:
        """One round: each of the two on an empty table."""
        with self._app.app_context():
            self._empty()
            ours, report = timed(self._import)
            assert not report.errors
            self._empty()
            floor, _ = timed(self._load)
            self._empty()
        self.rounds.add(ours, floor)
        self.rounds.close()

    def _import(self) -> Any:
        staging = self._file.with_suffix(".rows")
        try:
            return LongFile("sales", self._file, self._file.name, staging).take_in(by=SYSTEM, at=clock.now())
        finally:
            for part in staging.parent.glob(f"{staging.name}*"):
                part.unlink()

    def _load(self) -> None:
        columns = ", ".join(COLUMNS)
        with db.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                cursor = connection.connection.cursor()
                with cursor.copy(f"COPY sale_line ({columns}) FROM STDIN (FORMAT csv)") as copy:
                    for block in self._ready:
                        copy.write(block)
                return
            places = ", ".join("?" * len(COLUMNS))
            connection.exec_driver_sql(f"INSERT INTO sale_line ({columns}) VALUES ({places})", self._ready)  # noqa: S608

    def _empty(self) -> None:
        with db.engine.begin() as connection:
            if connection.dialect.name == "postgresql":
                connection.execute(text("TRUNCATE sale_line, sale_code, repeated_code"))
            else:
                connection.execute(text("DELETE FROM repeated_code"))
                connection.execute(text("DELETE FROM sale_code"))
                connection.execute(text("DELETE FROM sale_line"))


def _ready_rows(app: Flask, rows: Iterable[dict[str, Any]]) -> list[Any]:
    """The rows as the table has them: tuples for SQLite's driver, blocks of CSV for PostgreSQL's COPY."""
    with app.app_context():
        institutions = dict(db.session.execute(select(Institution.code, Institution.id)).all())
        items = dict(db.session.execute(select(Item.item_code, Item.id)).all())
        is_postgresql = db.engine.dialect.name == "postgresql"
        db.session.rollback()
    now = clock.now().replace(tzinfo=None).isoformat(" ")
    ready = []
    for row in rows:
        sold_at = (row["sold_at"] - timedelta(hours=8)).replace(tzinfo=None)
        ready.append(
            (
                institutions[row["institution_code"]], row["sale_no"], row["line_no"], items[row["item_code"]], "",
                f"{sold_at.isoformat(' ')}.000000", day_in_china(row["sold_at"]).isoformat(), row["base_units"],
                int(row["amount"] * 10_000), row["insured"], now, None, None, None,
            )
        )  # fmt: skip
    return _as_blocks(ready) if is_postgresql else ready


def _as_blocks(rows: list[tuple[Any, ...]]) -> list[bytes]:
    blocks = []
    for start in range(0, len(rows), 2_000):
        lines = []
        for row in rows[start : start + 2_000]:
            # An empty text is no NULL, so it has its quotation marks.
            lines.append(
                ",".join("" if value is None else '""' if value == "" else str(value) for value in row)
            )
        blocks.append(("\n".join(lines) + "\n").encode())
    return blocks


class SheetRounds:
    """Reading a spreadsheet as checked values, turn by turn with the library's own reading of all its cells."""

    def __init__(self, file: Path) -> None:
        self.rounds = Rounds()
        self._file = file

    def run(self) -> None:
        """One round."""
        ours, read = timed(lambda: sum(1 for _ in open_file(KINDS["sales"], self._file).values()))
        floor, found = timed(self._library)
        assert read + 1 == found, "both read the same rows"
        self.rounds.add(ours, floor)
        self.rounds.close()

    def _library(self) -> int:
        sheet = CalamineWorkbook.from_path(str(self._file)).get_sheet_by_index(0)
        return sum(1 for _ in sheet.iter_rows())


# A process begins with the peak of the one that started it, so that a small one in between is needed to measure by.
_MEASURING: Final = (
    "import resource, subprocess, sys; "
    "code = subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=False).returncode; "
    "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss); "
    "sys.exit(code)"
)


def peak_of_import(app: Flask, file: Path) -> int:
    """The most memory, in KB, that a process of its own takes while it imports a file at the console.

    Raises:
        RuntimeError: the import failed.

    """
    settings = app.extensions["settings"]
    environment = os.environ | {
        "CLINIC_ORDERS_DATABASE_URL": settings.database_url,
        "CLINIC_ORDERS_INSTANCE": str(settings.instance),
        "CLINIC_ORDERS_SECRET_KEY": "bench",
    }
    command = ["-m", "clinic_orders", "import", "sales", str(file), "--format", "json"]
    measured = subprocess.run(
        [sys.executable, "-c", _MEASURING, sys.executable, *command],
        env=environment, stdout=subprocess.PIPE, text=True, check=False,
    )  # fmt: skip
    if measured.returncode:
        raise RuntimeError(f"the import of {file.name} failed")
    return int(measured.stdout)
