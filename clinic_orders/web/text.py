"""Texts in other languages: one .po file per area, compiled together when a process starts.

English is written in the code. For each locale folder, all ``LC_MESSAGES/<area>.po`` become one ``messages.mo``
beside them, the only file that Flask-Babel reads. The folder of Chinese is ``zh_Hans_CN``: Babel resolves the
setting ``zh_CN`` to it and silently ignores a folder called ``zh_CN``.
"""

from __future__ import annotations

import contextlib
import gettext
import os
import tempfile
from collections.abc import Iterable
from hashlib import sha256
from pathlib import Path
from typing import Any

from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po

TRANSLATIONS = Path(__file__).resolve().parent.parent / "translations"

DOMAIN = "messages"


class TextConflict(Exception):
    """Two areas translate one text differently; the page would depend on the order of files."""


def compile_texts(folder: Path = TRANSLATIONS) -> list[Path]:
    """Bring every locale's messages.mo in step with its .po files and tell which files were written.

    Several processes may do this at once: each writes a file of its own and puts it in place in one step. Where two
    areas translate one text differently the first area wins: no wording is worth a server that does not start.
    The tests refuse such texts (``merged`` with ``strict``).

    Raises:
        OSError: the catalogue is out of date and its folder cannot be written.

    """
    written = []
    for area_folder in sorted(folder.glob("*/LC_MESSAGES")):
        sources = sorted(area_folder.glob("*.po"))
        if not sources:
            continue
        target = area_folder / f"{DOMAIN}.mo"
        state = _fingerprint(sources)
        if _compiled_state(target) == state:
            continue
        _write_atomically(merged(sources, locale=area_folder.parent.name, state=state, strict=False), target)
        written.append(target)
    return written


def merged(sources: list[Path], *, locale: str, state: str = "", strict: bool = True) -> Catalog:
    """One catalogue of the areas' translated texts; fuzzy and empty ones are left out.

    Raises:
        TextConflict: two areas translate one text differently, and ``strict``.

    """
    whole = Catalog(locale=locale, domain=DOMAIN, project="clinic-orders", version=state, charset="utf-8")
    origin: dict[Any, Path] = {}
    for source in sources:
        with source.open("rb") as file:
            area = read_po(file, locale=locale, charset="utf-8", abort_invalid=True)
        for message in area:
            if not message.id or message.fuzzy or not _is_translated(message.string):
                continue
            key = (message.context, message.id if isinstance(message.id, str) else message.id[0])
            known = whole.get(key[1], key[0])
            # A text that one area counts and another does not keeps the counted form: gettext finds both by the singular.
            if known is None:
                whole.add(message.id, message.string, context=message.context)
                origin[key] = source
            elif _forms(known.string) != _forms(message.string):
                if not strict:
                    continue
                raise TextConflict(
                    f"{key[1]!r} is {known.string!r} in {origin[key].name} and {message.string!r} in {source.name}"
                )
            elif isinstance(message.id, tuple) and isinstance(known.id, str):
                whole.delete(key[1], key[0])
                whole.add(message.id, message.string, context=message.context)
    return whole


def _forms(string: str | Iterable[str] | None) -> tuple[str, ...]:
    return (string,) if isinstance(string, str) else tuple(string or ())


def _is_translated(string: str | Iterable[str] | None) -> bool:
    return bool(string) and all(_forms(string))


def _fingerprint(sources: list[Path]) -> str:
    """What the .po files say, so that neither clocks nor deleted files can deceive."""
    digest = sha256()
    for source in sources:
        digest.update(source.name.encode() + b"\0" + source.read_bytes() + b"\0")
    return digest.hexdigest()


def _compiled_state(target: Path) -> str | None:
    """The fingerprint that an earlier compilation left in the file's head; None when it must be made anew."""
    try:
        with target.open("rb") as file:
            head = gettext.GNUTranslations(file).info()
    except (OSError, UnicodeDecodeError):
        return None
    return head.get("project-id-version", "").removeprefix("clinic-orders ") or None


def _write_atomically(catalogue: Catalog, target: Path) -> None:
    handle, name = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            write_mo(file, catalogue)
        Path(name).chmod(0o644)
        Path(name).replace(target)
    except BaseException:
        with contextlib.suppress(OSError):
            Path(name).unlink()
        raise
