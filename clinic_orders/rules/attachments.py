"""Files that come with an answer: which kinds, how large, how many (R-CASE-3).

What a file is, its first bytes say, never its name: names and the browser's word are only believed where they agree.

>>> sniff(b"%PDF-1.7 ..."), sniff(b"MZ...")
(<MediaType.PDF: 'application/pdf'>, None)
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from clinic_orders.rules.errors import N_, RuleBroken

MOST_FILES: Final = 9
"""Files of one answer."""
MEGABYTE: Final = 1024 * 1024
_NAME: Final = 120


class MediaType(StrEnum):
    """What may be attached: photos and papers. None of them runs anything where it is only looked at."""

    JPEG = "image/jpeg"
    PNG = "image/png"
    PDF = "application/pdf"


ENDINGS: Final[Mapping[MediaType, tuple[str, ...]]] = {
    MediaType.JPEG: (".jpg", ".jpeg"),
    MediaType.PNG: (".png",),
    MediaType.PDF: (".pdf",),
}
_STARTS: Final[Mapping[bytes, MediaType]] = {
    b"\xff\xd8\xff": MediaType.JPEG,
    b"\x89PNG\r\n\x1a\n": MediaType.PNG,
    b"%PDF-": MediaType.PDF,
}


class TooManyFiles(RuleBroken):
    """More than an answer takes."""

    message = N_("At most %(limit)s files can be attached to an answer. Put several pages into one PDF.")


class TooManyPhotos(RuleBroken):
    """More photos than are taken at once."""

    message = N_("At most %(limit)s photos can be sent at once. Leave some out.")


class PhotoRefused(RuleBroken):
    """A paper where a photo is wanted."""

    message = N_("%(name)s is no photo (JPEG, PNG). Take a photo and send that.")


class FileTooLarge(RuleBroken):
    """Larger than a phone's photo ever is."""

    message = N_("%(name)s is larger than %(limit)s MB. Send a smaller photo, or split the PDF.")


class FileEmpty(RuleBroken):
    """Nothing arrived."""

    message = N_("%(name)s is empty. Choose it again.")


class FileKindRefused(RuleBroken):
    """Neither a photo nor a PDF."""

    message = N_(
        "%(name)s is neither a photo (JPEG, PNG) nor a PDF. Save it as one of these and attach it again."
    )


class FileDamaged(RuleBroken):
    """It begins like a photo or PDF and can't be read as one."""

    message = N_("%(name)s is damaged or not what its name says. Take the photo again, or save the PDF anew.")


@dataclass(frozen=True, slots=True)
class AttachedFile:
    """A file that was checked and stored.

    Attributes:
        name: as the sender called it, without folders and control characters.
        media_type: what it is by its content.
        size: in bytes.
        sha256: of its content, 64 hexadecimal digits.
        stored_as: its random name in the instance folder.

    """

    name: str
    media_type: MediaType
    size: int
    sha256: str
    stored_as: str


def sniff(head: bytes) -> MediaType | None:
    """What a file is by its first bytes; None if it is none of those taken."""
    return next((kind for start, kind in _STARTS.items() if head.startswith(start)), None)


def clean_name(name: str, kind: MediaType) -> str:
    r"""A name that is safe to show and to give out: no folders, no control characters, the ending of its kind.

    >>> clean_name("C:\\照片\\柜台.JPG", MediaType.JPEG), clean_name("../../etc/x.html", MediaType.PDF)
    ('柜台.JPG', 'x.html.pdf')

    """
    last = re.split(r"[\\/]", name)[-1]
    shown = "".join(one for one in last if unicodedata.category(one)[0] != "C").strip(" .")
    ending = next((end for end in ENDINGS[kind] if shown.lower().endswith(end)), "")
    stem = shown[: len(shown) - len(ending)] if ending else shown
    return f"{stem[:_NAME] or 'file'}{shown[len(stem) :] if ending else ENDINGS[kind][0]}"


def check_attachment(name: str, head: bytes, size: int, *, limit_mb: int) -> MediaType:
    """What a file is by its content.

    Args:
        name: as the sender calls it, for the refusals.
        head: its first bytes.
        size: in bytes.
        limit_mb: the largest size, in megabytes.

    Raises:
        FileEmpty, FileTooLarge, FileKindRefused: it can't be taken.

    """
    shown = re.split(r"[\\/]", name)[-1][:_NAME]
    if not size:
        raise FileEmpty(name=shown)
    if size > limit_mb * MEGABYTE:
        raise FileTooLarge(name=shown, limit=limit_mb)
    kind = sniff(head)
    if kind is None:
        raise FileKindRefused(name=shown)
    return kind
