"""Heads of the audit's chain, kept outside of the database: a file for each day (decision 0049).

Who writes the whole chain anew behind the program's back would have to change these files as well. Each is made once,
never replaced, and readable only by its owner; a folder that another machine or an append-only medium keeps makes them
unreachable.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from clinic_orders.config import Settings
from clinic_orders.queries.audit_chain import Head
from clinic_orders.rules.errors import N_, RuleBroken

_NAME: Final = "audit-head-{day}.json"
_DIGEST: Final = re.compile(r"[0-9a-f]{64}")


class HeadNotReadable(RuleBroken):
    """A file of the folder holds no head: it was damaged, or somebody changed it."""

    message = N_(
        "%(file)s holds no head of the audit. Look at who changed it, and take it out of the folder."
    )


def folder_of(settings: Settings) -> Path:
    """Where heads are kept."""
    return settings.audit_heads or settings.instance / "audit-heads"


def keep_head(folder: Path, head: Head, *, day: date, at: datetime) -> Path | None:
    """Write the head of a day into the folder, once; None if that day has its file already.

    Raises:
        OSError: the folder can't be written.

    """
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    path = folder / _NAME.format(day=day.isoformat())
    content = {
        "position": head.position,
        "digest": head.digest,
        "sealed_at": None if head.sealed_at is None else head.sealed_at.astimezone(UTC).isoformat(),
        "kept_at": at.astimezone(UTC).isoformat(),
    }
    # Written whole under another name first: a file of that name is never half there.
    new = folder / f".{path.name}.{os.getpid()}"
    with os.fdopen(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o400), "w") as file:
        file.write(json.dumps(content) + "\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(new, path)
    except FileExistsError:
        return None
    finally:
        new.unlink()
    return path


def kept_heads(folder: Path) -> Iterator[Head]:
    """The heads of a folder, or of one file of it, the oldest first.

    Raises:
        HeadNotReadable: a file is no head.

    """
    for path in sorted(folder.glob(_NAME.format(day="*"))) if folder.is_dir() else [folder]:
        yield _read(path)


def _read(path: Path) -> Head:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
        position, digest = content["position"], content["digest"]
    except (OSError, ValueError, KeyError, TypeError):
        raise HeadNotReadable(file=path) from None
    if not isinstance(position, int) or position < 0 or not isinstance(digest, str):
        raise HeadNotReadable(file=path)
    if _DIGEST.fullmatch(digest) is None:
        raise HeadNotReadable(file=path)
    return Head(position, digest)
