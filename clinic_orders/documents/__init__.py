"""Papers as PDF, made from ``templates/documents/`` by WeasyPrint.

    missing = what_is_missing()          # None, or what the operator has to install
    pdf = render("delivery_note", {...}) # bytes; the values of the template by name

Papers are written in Chinese. Nothing is ever fetched from the network: a paper may use files of ``static/``
only. Where Pango or a Chinese font is not installed papers are switched off, and say how to switch them on.
"""

from __future__ import annotations

import importlib
import shutil
import subprocess
import threading
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final
from urllib.parse import unquote

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from clinic_orders.documents import words
from clinic_orders.rules.errors import N_, RuleBroken

ROOT: Final = Path(__file__).resolve().parent.parent.parent
STATIC: Final = Path(__file__).resolve().parent.parent / "static"

INSTALL: Final = (
    "apt-get update && apt-get install -y --no-install-recommends"
    " libpango-1.0-0 libpangoft2-1.0-0 libharfbuzz-subset0 fontconfig fonts-noto-cjk"
)

# Layout libraries keep state of their own; one paper at a time in a process.
_press = threading.Lock()
_found: list[bool] = []


class PapersOff(RuleBroken):
    """A server that can't make PDFs yet; the message names the command that changes it."""

    message = N_(
        "Papers can't be printed on this server yet. Its operator switches them on with: %(command)s"
    )


def _has_chinese_font() -> bool:
    lister = shutil.which("fc-list")
    if lister is None:
        return False
    listed = subprocess.run(  # noqa: S603 - the program is fontconfig's own, found on the path.
        [lister, ":lang=zh-cn", "file"], capture_output=True, text=True, check=False, timeout=20
    )
    return bool(listed.stdout.strip())


def what_is_missing() -> str | None:
    """The exact command that installs what papers need, or None where all of it is there.

    Only a good answer is remembered: after the installation the next paper is made without a restart.
    """
    if _found:
        return None
    try:
        importlib.import_module("weasyprint")
    except (ImportError, OSError):
        return INSTALL
    if not _has_chinese_font():
        return INSTALL
    _found.append(True)
    return None


def available() -> bool:
    """Whether papers can be made on this machine."""
    return what_is_missing() is None


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=FileSystemLoader(ROOT / "templates"),
        autoescape=select_autoescape(default=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(words.FILTERS)
    return environment


@cache
def _font_configuration() -> Any:
    return importlib.import_module("weasyprint.text.fonts").FontConfiguration()


def _fetcher() -> Any:
    """Reads files of ``static/`` and inline data; everything else is refused."""
    urls = importlib.import_module("weasyprint.urls")

    class StaticFilesOnly(urls.URLFetcher):  # type: ignore[misc, name-defined]
        def fetch(self, url: str, headers: dict[str, str] | None = None) -> Any:
            if not url.startswith((f"{STATIC.as_uri()}/", "data:")) or ".." in unquote(url):
                raise ValueError(f"a paper may not use {url}")
            return super().fetch(url, headers)

    return StaticFilesOnly(allowed_protocols=("file", "data"), allow_redirects=False, fail_on_errors=True)


def as_html(kind: str, data: Mapping[str, Any]) -> str:
    """The paper before it is laid out, for tests and previews."""
    return _environment().get_template(f"documents/{kind}.html").render(**data)


def render(kind: str, data: Mapping[str, Any]) -> bytes:
    """Make a paper.

    Args:
        kind: the template ``templates/documents/<kind>.html``.
        data: the values of the template by name.

    Raises:
        PapersOff: Pango or a Chinese font is missing.

    """
    missing = what_is_missing()
    if missing is not None:
        raise PapersOff(command=missing)
    weasyprint = importlib.import_module("weasyprint")
    html = as_html(kind, data)
    with _press:
        page = weasyprint.HTML(string=html, base_url=f"{STATIC.as_uri()}/", url_fetcher=_fetcher())
        pdf: bytes = page.write_pdf(font_config=_font_configuration())
    return pdf
