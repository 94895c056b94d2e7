"""The places in the head of every page, by role, in the order of the day's work. At most four for clinics."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Final, NamedTuple

from flask import current_app, request, url_for
from flask_babel import gettext

from clinic_orders.queries.counting import Question, numbers
from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Actor, Role

Count = Callable[[Actor, datetime], "Question | int"]
_counts: dict[str, Count] = {}

# The places of both kinds of bureau.
_BUREAU: Final = (
    ("bureau.desk", N_("Desk")),
    ("dashboard.index", N_("Dashboard")),
    ("cases.index", N_("Cases")),
    ("complaints.index", N_("Complaints")),
    ("inspections.index", N_("Inspections")),
    ("bureau_orders.index", N_("Orders")),
    ("roster.institutions", N_("Roster")),
    ("catalogue.search", N_("Catalogue")),
    ("statistics.index", N_("Statistics")),
    ("policy.index", N_("Policy")),
)

PLACES: dict[Role, tuple[tuple[str, str], ...]] = {
    Role.INSTITUTION: (
        ("ordering.order_page", N_("Order")),
        ("receiving.index", N_("Receive")),
        ("payables.index", N_("To pay")),
        ("home.more", N_("More")),
    ),
    Role.HOSPITAL: (
        ("ordering.order_page", N_("Order")),
        ("ordering.villages", N_("Villages")),
        ("receiving.index", N_("Receive")),
        ("payables.index", N_("To pay")),
        ("ordering.orders", N_("Orders")),
        ("home.more", N_("More")),
    ),
    Role.DISTRIBUTOR: (
        ("distribution.day", N_("Today's work")),
        ("distribution.orders", N_("Orders")),
        ("distribution.shipments", N_("Shipments and returns")),
        ("distribution.receivables", N_("Receivables")),
        ("catalogue.search", N_("Catalogue")),
        ("home.more", N_("More")),
    ),
    Role.COUNTY: (*_BUREAU, ("home.more", N_("More"))),
    Role.CITY: (*_BUREAU, ("files.index", N_("Files")), ("home.more", N_("More"))),
    Role.OPERATOR: (
        ("users.index", N_("Accounts")),
        ("jobs.index", N_("Jobs")),
        ("audit.index", N_("Audit")),
        ("home.more", N_("More")),
    ),
}


# Areas without a place of their own stand under the first of these that the role has.
_UNDER: dict[str, tuple[str, ...]] = {
    "applications": ("home.more",),
    "assessments": ("statistics.index", "home.more"),
    "exits": ("home.more",),
    "trainings": ("home.more",),
    "incentives": ("statistics.index", "home.more"),
    "batches": ("files.index",),
    "statements": ("payables.index", "distribution.receivables", "bureau.desk"),
    "bank": ("payables.index", "distribution.receivables"),
    "holds": ("payables.index", "distribution.receivables", "bureau.desk"),
    "payments": ("payables.index", "distribution.receivables"),
    "paying": ("payables.index", "distribution.receivables"),
    "returns": ("receiving.index",),
    "duties": ("home.more",),
    "reports": ("home.more",),
    "sales": ("home.more",),
    "stock": ("home.more",),
    "tags": ("home.more",),
    "shelf_prices": ("home.more",),
    "stocking": ("home.more",),
    "volumes": ("home.more",),
    "supply": ("home.more",),
    "findings": ("bureau.desk", "home.more"),
    "cases": ("cases.index", "home.more"),
    "draft_runs": ("cases.index", "home.more"),
    "letter_runs": ("cases.index", "home.more"),
    "complaints": ("complaints.index",),
    "inspections": ("inspections.index", "home.more"),
    "clues": ("home.more",),
    "gateway_messages": ("home.more",),
    "doubles": ("bureau_orders.index",),
    "bulletins": ("statistics.index",),
    "monitoring": ("statistics.index", "home.more"),
    "shortages": ("statistics.index",),
    "standards": ("roster.institutions", "home.more"),
    "standards_runs": ("roster.institutions", "home.more"),
    "publicity": ("statistics.index", "home.more"),
    "stock_overview": ("statistics.index", "ordering.villages", "home.more"),
    "scorecards": ("statistics.index", "home.more"),
    "stages": ("home.more",),
    "api_tokens": ("home.more",),
    "webhooks": ("home.more",),
}


class Place(NamedTuple):
    """One tab: where it leads, its word, whether the reader is there, how much waits there."""

    endpoint: str
    label: str
    url: str
    active: bool
    waiting: int


def counts(endpoint: str) -> Callable[[Count], Count]:
    """Register what the number beside a place counts: a question, all of which are asked at once, or the number."""

    def register(function: Count) -> Count:
        _counts[endpoint] = function
        return function

    return register


LETTERS: Final = "cases.inbox"
"""What has to be signed for is said on every page; it is counted with the places."""


class Head(NamedTuple):
    """What stands in the head of a page: the places, and how many letters wait to be signed for."""

    places: list[Place]
    to_sign: int


def places(actor: Actor | None, at: datetime) -> list[Place]:
    """The places of the person's role."""
    return head_of(actor, at).places


def head_of(actor: Actor | None, at: datetime) -> Head:
    """The places of the person's role and what waits; one statement."""
    if actor is None:
        return Head([], 0)
    found = [
        (endpoint, word)
        for endpoint, word in PLACES.get(actor.role, ())
        if endpoint in current_app.view_functions
    ]
    urls = {endpoint: url_for(endpoint) for endpoint, _ in found}
    here = _nearest(urls)
    waiting = _waiting([*(endpoint for endpoint, _ in found), LETTERS], actor, at)
    tabs = [
        Place(
            endpoint,
            gettext(word),
            urls[endpoint],
            endpoint == here,
            waiting.get(endpoint, 0),
        )
        for endpoint, word in found
    ]
    return Head(tabs, waiting.get(LETTERS, 0))


def _waiting(endpoints: list[str], actor: Actor, at: datetime) -> dict[str, int]:
    """How much waits behind the places that count something."""
    counted = {endpoint: _counts[endpoint](actor, at) for endpoint in endpoints if endpoint in _counts}
    known = {endpoint: number for endpoint, number in counted.items() if isinstance(number, int)}
    questions = {endpoint: asked for endpoint, asked in counted.items() if not isinstance(asked, int)}
    return known | dict(zip(questions, numbers(list(questions.values())), strict=True))


def _nearest(urls: dict[str, str]) -> str | None:
    """The place to which this page belongs: itself, or that of its area whose address begins this page's."""
    here = request.endpoint or ""
    if here in urls:
        return here
    area = here.partition(".")[0]
    near = [
        (len(url), endpoint)
        for endpoint, url in urls.items()
        if endpoint.partition(".")[0] == area and request.path.startswith(url)
    ]
    if near:
        return max(near)[1]
    of_area = [endpoint for endpoint in urls if endpoint.partition(".")[0] == area]
    if of_area:
        return of_area[0] if len(of_area) == 1 else None
    # Where an area stands under several places, the first that the role has is its own.
    return next((endpoint for endpoint in _UNDER.get(area, ()) if endpoint in urls), None)
