"""Restore a backup: verify everything on a scratch copy, then replace in one step, keeping what was there aside."""

from __future__ import annotations

import os
import secrets
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from sqlalchemy import URL, make_url

from clinic_orders.exchange.backups import postgres, sqlite
from clinic_orders.exchange.backups.manifest import (
    BackupDamaged,
    BackupTooNew,
    Manifest,
    open_backup,
    take_out,
)
from clinic_orders.exchange.backups.writing import FILES, ServingLock, sqlite_file
from clinic_orders.rules.errors import N_, RuleBroken


class OtherDatabase(RuleBroken):
    """SQLite's files can't be read by PostgreSQL, and the other way round."""

    message = N_(
        "This backup is of %(backup)s, but CLINIC_ORDERS_DATABASE_URL names %(here)s. "
        "Restore it where it came from. Nothing was changed."
    )


class DoesNotHold(RuleBroken):
    """The backup can be read, but its records do not agree."""

    message = N_("The restored records do not agree: %(what)s Nothing was changed; take an older backup.")


@dataclass(frozen=True, slots=True)
class Restored:
    """What a restore did.

    Attributes:
        manifest: of the backup.
        migrated: whether the schema was brought to the newest migration on the way.
        aside: where what was there before is kept; empty if there was nothing.

    """

    manifest: Manifest
    migrated: bool
    aside: str


# Bring a database, given by its address, to the newest migration and answer what db check finds in it.
Verify = Callable[[str], Sequence[str]]


def restore_backup(
    source: Path,
    *,
    database_url: str,
    instance: Path,
    known_migrations: Sequence[str],
    verify: Verify,
    at: datetime,
) -> Restored:
    """Verify a backup on a scratch copy, then put it in the place of the database and the uploaded files.

    Args:
        source: the backup.
        database_url: what is replaced.
        instance: the instance folder, whose sub-folders of uploaded files are replaced; the secret key stays.
        known_migrations: all migrations of this program, the newest first.
        verify: migrates a scratch database to the newest schema and answers what does not agree in it.
        at: the instant, for the names of what is kept aside.

    Raises:
        RuleBroken: it is damaged, foreign, too new, of another database, does not hold together, or somebody
            is working in the database; nothing was changed.
        OSError: the disk is full, or something can't be written; nothing was changed.

    """
    url = make_url(database_url)
    archive, manifest = open_backup(source)
    with archive:
        here = "sqlite" if url.drivername.startswith("sqlite") else "postgresql"
        if manifest.database != here:
            raise OtherDatabase(backup=manifest.database, here=here)
        if manifest.migration not in known_migrations:
            raise BackupTooNew(file=source.name, version=manifest.version, migration=manifest.migration)
        instance.mkdir(parents=True, exist_ok=True)
        with ServingLock(instance, alone=True), _scratch_folder(instance) as folder:
            _take_out_files(archive, manifest, folder / "files", source.name)
            stamp = f"{at:%Y%m%dT%H%M%S}"
            restore = _restore_sqlite if here == "sqlite" else _restore_postgres
            aside = restore(url, archive, manifest, folder, source.name, verify, stamp, instance)
    return Restored(manifest, manifest.migration != known_migrations[0], aside)


@contextmanager
def _scratch_folder(instance: Path) -> Iterator[Path]:
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=instance) as folder:
        yield Path(folder)


def _database_part(
    archive: zipfile.ZipFile, manifest: Manifest, name: str, target: Path, backup: str
) -> None:
    part = next((part for part in manifest.parts if part.name == name), None)
    if part is None:
        raise BackupDamaged(file=backup, what=f"{name} is missing")
    with os.fdopen(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        take_out(archive, part, out, backup)
        out.flush()
        os.fsync(out.fileno())


def _take_out_files(archive: zipfile.ZipFile, manifest: Manifest, folder: Path, backup: str) -> None:
    folder.mkdir()
    for part in manifest.parts:
        if not part.name.startswith(FILES):
            continue
        inner = PurePosixPath(part.name.removeprefix(FILES))
        # A name that leads out of the folder was never written by backup.
        if inner.is_absolute() or ".." in inner.parts or len(inner.parts) < 2:
            raise BackupDamaged(file=backup, what=part.name)
        target = folder / inner
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("wb") as out:
            take_out(archive, part, out, backup)


def _check_facts(manifest: Manifest, found: tuple[str, dict[str, int], str], backup: str) -> None:
    if found != (manifest.migration, dict(manifest.rows), manifest.audit_head):
        raise BackupDamaged(file=backup, what="other rows than its manifest says")


def _restore_sqlite(
    url: URL, archive: zipfile.ZipFile, manifest: Manifest, folder: Path, backup: str, verify: Verify,
    stamp: str, instance: Path,
) -> str:  # fmt: skip
    database = sqlite_file(url)
    # Beside the database, so that the last step is a renaming within one file system.
    scratch = database.with_name(f".{database.name}.{secrets.token_hex(4)}")
    try:
        _database_part(archive, manifest, sqlite.NAME, scratch, backup)
        sqlite.check_readable(scratch, backup)
        _check_facts(manifest, sqlite.facts(scratch), backup)
        _verify(verify, f"sqlite:///{scratch}")
        aside = database.with_name(f"{database.name}.replaced-{stamp}")
        had_one = database.exists()
        with _files_replaced(folder / "files", instance, stamp):
            sqlite.replace(database, scratch, aside)
    finally:
        for rest in ("", "-wal", "-shm", "-journal"):
            scratch.with_name(scratch.name + rest).unlink(missing_ok=True)
    return str(aside) if had_one else ""


def _restore_postgres(
    url: URL, archive: zipfile.ZipFile, manifest: Manifest, folder: Path, backup: str, verify: Verify,
    stamp: str, instance: Path,
) -> str:  # fmt: skip
    dumped = folder / "dump"
    _database_part(archive, manifest, postgres.NAME, dumped, backup)
    # PostgreSQL cuts names behind 63 characters.
    scratch = f"{(url.database or '')[:40]}_{secrets.token_hex(4)}"
    aside = f"{(url.database or '')[:40]}_replaced_{stamp.lower()}"
    try:
        postgres.load(url, scratch, dumped, backup)
        _check_facts(manifest, postgres.facts(url, scratch), backup)
        _verify(verify, url.set(database=scratch).render_as_string(hide_password=False))
        with _files_replaced(folder / "files", instance, stamp):
            had_one = postgres.replace(url, scratch, aside)
    finally:
        postgres.remove(url, scratch)
    return aside if had_one else ""


def _verify(verify: Verify, scratch_url: str) -> None:
    found = list(verify(scratch_url))
    if found:
        raise DoesNotHold(what="; ".join(found[:3]))


@contextmanager
def _files_replaced(new: Path, instance: Path, stamp: str) -> Iterator[None]:
    """Put the folders of uploaded files in their places, and back if what happens inside fails."""
    aside = instance / f".replaced-{stamp}"
    moved: list[tuple[Path, Path]] = []

    def move(source: Path, target: Path) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        source.rename(target)
        moved.append((source, target))

    try:
        for folder in sorted(new.iterdir()):
            if (instance / folder.name).exists():
                move(instance / folder.name, aside / folder.name)
            move(folder, instance / folder.name)
        yield
    except BaseException:
        for source, target in reversed(moved):
            target.rename(source)
        shutil.rmtree(aside, ignore_errors=True)
        raise
