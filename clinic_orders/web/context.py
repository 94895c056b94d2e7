"""What every template may use: who reads, where they can go, the language, the assets."""

from __future__ import annotations

from functools import cache
from typing import Any

from babel import Locale
from flask import Flask, current_app, g, request, session, url_for
from flask_login import current_user

from clinic_orders.queries.roster import has_demo_data
from clinic_orders.rules.parties import Actor, Role
from clinic_orders.web import money_notices, names, notice_texts  # noqa: F401 - importing them registers the words.
from clinic_orders.web.help_sections import help_section
from clinic_orders.web.navigation import head_of

LOCALES = ("zh_CN", "en")


def locale() -> str:
    """The reader's language: chosen in this session, else the account's, else Chinese."""
    chosen = session.get("language") if request else None
    if chosen in LOCALES:
        return str(chosen)
    if request and current_user and current_user.is_authenticated:
        return str(current_user.language)
    return "zh_CN"


_parsed = cache(Locale.parse)


def babel_locale() -> Locale:
    """The same for Flask-Babel; taking a name apart costs more than a small page, so it is done once."""
    return _parsed(locale())


def big_print() -> bool:
    """Whether the reader wants the big letters of the 长辈版."""
    chosen = session.get("big_print")
    if chosen is not None:
        return bool(chosen)
    return bool(current_user.is_authenticated and current_user.big_print)


_LINKS = {
    "home": "home.start",
    "help": "home.help_page",
    "login": "account.log_in",
    "logout": "account.log_out",
    "language": "account.language",
    "big_print": "account.big_print",
}


def _links() -> dict[str, str | None]:
    """Addresses of the frame's own deeds and pages; None where the page is not built in."""
    known = current_app.view_functions
    links = {name: url_for(endpoint) if endpoint in known else None for name, endpoint in _LINKS.items()}
    section = help_section(g.get("actor"), request.endpoint if request else None)
    if section is not None and links["help"]:
        links["help"] += f"#{section}"
    return links


def _frame(actor: Actor | None) -> str:
    """The frame of pages that several roles share: clinics and the public hold a phone, the others sit at a desk."""
    at_a_desk = actor is not None and actor.role is not Role.INSTITUTION
    return "layout/desk.html" if at_a_desk else "layout/phone.html"


def _context() -> dict[str, Any]:
    actor = g.get("actor")
    head = head_of(actor if "now" in g else None, g.get("now"))
    return {
        "actor": actor,
        "nav_items": head.places,
        "letters_to_sign": head.to_sign,
        "locale": locale(),
        "big_print": big_print(),
        # Known of the person already; only the pages before the log-in ask.
        "demo_data": current_user.demo_data if actor is not None else has_demo_data(),
        "links": _links(),
        "frame": _frame(actor),
        "now": g.get("now"),
        "many_organisations": bool(actor is not None and current_user.organisations > 1),
    }


def init_app(app: Flask) -> None:
    """Give the names to every template."""
    app.context_processor(_context)
