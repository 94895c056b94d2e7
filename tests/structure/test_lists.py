"""Every list has search, sort, paging, an empty state and export; a page that lists without them fails."""

from __future__ import annotations

import csv
import io
import re
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from sqlalchemy import func, select

from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition
from clinic_orders.rules.days import Month
from clinic_orders.rules.parties import Role
from tests.many_of_all import make_many, make_people
from tests.orders_in_work import LONG_AGO, NOW, make_world

TEMPLATES = Path(__file__).parents[2] / "templates"
EDITION = 60
"""The number of an edition without items."""
RECKONED = Month.of(NOW.date())
"""The month whose figures were reckoned."""
NOBODY = "没有这样的词"
"""A word that stands nowhere."""
SIGNS = "%_%"
"""Stands nowhere either, but fits everything where the signs reach the database as they mean something to it, or are left out."""


@dataclass(frozen=True)
class List:
    """A list page.

    Attributes:
        role: who reads it.
        address: its path; ``{edition}`` is the number of an edition with items.
        search: the name of its search field.
        always_has_rows: it can't be empty, for a reader has at least the rows that make them one.
        exports_set_only: the file holds the values that somebody has set, to be imported again.

    """

    role: Role
    address: str
    search: str = "q"
    always_has_rows: bool = False
    exports_set_only: bool = False

    def __str__(self) -> str:
        return f"{self.role.value} {self.address}"


