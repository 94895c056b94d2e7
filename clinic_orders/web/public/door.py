"""The blueprint of the public pages: who may come, how often, in which language, and how a page is kept.

A page depends on its address alone, never on a cookie: language and large letters stand in the address too.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Final, ParamSpec

from flask import Blueprint, abort, current_app, g, render_template, request, url_for
from flask_babel import force_locale
from werkzeug.wrappers import Response

from clinic_orders.queries.cases import letter_by_number
from clinic_orders.queries.publicity.matters import last_deed, open_matters
from clinic_orders.queries.remembered import deeds_here
from clinic_orders.rules.errors import N_
from clinic_orders.rules.ladder import LetterState
from clinic_orders.rules.letters import LetterContent
from clinic_orders.rules.publicity import Matter, OnShelf
from clinic_orders.web.display import register_labels
from clinic_orders.web.guards import public, today
from clinic_orders.web.public.keeping import KEEP, MARK, TOO_MANY

blueprint = Blueprint("public", __name__, url_prefix="/public")
P = ParamSpec("P")


register_labels(
    {
        OnShelf.HAS: N_("in stock"),
        OnShelf.FEW: N_("few left"),
        OnShelf.UNKNOWN: N_("stock not reported"),
        OnShelf.OUT: N_("out of stock"),
    }
)
register_labels(
    {
        Matter.OFFERS: N_("Who has a medicine, and at what price"),
        Matter.COMPARISON: N_("Price comparison of the month"),
        Matter.ROSTER: N_("Institutions that take part"),
        Matter.BULLETINS: N_("Quarterly bulletins"),
        Matter.MONITORING: N_("Price monitoring of the month"),
        Matter.GRADES: N_("Grades of the annual assessment"),
    }
)
PAGES: Final = {
    Matter.OFFERS: "public.search",
    Matter.COMPARISON: "public.comparison",
    Matter.ROSTER: "public.roster",
    Matter.BULLETINS: "public.bulletins",
    Matter.MONITORING: "public.monitoring",
    Matter.GRADES: "public.grades",
}
"""Where the page of each matter is."""


def needs_open(matter: Matter) -> frozenset[Matter]:
    """What is open; 404 where this matter is not: a closed matter looks like one that does not exist."""
    found = open_matters()
    if matter not in found:
        abort(404)
    return found


def english() -> bool:
    """Whether the address asks for English."""
    return request.args.get("language") == "en"


def here(endpoint: str, **values: Any) -> str:
    """The address of another public page in the same language and size of letters."""
    same = {name: request.args[name] for name in ("language", "big") if request.args.get(name)}
    return url_for(endpoint, **{**same, **values})


def page(template: str, found: frozenset[Matter], **values: Any) -> str:
    """Render a page as anybody sees it, whoever happens to be logged in."""
    places = [
        (here(PAGES[matter]), matter, request.endpoint or "")
        for matter in Matter
        if matter in found & set(PAGES)
    ]
    return render_template(
        template,
        actor=None,
        nav_items=[],
        letters_to_sign=0,
        locale="en" if english() else "zh_CN",
        big_print=request.args.get("big") == "1",
        here=here,
        places=places,
        **values,
    )


def kept(view: Callable[P, str]) -> Callable[P, Response]:
    """Make the page for whoever comes, and say under which mark it may be kept (``keeping``)."""

    @wraps(view)
    def found(*args: P.args, **kwargs: P.kwargs) -> Response:
        if request.environ.get(TOO_MANY):
            abort(429)
        mark = (last_deed(), deeds_here(), today())
        if request.environ.get(MARK) == mark:
            request.environ[KEEP] = mark
            return current_app.response_class(status=204)
        # The page is made for everybody, also where somebody who is logged in happens to ask first.
        g.actor = None
        with force_locale("en" if english() else "zh_CN"):
            body = view(*args, **kwargs)
        request.environ[KEEP] = mark
        return current_app.response_class(body, mimetype="text/html")

    return found


@blueprint.get("/")
@public
@kept
def index() -> str:
    """What the bureau has opened."""
    found = open_matters()
    return page("public/index.html", found, offers_open=Matter.OFFERS in found, phone=_phone())


def _phone() -> str:
    phone: str = current_app.extensions["settings"].complaint_phone
    return phone


@blueprint.get("/letters")
@public
@kept
def letters() -> str:
    """Whether a letter with a number was issued; its addressee and its text stand on the paper only."""
    number = "".join(request.args.get("number", "").split())[:40].replace("[", "〔").replace("]", "〕")
    letter = letter_by_number(number)
    told = None if letter is None else LetterContent.from_canonical(letter.content)
    return page(
        "public/letters.html",
        open_matters(),
        number=number,
        found_letter=None
        if letter is None or told is None
        else {
            "kind": told.kind,
            "signed_on": told.signed_on,
            "revoked": letter.state is LetterState.REVOKED,
        },
    )
