"""Where a long file lies while it is taken in: a folder of its own in the instance, readable for its owner alone.

``data`` is the file, ``rows.sqlite3`` its good rows on their way, ``life.json`` what the process at work on it says of
itself, ``differences.sqlite3`` what a trial would do, ``errors.csv`` and ``errors.xlsx`` the refused rows. Everything but the errors goes when the import has ended.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Final

from clinic_orders.exchange.keeping import KeptFile

FOLDER: Final = "imports"


@dataclass(frozen=True, slots=True)
class Life:
    """What a process says of itself beside the database, which SQLite does not let it write to while it stores.

    Attributes:
        attempt: of the import that it is.
        storing: whether it stores, else it reads.
        share: of reading or storing that is done, 0 to 1.
        rows: read or stored so far.
        at: when it said so.

    """

    attempt: int
    storing: bool
    share: float
    rows: int
    at: datetime


@dataclass(frozen=True, slots=True)
class ImportFolder:
    """The folder of one import.

    Attributes:
        instance: the instance folder.
        token: the random name of the import.

    """

    instance: Path
    token: str

    @property
    def path(self) -> Path:
        """The folder."""
        return self.instance / FOLDER / self.token

    @property
    def source(self) -> Path:
        """The file itself."""
        return self.path / "data"

    @property
    def staging(self) -> Path:
        """Its rows on their way."""
        return self.path / "rows.sqlite3"

    @property
    def differences(self) -> Path:
        """What a trial of it would do."""
        return self.path / "differences.sqlite3"

    def errors(self, form: str) -> Path:
        """The error file, ``csv`` or ``xlsx``."""
        return self.path / f"errors.{form}"

    def take(self, kept: KeptFile) -> None:
        """Move an upload in.

        Raises:
            FileNotFoundError: it was moved already, as by a second press of the button.

        """
        self.path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.path.mkdir(mode=0o700, exist_ok=True)
        try:
            kept.path.rename(self.source)
        except FileNotFoundError:
            with suppress(OSError):
                self.path.rmdir()
            raise
        self.source.chmod(0o600)
        kept.remove()

    def say(self, life: Life) -> None:
        """Write down that a process is alive; a folder that is gone stays gone."""
        text = json.dumps(
            {
                "attempt": life.attempt,
                "storing": life.storing,
                "share": round(life.share, 4),
                "rows": life.rows,
                "at": life.at.isoformat(),
            }
        )
        new = self.path / f"life.{life.attempt}.new"
        # A reader finds the old words or the new ones, never half of them.
        with suppress(OSError):
            new.write_text(text, encoding="ascii")
            new.replace(self.path / "life.json")

    def life(self) -> Life | None:
        """What the last process said; None if none did."""
        try:
            said = json.loads((self.path / "life.json").read_text(encoding="ascii"))
        except (OSError, ValueError):
            return None
        return Life(
            said["attempt"], said["storing"], said["share"], said["rows"], datetime.fromisoformat(said["at"])
        )

    def keep_errors_only(self) -> None:
        """Take away the file and its rows; what was refused can still be fetched."""
        with suppress(OSError):
            for path in self.path.iterdir():
                if not path.name.startswith("errors."):
                    path.unlink(missing_ok=True)

    def remove(self) -> None:
        """Take everything away."""
        shutil.rmtree(self.path, ignore_errors=True)


def folders(instance: Path) -> Iterator[ImportFolder]:
    """All there are."""
    found = instance / FOLDER
    for path in sorted(found.iterdir()) if found.is_dir() else ():
        yield ImportFolder(instance, path.name)