LISTS: dict[str, tuple[List, ...]] = {
    "api_tokens.index": (List(Role.OPERATOR, "/tokens/"),),
    "applications.index": (List(Role.CITY, "/applications/"), List(Role.COUNTY, "/applications/")),
    "audit.index": (List(Role.CITY, "/audit/", search="subject"),),
    "bank.index": (List(Role.DISTRIBUTOR, "/bank/"),),
    "bank.show": (List(Role.DISTRIBUTOR, "/bank/1", always_has_rows=True),),
    "bulletins.index": (List(Role.CITY, "/bulletins/"),),
    "bureau.alarms": (List(Role.COUNTY, "/bureau/alarms"),),
    "assessments.index": (List(Role.CITY, "/assessments"), List(Role.COUNTY, "/assessments")),
    "assessments.year_page": (List(Role.CITY, "/assessments/2026", always_has_rows=True),),
    "bureau_orders.index": (List(Role.CITY, "/bureau/orders/"),),
    "cases.inbox": (List(Role.INSTITUTION, "/letters/"),),
    "cases.index": (List(Role.CITY, "/cases/"), List(Role.COUNTY, "/cases/")),
    "catalogue.search": (
        List(Role.CITY, "/catalogue/"),
        List(Role.INSTITUTION, "/catalogue/"),
    ),
    "clues.inbox": (List(Role.INSTITUTION, "/self-checks/"),),
    "clues.index": (List(Role.CITY, "/clues/"), List(Role.COUNTY, "/clues/")),
    "clues.issued": (List(Role.CITY, "/clues/issued"),),
    "clues.measures": (List(Role.CITY, "/clues/measures/"),),
    "clues.new": (List(Role.CITY, "/clues/new"),),
    "clues.transfers": (List(Role.CITY, "/clues/transfers/"),),
    "doubles.index": (List(Role.CITY, "/bureau/doubles/"),),
    "complaints.index": (List(Role.CITY, "/complaints/"), List(Role.COUNTY, "/complaints/")),
    "inspections.index": (List(Role.CITY, "/inspections/"),),
    "inspections.ours": (List(Role.INSTITUTION, "/inspections/ours/"),),
    "inspections.show": (List(Role.CITY, "/inspections/JH2026-0001", always_has_rows=True),),
    "duties.villages": (List(Role.HOSPITAL, "/duties/villages"),),
    "distribution.day": (List(Role.DISTRIBUTOR, "/distribution/"),),
    "distribution.orders": (List(Role.DISTRIBUTOR, "/distribution/orders"),),
    "distribution.receivables": (List(Role.DISTRIBUTOR, "/distribution/receivables"),),
    "distribution.shipments": (
        List(Role.DISTRIBUTOR, "/distribution/shipments"),
        List(Role.DISTRIBUTOR, "/distribution/shipments?show=returns"),
    ),
    "editions.index": (List(Role.CITY, "/editions/"),),
    "editions.prices": (List(Role.CITY, "/editions/prices"),),
    "editions.show": (List(Role.CITY, "/editions/{edition}"),),
    "export_jobs.index": (List(Role.CITY, "/files/exports/"), List(Role.COUNTY, "/files/exports/")),
    "exits.index": (List(Role.CITY, "/exits/"), List(Role.COUNTY, "/exits/")),
    "files.index": (List(Role.CITY, "/files/"),),
    "findings.index": (List(Role.CITY, "/findings/"), List(Role.INSTITUTION, "/findings/")),
    "gateway_messages.index": (
        List(Role.CITY, "/gateway-messages/"),
        List(Role.OPERATOR, "/gateway-messages/"),
    ),
    "holds.index": (List(Role.COUNTY, "/holds/"),),
    "home.notices": (List(Role.INSTITUTION, "/notices"),),
    "import_jobs.index": (List(Role.CITY, "/files/background/"),),
    "incentives.index": (List(Role.CITY, "/incentives/"),),
    "draft_runs.index": (List(Role.CITY, "/draft-runs/"),),
    "letter_runs.index": (List(Role.CITY, "/letter-runs/"),),
    "standards_runs.index": (List(Role.CITY, "/standards/runs/"),),
    "jobs.index": (List(Role.OPERATOR, "/jobs/"),),
    "monitoring.index": (List(Role.CITY, "/monitoring/"),),
    "monitoring.labels": (List(Role.CITY, "/monitoring/labels"),),
    "shortages.index": (List(Role.CITY, "/shortages/"),),
    "ordering.orders": (List(Role.INSTITUTION, "/orders"),),
    "ordering.villages": (List(Role.HOSPITAL, "/villages"),),
    "packs.rate": (List(Role.INSTITUTION, "/packs/rate?month=2026-11"),),
    "payables.index": (List(Role.INSTITUTION, "/payables/"),),
    "payments.index": (List(Role.INSTITUTION, "/payments/"),),
    "privacy.requests": (List(Role.CITY, "/accounts/requests"), List(Role.COUNTY, "/accounts/requests")),
    "policy.index": (List(Role.CITY, "/policy/", always_has_rows=True, exports_set_only=True),),
    "receiving.index": (
        List(Role.INSTITUTION, "/receiving/"),
        List(Role.INSTITUTION, "/receiving/?state=waiting"),
    ),
    "returns.index": (List(Role.INSTITUTION, "/returns/"),),
    "roster.distributors": (List(Role.CITY, "/roster/distributors", always_has_rows=True),),
    "roster.institutions": (List(Role.CITY, "/roster/", always_has_rows=True),),
    "roster.missing": (List(Role.CITY, "/roster/relations/missing"),),
    "roster.relations": (List(Role.CITY, "/roster/relations"),),
    "sales.index": (List(Role.INSTITUTION, "/sales/"),),
    "stock.index": (List(Role.INSTITUTION, "/stock/"),),
    "stock.item": (List(Role.INSTITUTION, "/stock/items/LY001", always_has_rows=True),),
    "tags.index": (List(Role.INSTITUTION, "/stock/tags/"),),
    "shelf_prices.history": (List(Role.INSTITUTION, "/shelf-prices/history"),),
    "statistics.index": (List(Role.CITY, "/statistics/"), List(Role.COUNTY, "/statistics/")),
    "scorecards.index": (List(Role.CITY, "/scorecards/"),),
    "scorecards.answers": (List(Role.CITY, "/scorecards/D01/answers?show=all"),),
    "scorecards.lines": (List(Role.CITY, "/scorecards/D01/lines?show=all"),),
    "scorecards.own": (List(Role.DISTRIBUTOR, "/scorecards/own"),),
    "statistics.rows": (List(Role.CITY, f"/statistics/{RECKONED}/rows/orders"),),
    "statistics.volumes": (List(Role.CITY, f"/statistics/{RECKONED}/volumes?by=item"),),
    "stock_overview.index": (List(Role.CITY, "/stock-overview/"),),
    "stock_overview.institution": (
        List(Role.CITY, "/stock-overview/institutions/V01", always_has_rows=True),
    ),
    "stock_overview.institutions": (
        List(Role.CITY, "/stock-overview/institutions"),
        List(Role.HOSPITAL, "/stock-overview/institutions"),
    ),
    "stock_overview.item": (List(Role.CITY, "/stock-overview/items/LY001", always_has_rows=True),),
    "stages.index": (List(Role.CITY, "/stages/"),),
    "stocking.lists": (List(Role.CITY, "/stocking/lists", always_has_rows=True),),
    "supply.index": (List(Role.INSTITUTION, "/supply/"), List(Role.CITY, "/supply/")),
    "statements.index": (List(Role.DISTRIBUTOR, "/statements/"), List(Role.INSTITUTION, "/statements/")),
    "volumes.conversions": (List(Role.CITY, "/volumes/conversions"),),
    "volumes.index": (List(Role.CITY, "/volumes/?quarter=2026-Q4", always_has_rows=True),),
    "volumes.preview": (
        List(Role.CITY, "/volumes/preview?quarter=2026-Q4&first=2027-01-01&last=2027-03-31"),
    ),
    "trainings.index": (List(Role.CITY, "/trainings/"), List(Role.INSTITUTION, "/trainings/")),
    "webhooks.index": (List(Role.OPERATOR, "/webhooks/"),),
    "webhooks.show": (List(Role.OPERATOR, "/webhooks/wh_00000000", always_has_rows=True),),
    "users.index": (List(Role.CITY, "/accounts/", always_has_rows=True),),
}
# Pages that go through rows without being a list to search in, and why.
NO_LISTS = {
    "api_docs.problems": "the types of problems of a reference, opened by their anchors; the browser searches the page",
    "api_docs.show": "the calls and objects of a reference; as a file it is openapi.json",
    "applications.published": "what is on the wall of the bureau for a week; the bureau's own list exports it",
    "import_jobs.differences": "all that one tried file would do, searched, sorted and exported; test_import_job_pages",
    "batches.batch": "the records of one imported file, searched and exported in the order of the file",
    "clues.new_transfer": "a choice among the clues with a verdict; the list of clues sorts and exports",
    "clues.transfer": "the rows of one list, frozen in their order",
    "dashboard.index": "the figures of twelve months; each duty has its file",
    "editions.choose": "a choice among all items; the list of the edition itself sorts and exports",
    "inspections.choose": "a choice among those whom a plan covers, in three orders; the plan's own list sorts and exports",
    "inspections.phone": "the visits to make, for taking along on a phone; the plan's own list sorts and exports",
    "ordering.check": "the lines of one order before it is sent",
    "ordering.order_page": "the order form; its items are searched, not sorted or exported",
    "scorecards.show": "the list of scorecards.own, of a distributor that the bureau chose",
    "public.bulletin": "the annexes of one published bulletin",
    "public.bulletins": "the published bulletins, four a year, for everybody; bulletins.index is the list",
    "public.compared": "one item, county by county",
    "public.comparison": "the prices of a month for everybody, on a phone: searched, sorted and paged without files",
    "public.grades": "the grades of a published year for everybody, on a phone; assessments.year_page is the list",
    "public.index": "what is open to the public",
    "monitoring.collect": "the form of one report",
    "monitoring.item": "one watched item, sentinel by sentinel",
    "monitoring.settings": "the few sentinels and items that are watched, with the forms to change them",
    "public.monitoring": "the published figures of a month for everybody; monitoring.index is the list",
    "shortages.item": "one item in one county: where it is out, who has it",
    "standards.index": "a choice of sheets and institutions to print",
    "standards.own": "a choice of sheets to print",
    "public.medicine": "who has one medicine in one county, with its drawing; sorted by price or distance",
    "public.roster": "the members for everybody, on a phone; roster.institutions is the list",
    "public.search": "the medicines that fit a search, the best fit first",
    "publicity.index": "the five matters that can be opened",
    "privacy.my_data": "all that is recorded about the reader; the file has it whole",
    "privacy.notice": "what is kept about persons, in the few lines of its table",
    "policy.set_up": "what is to be done, in the order in which to do it",
    "policy.show": "the values of one parameter",
    "statistics.institution": "the figures of one institution in one month",
    "statistics.scope": "one number for each county and kind, typed in one form",
    "statistics.show": "the figures of one month",
    "stages.papers": "the papers of one figure; searched, sorted and exported, but never many",
    "stages.show": "the agreements of one institution in one cycle",
    "volumes.convert": "the form of one conversion",
    "volumes.plan": "the items of one report",
    "stocking.items": "the items of one list",
    "users.issue": "a choice of institutions for slips, narrowed by filters",
    "home.help_page": "help",
}
# What a template that lists contains.
MARKS = re.compile(r"lists\.(pagination|filters|sort_head)\(| in rows %}")


