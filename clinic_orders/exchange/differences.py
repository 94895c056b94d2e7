"""All that a tried file would do to records, in a small database of their own beside it: looked through, fetched whole.

The trial is taken back, so what it did stands nowhere else. The file goes when its import is stored or given up.
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, Final

from clinic_orders.models.exchange import RecordChange
from clinic_orders.queries.batches import ShownRecord, kept_form, shown_again

_PART: Final = 2000
SORTS: Final = {"file": "id", "name": "name"}


@dataclass(frozen=True, slots=True)
class Differences:
    """The differences of one file.

    Attributes:
        path: of the small database; ours alone, mode 600.

    """

    path: Path

    def keep(self, records: Iterable[ShownRecord]) -> int:
        """Write them down in the order in which they come, instead of what was there; answers how many there are."""
        self.path.unlink(missing_ok=True)
        self.path.touch(mode=0o600)
        count = 0
        with closing(sqlite3.connect(self.path)) as database, database:
            # Lost with the process, it is made anew with the trial.
            database.execute("PRAGMA synchronous=OFF")
            database.execute("PRAGMA journal_mode=OFF")
            database.execute(
                "CREATE TABLE difference (id INTEGER PRIMARY KEY, name TEXT, change TEXT, record TEXT)"
            )
            found = iter(records)
            while part := list(islice(found, _PART)):
                count += len(part)
                database.executemany(
                    "INSERT INTO difference (name, change, record) VALUES (?, ?, ?)",
                    [
                        (one.name, one.change.value, json.dumps(kept_form(one), ensure_ascii=False))
                        for one in part
                    ],
                )
            database.execute("CREATE INDEX by_change ON difference (change)")
        return count

    def count(self, words: str = "", change: str = "") -> int:
        """How many have all the words in their name, and were changed in a way ("" = any)."""
        where, values = _where(words, change)
        with self._open() as database:
            return int(database.execute(f"SELECT count(*) FROM difference{where}", values).fetchone()[0])  # noqa: S608

    def rows(
        self,
        words: str = "",
        change: str = "",
        *,
        sort: str = "file",
        offset: int = 0,
        limit: int | None = None,
    ) -> Iterator[ShownRecord]:
        """Those records in an order of ``SORTS`` (``-`` = downwards); never all of them in memory."""
        where, values = _where(words, change)
        column = SORTS[sort.removeprefix("-")]
        way = "DESC" if sort.startswith("-") else "ASC"
        statement = f"SELECT record FROM difference{where} ORDER BY {column} {way}, id {way} LIMIT ? OFFSET ?"  # noqa: S608
        with self._open() as database:
            for (record,) in database.execute(statement, (*values, -1 if limit is None else limit, offset)):
                yield shown_again(json.loads(record))

    def _open(self) -> closing[sqlite3.Connection]:
        return closing(sqlite3.connect(f"{self.path.absolute().as_uri()}?mode=ro", uri=True))


def _where(words: str, change: str) -> tuple[str, Sequence[Any]]:
    """The condition with its values; every word is a value, never a part of the statement."""
    conditions = ["instr(lower(name), lower(?)) > 0" for _ in words.split()]
    values: list[Any] = words.split()
    if change:
        conditions.append("change = ?")
        values.append(RecordChange(change).value)
    return (f" WHERE {' AND '.join(conditions)}" if conditions else ""), values
