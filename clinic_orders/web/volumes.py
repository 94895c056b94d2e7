"""Planned volume at the bureau: who reported and who did not; turned into agreed volume, and taken back (R-VOL-1)."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from flask import Blueprint, abort, flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.datastructures import MultiDict
from werkzeug.wrappers import Response

from clinic_orders.actions import volume_conversion as deeds
from clinic_orders.actions.loading import NotFound
from clinic_orders.queries import volume_conversions
from clinic_orders.queries import volume_plans as queries
from clinic_orders.queries.policy import policy_book
from clinic_orders.queries.roster import seen_standing
from clinic_orders.queries.volume_plans import PlansWanted
from clinic_orders.rules.days import Quarter, parse_day
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import InstitutionKind, Permission
from clinic_orders.rules.volume import Cycle, CycleEndsBeforeStart
from clinic_orders.rules.volume_conversion import Ratios, parse_ratio
from clinic_orders.web.display import label, period
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file

blueprint = Blueprint("volumes", __name__, url_prefix="/volumes")

STATE_WORDS = {
    "reported": N_("reported in time"),
    "late": N_("reported late"),
    "missing": N_("not reported"),
    "waiting": N_("not due yet"),
    "not_owed": N_("not owed"),
}
SHAPES = {"reported": "ok", "late": "warn", "missing": "bad", "waiting": "wait", "not_owed": "off"}
ALL_ITEMS = Decimal(100)
"""The ratio that stands in the form before anybody typed one."""


def _quarter() -> Quarter:
    try:
        return Quarter.parse(request.values.get("quarter", ""))
    except RuleBroken:
        return Quarter.of(today())


# Who reported -----------------------------------------------------------------------------------------------

COLUMNS = (
    Column(N_("Code"), lambda row: row.code),
    Column(N_("Institution"), lambda row: row.name),
    Column(N_("Kind"), lambda row: row.kind),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Township or street"), lambda row: row.township),
    Column(N_("State"), lambda row: gettext(STATE_WORDS[row.state])),
    Column(N_("Items planned"), lambda row: row.items),
    Column(N_("Packs planned"), lambda row: row.packs),
    Column(N_("Reported at"), lambda row: row.first_at),
    Column(N_("Due on"), lambda row: row.due_on),
)
ITEM_COLUMNS = (
    Column(N_("Item code"), lambda row: row.item_code),
    Column(N_("Medicine"), lambda row: row.name),
    Column(N_("Strength"), lambda row: row.strength),
    Column(N_("Maker"), lambda row: row.manufacturer),
    Column(N_("Planned packs"), lambda row: row.packs),
    Column(N_("Agreed packs"), lambda row: row.agreed),
    Column(N_("First day of the cycle"), lambda row: row.cycle_start),
    Column(N_("Last day of the cycle"), lambda row: row.cycle_end),
)


@blueprint.get("/")
@needs(Permission.REPORTS_READ)
def index() -> str | Response:
    """The members with their reports of a quarter, the missing ones first."""
    quarter, on = _quarter(), today()
    kind, state = request.args.get("kind", ""), request.args.get("state", "")
    wanted = PlansWanted(
        request.args.get("q", "").strip()[:64],
        request.args.get("county", "")[:12],
        InstitutionKind(kind) if kind in set(InstitutionKind) else None,
        state if state in queries.STATES else "",
    )
    sort = sort_order(queries.SORTS, "state")
    everybody = queries.plans(actor(), quarter, on=on, book=policy_book())
    rows = queries.fitting(everybody, wanted, sort)
    if wanted_file():
        return as_file(f"planned-volume-{quarter}", COLUMNS, rows)
    cut = page_cut(len(rows))
    counties = queries.by_county(everybody)
    now = Quarter.of(on)
    known = {str(one): one for one in [now, quarter, *queries.quarters_reported()]}
    return render_template(
        "volumes/index.html",
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        wanted=wanted,
        filtered=wanted != PlansWanted(),
        quarter=quarter,
        quarters=[(text, period(one)) for text, one in sorted(known.items(), reverse=True)],
        name=period,
        counties=counties,
        totals={one: sum(county.states[one] for county in counties) for one in queries.STATES},
        states=[(one, gettext(STATE_WORDS[one])) for one in queries.STATES],
        words=STATE_WORDS,
        shapes=SHAPES,
        kinds=[(one.value, label(one)) for one in InstitutionKind],
        may_agree=actor().may(Permission.VOLUME_AGREE),
        today=on,
    )


@blueprint.get("/<quarter>/<int:institution_id>")
@needs(Permission.REPORTS_READ)
def plan(quarter: str, institution_id: int) -> str | Response:
    """What one institution reported for a quarter."""
    try:
        asked = Quarter.parse(quarter)
    except RuleBroken:
        abort(404)
    state = seen_standing(institution_id, actor(), on=today())
    if state is None:
        abort(404)
    rows = queries.planned_items(institution_id, asked)
    if wanted_file():
        return as_file(f"planned-volume-{asked}-{institution_id}", ITEM_COLUMNS, rows)
    return render_template(
        "volumes/plan.html",
        who=state.name,
        items=rows,
        quarter=asked,
        name=period,
    )


# Into agreed volume -----------------------------------------------------------------------------------------


@dataclass(slots=True)
class Asked:
    """What the form or the address asks for, with what is wrong in it."""

    quarter: Quarter
    first: date | None
    last: date | None
    common: Decimal | None
    by_item: dict[str, Decimal]
    typed: dict[str, str]
    errors: list[tuple[str, str]]

    @property
    def cycle(self) -> Cycle | None:
        """The days, where both are right."""
        return None if self.first is None or self.last is None else Cycle(self.first, self.last)

    @property
    def ratios(self) -> Ratios:
        """The ratios as far as they are right."""
        return Ratios(self.common or ALL_ITEMS, self.by_item)

    def as_args(self) -> dict[str, Any]:
        """The same as an address: only the ratios that differ from the common one."""
        packed = ",".join(f"{code}:{ratio}" for code, ratio in sorted(self.by_item.items()))
        return {
            "quarter": str(self.quarter),
            "first": self.typed["first"],
            "last": self.typed["last"],
            "ratio": self.typed["ratio"],
            **({"ratios": packed} if packed else {}),
        }


def _asked(values: MultiDict[str, Any]) -> Asked:
    """Read days and ratios, from boxes ``r-<item code>`` or from one text ``ratios``."""
    quarter = _quarter()
    following = Quarter.of(quarter.months[2].next().first_day)
    typed = {
        "first": values.get("first", following.first_day.isoformat()).strip(),
        "last": values.get("last", following.last_day.isoformat()).strip(),
        "ratio": values.get("ratio", str(ALL_ITEMS)).strip(),
    }
    for one in values.get("ratios", "").split(","):
        code, colon, ratio = one.rpartition(":")
        if colon:
            typed[f"r-{code}"] = ratio
    typed |= {name: text.strip() for name, text in values.items() if name.startswith("r-") and text.strip()}
    errors: list[tuple[str, str]] = []

    def tried(name: str, read: Any) -> Any:
        try:
            return read(typed[name])
        except RuleBroken as refusal:
            errors.append((name, say(refusal)))
            return None

    first, last = tried("first", parse_day), tried("last", parse_day)
    common = tried("ratio", parse_ratio)
    by_item = {
        name[2:]: ratio
        for name in typed
        if name.startswith("r-") and (ratio := tried(name, parse_ratio)) is not None and ratio != common
    }
    if first and last and last < first:
        errors.append(("last", say(CycleEndsBeforeStart(first=first, last=last))))
    return Asked(quarter, first, last, common, by_item, typed, errors)


@blueprint.get("/convert")
@needs(Permission.VOLUME_AGREE)
def convert() -> str:
    """The days of the agreement and the ratio of each item."""
    return _convert_page(_asked(request.args))


def _convert_page(asked: Asked) -> str:
    found = queries.preview(asked.quarter, asked.cycle, asked.ratios, on=today())
    return render_template(
        "volumes/convert.html",
        asked=asked,
        errors=asked.errors,
        error_of=dict(asked.errors),
        items=found.items,
        quarter=asked.quarter,
        name=period,
        say=say,
    )


@blueprint.post("/convert")
@needs(Permission.VOLUME_AGREE)
def choose() -> Response | tuple[str, int]:
    """Go on to the preview, or say what is wrong."""
    asked = _asked(request.form)
    if asked.errors:
        return _convert_page(asked), 422
    return redirect(url_for(".preview", **asked.as_args()), 303)


PREVIEW_COLUMNS = (
    Column(N_("Code"), lambda row: row.code),
    Column(N_("Institution"), lambda row: row.name),
    Column(N_("Kind"), lambda row: row.kind),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Items planned"), lambda row: row.items),
    Column(N_("Planned packs"), lambda row: row.planned),
    Column(N_("Agreed packs"), lambda row: row.agreed),
)
PREVIEW_SORTS = {
    "name": lambda row: row.name,
    "place": lambda row: (row.county, row.name),
    "items": lambda row: row.items,
    "planned": lambda row: row.planned,
    "agreed": lambda row: row.agreed,
}


@blueprint.get("/preview")
@needs(Permission.VOLUME_AGREE)
def preview() -> str | Response:
    """What each institution would get, to look through before it is made."""
    return _preview_page()


def _preview_page(refusal: str = "") -> str | Response:
    asked = _asked(request.args)
    if asked.errors:
        return _convert_page(asked)
    found = queries.preview(asked.quarter, asked.cycle, asked.ratios, on=today())
    words = request.args.get("q", "").strip()[:64]
    sort = sort_order(PREVIEW_SORTS, "-agreed")
    rows = [
        row
        for row in found.institutions
        if all(word in f"{row.name} {row.code} {row.county}" for word in words.split()[:5])
    ]
    rows.sort(key=PREVIEW_SORTS[sort.removeprefix("-")], reverse=sort.startswith("-"))
    if wanted_file():
        return as_file(f"agreed-volume-{asked.quarter}", PREVIEW_COLUMNS, rows)
    cut = page_cut(len(rows))
    return render_template(
        "volumes/preview.html",
        asked=asked,
        args=asked.as_args(),
        found=found,
        refused=[item for item in found.items if item.refusal is not None],
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        quarter=asked.quarter,
        name=period,
        key=secrets.token_urlsafe(18),
        refusal=refusal,
        say=say,
    )


@blueprint.post("/preview")
@needs(Permission.VOLUME_AGREE)
def make() -> Response | tuple[str | Response, int]:
    """Make the agreed volumes."""
    asked = _asked(request.args)
    cycle = asked.cycle
    key = request.form.get("key", "")
    if asked.errors or cycle is None or not key:
        abort(400)
    try:
        made = deeds.convert_planned_volume(
            asked.quarter, cycle, asked.ratios, key=key[:64], by=actor(), at=at()
        )
    except RuleBroken as refusal:
        return _preview_page(say(refusal)), 409
    flash(
        gettext(
            "%(agreements)s agreements over %(packs)s packs are made.",
            agreements=f"{made.agreements:,}",
            packs=f"{made.packs:,}",
        ),
        "ok",
    )
    return redirect(url_for(".conversions"), 303)


CONVERSION_COLUMNS = (
    Column(N_("Made at"), lambda row: row.made_at),
    Column(N_("By"), lambda row: row.made_by_name),
    Column(N_("Quarter"), lambda row: row.quarter),
    Column(N_("First day of the cycle"), lambda row: row.cycle_start),
    Column(N_("Last day of the cycle"), lambda row: row.cycle_end),
    Column(N_("Agreements"), lambda row: row.agreements),
    Column(N_("Agreed packs"), lambda row: row.packs),
    Column(N_("Taken back at"), lambda row: row.taken_back_at),
    Column(N_("Taken back by"), lambda row: row.taken_back_by_name),
)


@blueprint.get("/conversions")
@needs(Permission.VOLUME_AGREE)
def conversions() -> str | Response:
    """What was made, the latest first."""
    return _conversions_page()


def _conversions_page(refusal: str = "") -> str | Response:
    words = request.args.get("q", "").strip()[:64]
    sort = sort_order(volume_conversions.CONVERSION_SORTS, "-made")
    rows = volume_conversions.conversions(words, sort)
    if wanted_file():
        return as_file("conversions", CONVERSION_COLUMNS, rows)
    cut = page_cut(len(rows))
    return render_template(
        "volumes/conversions.html",
        rows=rows[cut.offset : cut.offset + cut.limit],
        page=cut,
        sort=sort,
        words=words,
        refusal=refusal,
        today=today(),
        name=period,
    )


@blueprint.post("/conversions/<int:conversion_id>/take-back")
@needs(Permission.VOLUME_AGREE)
def take_back(conversion_id: int) -> Response | tuple[str | Response, int]:
    """Take a conversion back while nothing rests on it."""
    try:
        deeds.take_back_conversion(
            conversion_id, seen_version=request.form.get("version", type=int), by=actor(), at=at()
        )
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _conversions_page(say(refusal)), 409
    flash(gettext("The conversion is taken back. The planned volume stays and can be converted again."), "ok")
    return redirect(url_for(".conversions"), 303)