def every_list() -> list[List]:
    return [page for pages in LISTS.values() for page in pages]


def number_of_rows(page) -> int:
    """What the pagination says: rows in all; 0 where there is none."""
    found = [re.findall(r"\d+", text.replace(",", "")) for text in page.texts(".page-nav p")]
    return int(found[0][-1]) if found and found[0] else 0


def rows_shown(page) -> list[str]:
    """The rows of the list itself: what stands in the same sheet as its pagination."""
    with_pages = [frame for frame in page.all("main .sheet") if frame.all(".page-nav")] or page.all("main")
    for selector in ("tbody tr", "a.item", "li.notice"):
        if rows := [row.text for row in with_pages[-1].all(selector)]:
            return rows
    return []


def content(client, address) -> list[list[str]]:
    response = client.get(address, status=200)
    return list(csv.reader(io.StringIO(response.get_data(as_text=True).lstrip("\ufeff"))))


def sort_keys(page) -> list[str]:
    """By what the page lets the reader sort: heads, links or a choice."""
    keys = [
        key
        for link in page.all("main a[href*='sort=']")
        for key in parse_qs(urlsplit(link["href"]).query)["sort"]
    ]
    return [*keys, *(option["value"] for option in page.all("select[name=sort] option"))]


def with_query(address: str, **more: str) -> str:
    """The address with one more thing asked."""
    query = "&".join(f"{name}={value}" for name, value in more.items())
    return f"{address}{'&' if '?' in address else '?'}{query}"


