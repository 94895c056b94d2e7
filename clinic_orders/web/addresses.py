"""Which addresses a page may lead back to: paths of this application, nothing else."""

from __future__ import annotations

from urllib.parse import urlsplit


def own_path(target: str | None, default: str) -> str:
    r"""The target if it is a path on this site, else the default.

    Args:
        target: from a form or an address, not to be trusted.
        default: a path of our own.

    >>> own_path("/orders?page=2", "/"), own_path("//example.com", "/"), own_path("https://example.com/", "/")
    ('/orders?page=2', '/', '/')
    >>> own_path("/\\example.com", "/"), own_path(None, "/more")
    ('/', '/more')

    """
    if not target or not target.startswith("/") or target.startswith("//") or len(target) > 2000:
        return default
    # Browsers read a backslash as a slash and leave control characters out, which would make another host of it.
    if "\\" in target or any(ord(character) < 32 or ord(character) == 127 for character in target):
        return default
    try:
        parts = urlsplit(target)
    except ValueError:
        return default
    return default if parts.scheme or parts.netloc else target
