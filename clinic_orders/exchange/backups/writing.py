"""Write a backup while others go on working."""

from __future__ import annotations

import fcntl
import os
import tempfile
import zipfile
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from sqlalchemy import URL, make_url

from clinic_orders.exchange.backups import postgres, sqlite
from clinic_orders.exchange.backups.manifest import FORMAT, Manifest, add_part
from clinic_orders.rules.errors import N_, RuleBroken

# Folders of the instance that hold nothing worth keeping.
NOT_KEPT: Final = frozenset({"alipay", "backups", "exports", "imports", "peers"})
FILES: Final = "files/"


class AlreadyThere(RuleBroken):
    """A backup never overwrites a file."""

    message = N_("%(file)s is already there. Choose another name.")


class NothingToBackUp(RuleBroken):
    """There is no schema yet."""

    message = N_("The database is empty, there is nothing to back up. Run: clinic-orders db upgrade")


class ServingLock:
    """Says on this machine that an instance is being served, or that it is being restored; both never at once.

    The operating system gives the lock back when a process ends in whatever way.
    """

    def __init__(self, instance: Path, *, alone: bool) -> None:
        """Take the lock.

        Args:
            instance: the instance folder.
            alone: True for a restore, which tolerates nobody; False for servers, of which there may be many.

        Raises:
            sqlite.InUse: somebody holds it in the other way.

        """
        instance.mkdir(parents=True, exist_ok=True)
        self._file = (instance / "serving.lock").open("a")
        try:
            fcntl.flock(self._file, (fcntl.LOCK_EX if alone else fcntl.LOCK_SH) | fcntl.LOCK_NB)
        except BlockingIOError as error:
            self._file.close()
            raise sqlite.InUse from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()

    def release(self) -> None:
        """Give the lock back."""
        self._file.close()


def sqlite_file(url: URL) -> Path:
    """Where an SQLite database lies."""
    return Path(url.database or "").resolve()


def write_backup(target: Path, *, database_url: str, instance: Path, at: datetime) -> Manifest:
    """Write a consistent backup, whole or not at all, while others go on working.

    Args:
        target: the new file; readable by its owner only, since it holds people's data.
        database_url: of the database.
        instance: the instance folder, whose sub-folders hold uploaded files. The secret key is left out.
        at: the instant that is written into it.

    Raises:
        AlreadyThere, NothingToBackUp, postgres.ToolMissing, postgres.ToolFailed: nothing was written.
        OSError: the disk is full, or the folder can't be written to.

    """
    if target.exists():
        raise AlreadyThere(file=target.name)
    url = make_url(database_url)
    target = target.resolve()
    with tempfile.TemporaryDirectory(prefix=".backup-", dir=target.parent) as folder:
        copy = Path(folder) / "database"
        if url.drivername.startswith("sqlite"):
            kind, name = "sqlite", sqlite.NAME
            if not sqlite_file(url).exists():
                raise NothingToBackUp
            sqlite.copy(sqlite_file(url), copy)
            migration, rows, head = sqlite.facts(copy)
        else:
            kind, name = "postgresql", postgres.NAME
            migration, rows, head = postgres.dump(url, copy)
        if not migration:
            raise NothingToBackUp
        part_file = Path(folder) / "backup"
        with os.fdopen(os.open(part_file, os.O_RDWR | os.O_CREAT | os.O_EXCL, 0o600), "w+b") as out:
            # pg_dump compresses by itself; the least compression makes an SQLite file a quarter.
            with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
                parts = [add_part(archive, copy, name)]
                parts += [
                    add_part(archive, file, FILES + file.relative_to(instance).as_posix())
                    for file in _uploaded(instance)
                ]
                manifest = Manifest(
                    FORMAT, version("clinic-orders"), at.astimezone(UTC).isoformat(timespec="seconds"),
                    kind, migration, rows, head, tuple(parts),
                )  # fmt: skip
                manifest.write(archive)
            out.flush()
            os.fsync(out.fileno())
        # Unlike a renaming, a link never takes the place of a file that appeared meanwhile.
        os.link(part_file, target)
    return manifest


def _uploaded(instance: Path) -> list[Path]:
    """The files in the instance's sub-folders; what lies in it directly is the database, keys and log-ins."""
    if not instance.is_dir():
        return []
    return sorted(
        file
        for folder in instance.iterdir()
        if folder.is_dir() and not folder.is_symlink() and not folder.name.startswith(".") and folder.name not in NOT_KEPT
        for file in folder.rglob("*")
        if file.is_file() and not file.is_symlink()
    )  # fmt: skip