def faults_of(client, listed: List, address: str) -> list[str]:
    """What a list with more rows than a page lacks, a sentence each."""
    page = client.get(address, status=200).page
    faults = []
    if not page.all(f"main form[method=get] input[name={listed.search}]"):
        faults.append("has no search field")
    total = number_of_rows(page)
    following = page.all(".page-nav a[rel=next]")
    if total <= 20 or not following:
        return [*faults, f"has {total} rows and no next page: make more rows in tests/many_of_all.py"]
    first = rows_shown(page)
    second = rows_shown(client.get(following[0]["href"], status=200).page)
    # The last page may be short.
    if not client.page.all(".page-nav a[rel=prev]") or (second and second[0] == first[0]):
        faults.append("shows the same rows on its second page")
    keys = {key.removeprefix("-") for key in sort_keys(page)}
    turned = any(
        rows_shown(client.get(with_query(address, sort=key), status=200).page)[:1]
        != rows_shown(client.get(with_query(address, sort=f"-{key}"), status=200).page)[:1]
        for key in sorted(keys)
    )
    if not turned:
        faults.append(f"is not turned round by any of its sorts {sorted(keys)}")
    for kind in ("csv", "xlsx"):
        links = [
            link
            for link in page.all(f"main a[href*='format={kind}']")
            if urlsplit(link["href"]).path == urlsplit(address).path
        ]
        if len(links) != 1:
            faults.append(f"has no {kind} export")
        elif kind == "csv":
            found = content(client, links[0]["href"])
            if len(found) < total + 1 and not listed.exports_set_only:
                faults.append(f"exports {len(found) - 1} of {total} rows")
        elif not client.get(links[0]["href"], status=200).data.startswith(b"PK"):
            faults.append("exports no XLSX")
    page = client.get(with_query(address, **{listed.search: quote(SIGNS)}), status=200).page
    if number_of_rows(page):
        faults.append(f"finds {number_of_rows(page)} rows for {SIGNS}")
    elif not page.all("main .empty"):
        faults.append("has no empty state where nothing fits")
    elif not page.all("main .empty a[href]"):
        faults.append("leads nowhere where nothing fits")
    if len(content(client, with_query(address, format="csv", **{listed.search: NOBODY}))) != 1:
        faults.append("exports rows that the search leaves out")
    return faults


def test_every_template_that_lists_stands_in_the_table():
    listing = {
        f"{path.parent.name}.{path.stem}"
        for path in TEMPLATES.glob("*/*.html")
        if path.parent.name not in {"parts", "layout", "documents"} and MARKS.search(path.read_text("utf-8"))
    }
    unknown = listing - set(LISTS) - set(NO_LISTS)
    assert not unknown, f"{sorted(unknown)}: put them into LISTS of {__name__}, or say in NO_LISTS why not"


def test_the_table_names_pages_that_there_are(app):
    assert set(LISTS) | set(NO_LISTS) <= set(app.view_functions)
    routes = app.url_map.bind("localhost")
    for endpoint, pages in LISTS.items():
        for page in pages:
            assert routes.match(page.address.partition("?")[0].format(edition=1))[0] == endpoint


def test_every_list_can_be_searched_sorted_turned_over_and_exported(app, client, clock_at):
    clock_at(NOW + timedelta(hours=6))
    _world, people = make_many()
    # The last of the many editions has all items.
    edition, wrong = db.session.scalar(select(func.max(Edition.id))), []
    for listed in every_list():
        client.log_in(people[listed.role])
        address = listed.address.format(edition=edition)
        wrong += [f"{listed} {fault}" for fault in faults_of(client, listed, address)]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("listed", [page for page in every_list() if not page.always_has_rows], ids=str)
def test_an_empty_list_says_so_and_leads_on(app, client, clock_at, listed):
    clock_at(NOW)
    people = make_people(make_world(items=0))
    client.log_in(people[listed.role])
    if "{edition}" in listed.address:
        db.session.add(Edition(id=EDITION, edition="空", valid_from=NOW.date(), recorded_at=LONG_AGO))
        db.session.commit()
    page = client.get(listed.address.format(edition=EDITION), status=200).page
    assert page.all("main .empty h2, main .empty h3"), f"{listed} shows nothing where there is nothing"
    assert page.texts("main .empty p")[0]
