"""The good rows of a long file between reading and storing, in a small database of their own beside the file.

Nothing of the office's database is held while a file is read, however long that takes; the memory does not grow
with the file; and a reading that was cut off goes on behind the last rows that were kept. Two rows with one natural
key are found here, and rows that must be stored together come out together, wherever they stood in the file.
"""

from __future__ import annotations

import json
import pickle
import sqlite3
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any, Final

from clinic_orders.exchange.kinds import Kind
from clinic_orders.exchange.reading import Reading, limits
from clinic_orders.exchange.reading.refusals import RowTwice

# So many rows are kept at once, and so many are stored by one call.
BLOCK: Final = 1_000
PART: Final = 2_500
_BETWEEN: Final = "\x1f"

NumberedValues = tuple[int, Sequence[Any]]
NumberedRows = list[tuple[int, dict[str, Any]]]
Progress = Callable[[float], None]


class Staging:
    """A file's rows on their way.

    Attributes:
        path: of the small database; it is ours alone, mode 600, and goes with the file.
        kind: of the file.

    """

    def __init__(self, path: Path, kind: Kind) -> None:
        self.path = path
        self.kind = kind
        self._twice: set[int] = set()
        path.touch(mode=0o600)
        self._database = sqlite3.connect(path, isolation_level=None)
        for pragma in ("journal_mode=WAL", "synchronous=NORMAL", "cache_size=-2048", "temp_store=FILE"):
            self._database.execute(f"PRAGMA {pragma}")
        self._database.execute(
            "CREATE TABLE IF NOT EXISTS block (number INTEGER PRIMARY KEY, together TEXT, rows BLOB)"
        )
        self._database.execute("CREATE TABLE IF NOT EXISTS natural_key (words TEXT, number INTEGER)")
        self._database.execute("CREATE TABLE IF NOT EXISTS state (name TEXT PRIMARY KEY, value TEXT)")

    def close(self) -> None:
        """Let go of the database."""
        self._database.close()

    def fill(self, reading: Reading, progress: Progress = lambda _share: None) -> None:
        """Keep the good rows of a file; what was kept before a crash is not read again, only its bad rows are."""
        before: dict[str, Any] = self._state("read") or {"after": 0, "refused": []}
        after, refused = int(before["after"]), frozenset(before["refused"])
        block: list[NumberedValues] = []
        for number, values in reading.values(after=after, refused=refused):
            block.append((number, values))
            if len(block) >= BLOCK:
                self._keep(block, reading)
                progress(reading.share)
                block = []
        self._keep(block, reading)
        self._find_twice(reading)

    def parts(self) -> Iterator[NumberedRows]:
        """The rows by column name, in parts that hold together what has to be stored together."""
        names = [column.name for column in self.kind.columns]
        part: NumberedRows = []
        last: str | None = None
        # A cursor of its own: the order is made outside of the memory where there are many.
        for together, rows in self._database.execute(
            "SELECT together, rows FROM block ORDER BY together, number"
        ):
            is_whole = self.kind.stored_together is None
            if len(part) >= PART and not is_whole and (together != last or not together):
                yield part
                part = []
            last = together
            # Only this program writes the file, and nobody else may.
            for number, values in pickle.loads(rows):  # noqa: S301
                if number not in self._twice:
                    part.append((number, dict(zip(names, values, strict=True))))
        if part:
            yield part

    def _keep(self, block: list[NumberedValues], reading: Reading) -> None:
        """Write some rows and how far the file was read, both or neither."""
        if not block:
            return
        names = [column.name for column in self.kind.columns]
        keys = [names.index(name) for name in self.kind.key + self.kind.also_distinct_by]
        with self._whole():
            self._database.executemany(
                "INSERT INTO natural_key VALUES (?, ?)",
                zip(
                    map(
                        _BETWEEN.join,
                        zip(*[[str(values[key]) for _, values in block] for key in keys], strict=True),
                    ),
                    [number for number, _ in block],
                    strict=True,
                ),
            )
            if self.kind.stored_together:
                groups = [names.index(name) for name in self.kind.stored_together]
                self._database.executemany(
                    "INSERT INTO block VALUES (?, ?, ?)",
                    [
                        (row[0], _BETWEEN.join([str(row[1][group]) for group in groups]), pickle.dumps([row]))
                        for row in block
                    ],
                )
            else:
                self._database.execute(
                    "INSERT INTO block VALUES (?, '', ?)", (block[0][0], pickle.dumps(block))
                )
            refused = sorted({problem.row for problem in reading.problems if problem.row is not None})
            self._remember("read", {"after": block[-1][0], "refused": refused})

    def _find_twice(self, reading: Reading) -> None:
        """Refuse the rows whose natural key stands in the file before."""
        names = self.kind.key + self.kind.also_distinct_by
        first, last = 0, None
        for words, number in self._database.execute(
            "SELECT words, number FROM natural_key WHERE words IN"
            " (SELECT words FROM natural_key GROUP BY words HAVING count(*) > 1) ORDER BY words, number"
        ):
            if words != last:
                first, last = number, words
                continue
            self._twice.add(number)
            if len(reading.problems) >= limits.MAX_PROBLEMS:
                return
            values = zip(names, words.split(_BETWEEN), strict=True)
            key = ", ".join(f"{name} {value}" for name, value in values if value not in ("", "None"))
            reading.refuse(number, RowTwice(first=first, key=key), names[0], words.split(_BETWEEN)[0])

    def _state(self, name: str) -> Any:
        found = self._database.execute("SELECT value FROM state WHERE name = ?", (name,)).fetchone()
        return None if found is None else json.loads(found[0])

    def _remember(self, name: str, value: object) -> None:
        self._database.execute("INSERT OR REPLACE INTO state VALUES (?, ?)", (name, json.dumps(value)))

    def _whole(self) -> _Whole:
        return _Whole(self._database)


class _Whole:
    """A transaction of the small database."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database

    def __enter__(self) -> None:
        self._database.execute("BEGIN")

    def __exit__(self, error: type[BaseException] | None, *_: object) -> None:
        self._database.execute("COMMIT" if error is None else "ROLLBACK")
