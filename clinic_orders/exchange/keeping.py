"""Uploaded files between the trial and the import: kept under a random name, removed afterwards."""

from __future__ import annotations

import json
import re
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Final

# Whoever has not confirmed by then has to choose the file again.
KEPT_SECONDS: Final = 24 * 3600
_TOKEN: Final = re.compile(r"[0-9a-f]{32}")


@dataclass(frozen=True, slots=True)
class KeptFile:
    """A file that was uploaded and not yet imported.

    Attributes:
        folder: where such files lie.
        owner: row id of the account that uploaded it; nobody else gets it.
        token: its random name.

    """

    folder: Path
    owner: int
    token: str

    @property
    def path(self) -> Path:
        """The file itself."""
        return self._part("data")

    def errors(self, form: str) -> Path:
        """The error file, ``csv`` or ``xlsx``."""
        return self._part(f"errors.{form}")

    @property
    def differences(self) -> Path:
        """What its trial would do to every record, as CSV."""
        return self._part("differences.csv")

    @property
    def filename(self) -> str:
        """What it was called."""
        return str(self._facts["filename"])

    @property
    def kind(self) -> str:
        """As what it was uploaded."""
        return str(self._facts["kind"])

    @property
    def _facts(self) -> dict[str, str]:
        facts: dict[str, str] = json.loads(self._part("json").read_text(encoding="utf-8"))
        return facts

    def _part(self, end: str) -> Path:
        return self.folder / f"{self.owner}-{self.token}.{end}"

    def remove(self) -> None:
        """Take the file and what belongs to it away."""
        for path in self.folder.glob(f"{self.owner}-{self.token}.*"):
            path.unlink(missing_ok=True)


def keep(folder: Path, file: IO[bytes], *, kind: str, filename: str, owner: int) -> KeptFile:
    """Keep an upload; files that nobody confirmed for a day are removed on the way."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    for old in folder.iterdir():
        if old.stat().st_mtime < time.time() - KEPT_SECONDS:
            old.unlink(missing_ok=True)
    kept = KeptFile(folder, owner, secrets.token_hex(16))
    with kept.path.open("xb") as out:
        while chunk := file.read(1024 * 1024):
            out.write(chunk)
    facts = json.dumps({"kind": kind, "filename": filename}, ensure_ascii=False)
    kept._part("json").write_text(facts, encoding="utf-8")
    return kept


def find_kept(folder: Path, token: str, *, kind: str, owner: int) -> KeptFile | None:
    """The upload of an account under a random name; None if there is none, or it was of another kind."""
    if _TOKEN.fullmatch(token) is None:
        return None
    kept = KeptFile(folder, owner, token)
    return kept if kept.path.exists() and kept.kind == kind else None
