"""Files that come with answers: checked by content, kept in the instance folder under random names (R-CASE-3).

They lie outside of whatever a web server gives out; a page reads them for whoever may see the case. ``backup`` takes
the folder along, since it takes every folder of the instance that it does not know to be worthless.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import warnings
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple

import pikepdf
from PIL import Image, UnidentifiedImageError

from clinic_orders.rules.attachments import (
    MEGABYTE,
    MOST_FILES,
    AttachedFile,
    FileDamaged,
    FileTooLarge,
    MediaType,
    TooManyFiles,
    check_attachment,
    clean_name,
)

FOLDER: Final = "attachments"
_MOST_PIXELS: Final = 100_000_000
_PART: Final = 1 << 16


class Upload(NamedTuple):
    """A file as it arrived: its name, and its content from the beginning."""

    name: str
    stream: IO[bytes]


@contextmanager
def stored(instance: Path, uploads: Iterable[Upload], *, limit_mb: int) -> Iterator[list[AttachedFile]]:
    """Check and keep files while the block names them to a deed; if it fails, they are taken away again.

    Args:
        instance: the instance folder.
        uploads: what arrived.
        limit_mb: the largest size of a file, in megabytes.

    Raises:
        TooManyFiles, FileTooLarge, FileEmpty, FileKindRefused, FileDamaged: a file can't be taken, nothing is kept.

    """
    wanted = list(uploads)
    if len(wanted) > MOST_FILES:
        raise TooManyFiles(limit=MOST_FILES)
    kept: list[AttachedFile] = []
    try:
        for upload in wanted:
            kept.append(_keep(instance, upload, limit_mb))
        yield kept
    except BaseException:
        for one in kept:
            path_of(instance, one.stored_as).unlink(missing_ok=True)
        raise


def path_of(instance: Path, stored_as: str) -> Path:
    """Where a file lies."""
    return instance / FOLDER / stored_as[:2] / stored_as


def _keep(instance: Path, upload: Upload, limit_mb: int) -> AttachedFile:
    name = secrets.token_hex(16)
    path = path_of(instance, name)
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    digest, size, head = hashlib.sha256(), 0, b""
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
            while part := upload.stream.read(_PART):
                head = head or part
                size += len(part)
                if size > limit_mb * MEGABYTE:
                    raise FileTooLarge(name=Path(upload.name.replace("\\", "/")).name, limit=limit_mb)
                digest.update(part)
                out.write(part)
            out.flush()
            os.fsync(out.fileno())
        kind = check_attachment(upload.name, head, size, limit_mb=limit_mb)
        shown = clean_name(upload.name, kind)
        if not _is_whole(path, kind):
            raise FileDamaged(name=shown)
    except BaseException:
        path.unlink(missing_ok=True)
        raise
    return AttachedFile(shown, kind, size, digest.hexdigest(), name)


def _is_whole(path: Path, kind: MediaType) -> bool:
    """Whether a file can be read as what its first bytes say."""
    if kind is MediaType.PDF:
        try:
            with pikepdf.open(path, attempt_recovery=False) as paper:
                return len(paper.pages) > 0
        except (pikepdf.PdfError, pikepdf.PasswordError):
            # What is locked with a password nobody at the bureau could read either.
            return False
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(path, formats=("JPEG", "PNG")) as picture:
                width, height = picture.size
                fits = 0 < width * height <= _MOST_PIXELS
                picture.verify()
                return fits and picture.format == kind.name
    except (UnidentifiedImageError, OSError, SyntaxError, ValueError, Image.DecompressionBombError):
        return False
    except Image.DecompressionBombWarning:
        return False
