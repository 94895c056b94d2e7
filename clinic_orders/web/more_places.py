"""What stands under More besides the tabs, by role, in groups that say what they are for.

An endpoint that is a tab of the role, that its guard does not let in, or that is not built in is left out, and so is a
group of which nothing is left.
"""

from __future__ import annotations

from typing import NamedTuple

from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import Role


class Place(NamedTuple):
    """A page: its endpoint, msgid and icon."""

    endpoint: str
    word: str
    icon: str


class Group(NamedTuple):
    """Pages that belong together, under a heading (msgid)."""

    title: str
    places: tuple[Place, ...]


_WAITING = Group(
    N_("Waiting for you"),
    (
        Place("home.notices", N_("Notices"), "bell"),
        Place("cases.inbox", N_("Official letters"), "mail"),
        Place("duties.index", N_("My duties"), "flag"),
        Place("clues.inbox", N_("Self-checks of trace codes"), "scan"),
        Place("monitoring.collect", N_("Report watched prices"), "money"),
    ),
)
_ORDERING = Group(
    N_("Orders and returns"),
    (
        Place("ordering.orders", N_("My orders"), "list"),
        Place("returns.index", N_("Returns"), "repeat"),
        Place("catalogue.search", N_("Catalogue"), "search"),
        Place("supply.index", N_("Supply problems"), "warn"),
        Place("packs.index", N_("Life of a pack"), "scan"),
    ),
)
_STOCK = Group(
    N_("Sales, stock and prices"),
    (
        Place("sales.new", N_("Write down a sale"), "edit"),
        Place("stock.index", N_("Stock"), "box"),
        Place("stock_overview.index", N_("Stock of the institutions"), "box"),
        Place("reports.index", N_("Reports"), "edit"),
        Place("stocking.index", N_("Stocking list"), "list"),
        Place("shelf_prices.index", N_("Posted prices"), "money"),
        Place("tags.index", N_("Print price tags"), "print"),
    ),
)
_SUPERVISED = Group(
    N_("Checks and assessment"),
    (
        Place("findings.index", N_("Findings about us"), "flag"),
        Place("stages.index", N_("Stages of the agreed volume"), "list"),
        Place("inspections.ours", N_("Inspections of us"), "eye"),
        Place("assessments.newest", N_("Annual assessment"), "flag"),
        Place("trainings.index", N_("Training of staff"), "users"),
        Place("policy.index", N_("Policy"), "doc"),
    ),
)
_OURS = Group(
    N_("Our institution"),
    (
        Place("standards.own", N_("Materials of the six standards"), "print"),
        Place("publicity.own", N_("What the public sees of us"), "eye"),
        Place("audit.index", N_("Who did what"), "history"),
        Place("exits.own", N_("Leave the roster"), "logout"),
    ),
)
_BUYER = (_WAITING, _ORDERING, _STOCK, _SUPERVISED, _OURS)
_NOTICES = Place("home.notices", N_("Notices"), "bell")
_BUREAU = (
    Group(
        N_("Checks and cases"),
        (
            _NOTICES,
            Place("findings.index", N_("Findings"), "flag"),
            Place("clues.index", N_("Clues on trace codes"), "scan"),
            Place("complaints.index", N_("Complaints of the public"), "mail"),
            Place("inspections.index", N_("Inspections"), "eye"),
            Place("doubles.index", N_("Possible double orders"), "link"),
            Place("letter_runs.index", N_("Print many letters"), "print"),
            Place("assessments.index", N_("Annual assessment"), "flag"),
            Place("incentives.index", N_("Incentive and exit lists"), "flag"),
        ),
    ),
    Group(
        N_("Volume, stock and supply"),
        (
            Place("volumes.index", N_("Planned volume"), "edit"),
            Place("stages.index", N_("Stages of the agreed volume"), "list"),
            Place("stocking.lists", N_("Stocking lists"), "list"),
            Place("stock_overview.index", N_("Stock of the institutions"), "box"),
            Place("supply.index", N_("Supply problems"), "warn"),
            Place("shortages.index", N_("Shortage watch"), "warn"),
            Place("packs.index", N_("Life of a pack"), "scan"),
        ),
    ),
    Group(
        N_("Joining and leaving"),
        (
            Place("applications.index", N_("Applications"), "building"),
            Place("exits.index", N_("Requests to leave"), "logout"),
            Place("trainings.index", N_("Training of staff"), "users"),
            Place("standards.index", N_("Materials of the six standards"), "print"),
        ),
    ),
    Group(
        N_("Delivery"),
        (
            Place("roster.distributors", N_("Distributors"), "truck"),
            Place("roster.relations", N_("Delivery relations"), "link"),
            Place("scorecards.index", N_("Distributors' scorecards"), "truck"),
        ),
    ),
    Group(
        N_("Catalogue and prices"),
        (
            Place("editions.index", N_("Editions and prices"), "pill"),
            Place("monitoring.index", N_("Price monitoring"), "money"),
            Place("monitoring.labels", N_("Price-risk labels"), "flag"),
        ),
    ),
    Group(
        N_("To be published"),
        (
            Place("bulletins.index", N_("Quarterly bulletins"), "doc"),
            Place("publicity.index", N_("What is public"), "eye"),
        ),
    ),
    Group(
        N_("System"),
        (
            Place("files.index", N_("Files"), "upload"),
            Place("users.index", N_("Accounts"), "users"),
            Place("privacy.requests", N_("Requests about personal data"), "users"),
            Place("gateway_messages.index", N_("Messages of Alipay"), "money"),
            Place("jobs.index", N_("Jobs"), "clock"),
            Place("audit.index", N_("Who did what"), "history"),
        ),
    ),
)
MORE: dict[Role, tuple[Group, ...]] = {
    Role.INSTITUTION: _BUYER,
    Role.HOSPITAL: _BUYER,
    Role.DISTRIBUTOR: (
        Group(
            N_("Waiting for you"),
            (_NOTICES, Place("cases.inbox", N_("Official letters"), "mail")),
        ),
        Group(
            N_("Delivery"),
            (
                Place("scorecards.own", N_("Our scorecard"), "truck"),
                Place("findings.index", N_("Findings about us"), "flag"),
                Place("supply.index", N_("Supply problems"), "warn"),
                Place("packs.index", N_("Life of a pack"), "scan"),
                Place("policy.index", N_("Policy"), "doc"),
                Place("audit.index", N_("Who did what"), "history"),
            ),
        ),
    ),
    Role.COUNTY: _BUREAU,
    Role.CITY: _BUREAU,
    Role.OPERATOR: (
        Group(
            N_("System"),
            (
                _NOTICES,
                Place("policy.index", N_("Policy"), "doc"),
                Place("api_tokens.index", N_("Tokens of programs"), "key"),
                Place("webhooks.index", N_("Webhooks"), "bell"),
                Place("gateway_messages.index", N_("Messages of Alipay"), "money"),
                Place("privacy.requests", N_("Requests about personal data"), "users"),
            ),
        ),
    ),
}
