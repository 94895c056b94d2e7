"""What a backup says of itself, and how it is checked: nothing of a file is believed that its hashes do not witness."""

from __future__ import annotations

import hashlib
import json
import zipfile
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, BinaryIO, Final

from clinic_orders.rules.errors import N_, RuleBroken

FORMAT: Final = 1
NAME: Final = "manifest.json"
WITNESS: Final = "manifest.sha256"
_PART: Final = 1 << 20


class NotABackup(RuleBroken):
    """A file that ``backup`` did not write."""

    message = N_("%(file)s is no backup of Clinic Orders. Nothing was changed.")


class BackupDamaged(RuleBroken):
    """The file is not as it was written."""

    message = N_("%(file)s is damaged: %(what)s. Take an older backup. Nothing was changed.")


class BackupTooNew(RuleBroken):
    """A newer program wrote it."""

    message = N_(
        "%(file)s was written by a newer version (%(version)s, migration %(migration)s). "
        "Install that version first. Nothing was changed."
    )


@dataclass(frozen=True, slots=True)
class Part:
    """A file inside the backup: its name, its length in bytes, its SHA-256 in hexadecimal."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself.

    Attributes:
        format: of the backup itself.
        version: of the program that wrote it.
        made_at: the instant, ISO 8601 in UTC.
        database: ``sqlite`` or ``postgresql``.
        migration: the schema's migration.
        rows: number of rows by table.
        audit_head: position and digest of the audit chain's head, or empty.
        parts: the database and the uploaded files.

    """

    format: int
    version: str
    made_at: str
    database: str
    migration: str
    rows: Mapping[str, int]
    audit_head: str
    parts: tuple[Part, ...] = field(default=())

    def as_dict(self) -> dict[str, Any]:
        """For JSON."""
        return asdict(self)

    def write(self, archive: zipfile.ZipFile) -> None:
        """Put it into a backup, with the hash that witnesses it."""
        content = json.dumps(self.as_dict(), ensure_ascii=False, indent=1, sort_keys=True).encode()
        archive.writestr(NAME, content)
        archive.writestr(WITNESS, hashlib.sha256(content).hexdigest())


def add_part(archive: zipfile.ZipFile, source: Path, name: str) -> Part:
    """Put a file into a backup under a name."""
    digest, size = hashlib.sha256(), 0
    with source.open("rb") as file, archive.open(name, "w", force_zip64=True) as inside:
        while content := file.read(_PART):
            digest.update(content)
            size += len(content)
            inside.write(content)
    return Part(name, size, digest.hexdigest())


def open_backup(path: Path) -> tuple[zipfile.ZipFile, Manifest]:
    """Open a backup and read what it says of itself; its parts are not looked at yet.

    Raises:
        NotABackup, BackupDamaged, BackupTooNew: nothing was changed.
        OSError: the file can't be read.

    """
    with path.open("rb") as file:
        is_zip = file.read(2) == b"PK"
    try:
        archive = zipfile.ZipFile(path)
    except zipfile.BadZipFile as error:
        if is_zip:
            raise BackupDamaged(file=path.name, what="its end is missing") from error
        raise NotABackup(file=path.name) from error
    try:
        if not {NAME, WITNESS} <= set(archive.namelist()):
            raise NotABackup(file=path.name)
        content, witness = archive.read(NAME), archive.read(WITNESS).decode()
        if hashlib.sha256(content).hexdigest() != witness:
            raise BackupDamaged(file=path.name, what="the hash of its manifest is another")
        said = json.loads(content)
        if said["format"] > FORMAT:
            raise BackupTooNew(file=path.name, version=said["version"], migration=said["migration"])
        parts = tuple(Part(**part) for part in said.pop("parts"))
        return archive, Manifest(**said, parts=parts)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, KeyError, TypeError, ValueError, EOFError) as error:
        archive.close()
        raise BackupDamaged(file=path.name, what=str(error) or "unreadable") from error
    except RuleBroken:
        archive.close()
        raise


def take_out(archive: zipfile.ZipFile, part: Part, target: BinaryIO, backup: str) -> None:
    """Copy a part out of a backup, held to its length and hash.

    Raises:
        BackupDamaged: it is not as it was written.

    """
    digest, size = hashlib.sha256(), 0
    try:
        with archive.open(part.name) as inside:
            while content := inside.read(_PART):
                size += len(content)
                if size > part.size:
                    break
                digest.update(content)
                target.write(content)
    except Exception as error:
        # Broken compression surfaces as errors of many kinds (zlib.error, EOFError, BadZipFile, KeyError).
        if isinstance(error, OSError):
            raise
        raise BackupDamaged(file=backup, what=f"{part.name}: {error}") from error
    if (size, digest.hexdigest()) != (part.size, part.sha256):
        raise BackupDamaged(file=backup, what=f"{part.name}: its hash is another")
