"""Files that come with answers: checked by content, kept in the instance folder under random names (R-CASE-3).

They lie outside of whatever a web server gives out; a page reads them for whoever may see the case. ``backup`` takes
the folder along, since it takes every folder of the instance that it does not know to be worthless.
"""

from __future__ import annotations

import hashlib
import io
import os
import secrets
import tempfile
import warnings
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, Final, NamedTuple, cast

import pikepdf
from PIL import Image, ImageOps, UnidentifiedImageError

from clinic_orders.rules.attachments import (
    MEGABYTE,
    MOST_FILES,
    AttachedFile,
    FileDamaged,
    FileKindRefused,
    FileTooLarge,
    MediaType,
    PhotoRefused,
    TooManyFiles,
    TooManyPhotos,
    check_attachment,
    clean_name,
)

FOLDER: Final = "attachments"
_MOST_PIXELS: Final = 100_000_000
_MOST_PIXELS_OF_A_PHOTO: Final = 50_000_000
_LONGEST: Final = 1920
_PART: Final = 1 << 16


class Upload(NamedTuple):
    """A file as it arrived: its name, and its content from the beginning."""

    name: str
    stream: IO[bytes]


@contextmanager
def stored(
    instance: Path, uploads: Iterable[Upload], *, limit_mb: int, most: int = MOST_FILES
) -> Iterator[list[AttachedFile]]:
    """Check and keep files while the block names them to a deed; if it fails, they are taken away again.

    Args:
        instance: the instance folder.
        uploads: what arrived.
        limit_mb: the largest size of a file, in megabytes.
        most: how many files are taken.

    Raises:
        TooManyFiles, FileTooLarge, FileEmpty, FileKindRefused, FileDamaged: a file can't be taken, nothing is kept.

    """
    wanted = list(uploads)
    if len(wanted) > most:
        raise TooManyFiles(limit=most)
    kept: list[AttachedFile] = []
    try:
        for upload in wanted:
            kept.append(_keep(instance, upload, limit_mb))
        yield kept
    except BaseException:
        for one in kept:
            path_of(instance, one.stored_as).unlink(missing_ok=True)
        raise


@contextmanager
def stored_photos(
    instance: Path, uploads: Iterable[Upload], *, most: int, limit_mb: int
) -> Iterator[list[AttachedFile]]:
    """Check and keep photos as ``stored`` does, each made anew without what the camera wrote into it.

    Where and with which phone a photo was taken stays with whoever took it. What is larger than a page shows is made
    smaller.

    Args:
        instance: the instance folder.
        uploads: what arrived.
        most: how many photos are taken.
        limit_mb: the largest size of a photo as it arrives, in megabytes.

    Raises:
        TooManyPhotos, PhotoRefused, FileTooLarge, FileEmpty, FileDamaged: nothing is kept.

    """
    wanted = list(uploads)
    if len(wanted) > most:
        raise TooManyPhotos(limit=most)
    with ExitStack() as files:
        anew = [files.enter_context(_made_anew(one, limit_mb)) for one in wanted]
        with stored(instance, anew, limit_mb=limit_mb, most=most) as kept:
            yield kept


@contextmanager
def _made_anew(upload: Upload, limit_mb: int) -> Iterator[Upload]:
    """The same picture, upright, without metadata; it never is in memory twice."""
    shown = Path(upload.name.replace("\\", "/")).name[:120]
    content = upload.stream.read(limit_mb * MEGABYTE + 1)
    try:
        kind = check_attachment(upload.name, content[:16], len(content), limit_mb=limit_mb)
    except FileKindRefused as refusal:
        raise PhotoRefused(name=shown) from refusal
    if kind is MediaType.PDF:
        raise PhotoRefused(name=shown)
    with tempfile.SpooledTemporaryFile(max_size=MEGABYTE) as out:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("error", Image.DecompressionBombWarning)
                with Image.open(io.BytesIO(content), formats=("JPEG", "PNG")) as picture:
                    if picture.width * picture.height > _MOST_PIXELS_OF_A_PHOTO:
                        raise FileDamaged(name=shown)
                    picture.draft("RGB", (_LONGEST, _LONGEST))
                    upright = ImageOps.exif_transpose(picture)
                    upright.thumbnail((_LONGEST, _LONGEST))
                    clean = upright.convert("RGB")
                    clean.info.clear()
                    clean.save(out, "JPEG", quality=85)
        except (OSError, SyntaxError, ValueError, Image.DecompressionBombError) as error:
            raise FileDamaged(name=shown) from error
        except Image.DecompressionBombWarning as warning:
            raise FileDamaged(name=shown) from warning
        out.seek(0)
        yield Upload(f"{Path(shown).stem}.jpg", cast("IO[bytes]", out))


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
