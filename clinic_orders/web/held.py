"""What was sent when the log-in had run out: it goes along through the log-in and is sent on with one press.

Nothing of it is kept on the server. The log-in page carries it sealed, so that nobody can put another's words into it,
and for whom it was typed, so that the next person on a shared phone does not send it.
"""

from __future__ import annotations

from typing import Final, NamedTuple
from urllib.parse import urlsplit

from flask import current_app, request
from itsdangerous import BadData, URLSafeTimedSerializer

from clinic_orders.web.addresses import own_path

MOST_LETTERS: Final = 200_000
"""Names and values that one page carries along; the longest order page has a tenth of them."""
_SECONDS: Final = 24 * 3600


class Held(NamedTuple):
    """A form as it was sent."""

    user_id: int | None
    """Whose log-in had run out; None if the phone does not know any more."""
    assignment_id: int | None
    path: str
    """Where the form was sent to."""
    back: str | None
    """The page on which it stood."""
    fields: list[tuple[str, str]]
    files: bool
    """Whether files were chosen: a browser sends those anew only when they are chosen anew."""

    def texts(self) -> list[str]:
        """What was written in sentences, to be copied where the form can't be sent on as it is."""
        return [value for _, value in self.fields if len(value.split()) > 1 or not value.isascii()]


def sent_from_here() -> bool:
    """Whether the form stood on one of our own pages: a browser says so, and another site can't make it."""
    origin = request.headers.get("Origin") or request.referrer or ""
    return urlsplit(origin).netloc == request.host


def back_path() -> str | None:
    """The page of ours on which the form stood."""
    referrer = urlsplit(request.referrer or "")
    if referrer.netloc != request.host:
        return None
    return own_path(f"{referrer.path}?{referrer.query}" if referrer.query else referrer.path, "") or None


def typed_here(user_id: int | None = None, assignment_id: int | None = None) -> Held | None:
    """The form of this request, if it can be kept: from a page of ours, with something typed, without a password.

    Args:
        user_id: whose it is.
        assignment_id: for which organisation they typed it.

    """
    if request.method != "POST" or request.blueprint == "account" or not sent_from_here():
        return None
    fields = [(name, value) for name, value in request.form.items(multi=True) if name != "csrf_token"]
    path = own_path(request.full_path.rstrip("?"), "")
    if not fields or not path or any("password" in name for name, _ in fields):
        return None
    if sum(len(name) + len(value) for name, value in fields) > MOST_LETTERS:
        return None
    files = any(file.filename for file in request.files.values())
    return Held(user_id, assignment_id, path, back_path(), fields, files)


def _sealer() -> URLSafeTimedSerializer:
    return URLSafeTimedSerializer(current_app.secret_key or "", salt="held-form")


def seal(held: Held) -> str:
    """The form as one word that a page can carry."""
    return str(_sealer().dumps(held))


def unseal(word: str | None) -> Held | None:
    """The form of a word that ``seal`` made, or None if it is another's word or more than a day old."""
    if not word:
        return None
    try:
        user_id, assignment_id, path, back, fields, files = _sealer().loads(word, max_age=_SECONDS)
    except (BadData, ValueError):
        return None
    return Held(user_id, assignment_id, path, back, [(name, value) for name, value in fields], files)
