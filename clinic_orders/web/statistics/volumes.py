"""How far agreed volumes are fulfilled, by batch and by item, with the lag behind time (R-STAT-2, R-VOL-3)."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from flask import abort, render_template, request
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response

from clinic_orders.queries import institutions as roster
from clinic_orders.queries.month_rows import Fulfilment, VolumeRow, fulfilment
from clinic_orders.rules.errors import N_
from clinic_orders.rules.findings import rounded
from clinic_orders.rules.parties import InstitutionKind, Permission, Role
from clinic_orders.web.display import label
from clinic_orders.web.guards import actor, needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.statistics.door import asked_county, asked_figures, asked_month, blueprint

# By what the rows are gathered, and what comes next when one looks closer.
GROUPS = {"batch": N_("By batch"), "item": N_("By item"), "place": N_("By county and kind")}
_NEXT = {"batch": "item", "item": "place", "place": ""}
_SORTS = {"name", "agreed", "counted", "progress", "lag"}


@dataclass(frozen=True, slots=True)
class Group:
    """Volumes that are shown in one line.

    Attributes:
        name, sub: what they have in common, and more of it.
        narrower: what the address needs to see what they are made of.
        sums: added up.

    """

    name: str
    sub: str
    narrower: dict[str, str]
    sums: Fulfilment


def share(value: Fraction | None, places: str = "0.01") -> str:
    """A share in percent, or percentage points, with two decimals."""
    return "—" if value is None else f"{rounded(value, Decimal(places)):,}"


def percent(value: Fraction | None) -> str:
    """A share as a per cent."""
    return "—" if value is None else f"{share(value * 100)}%"


def _groups(rows: list[VolumeRow], by: str, names: dict[str, str]) -> list[Group]:
    keys: dict[str, Callable[[VolumeRow], tuple[str, ...]]] = {
        "batch": lambda row: (row.batch,),
        "item": lambda row: (row.item_code, row.first.isoformat(), row.last.isoformat()),
        "place": lambda row: (row.county, row.kind),
    }
    gathered: dict[tuple[str, ...], list[VolumeRow]] = defaultdict(list)
    for row in rows:
        gathered[keys[by](row)].append(row)
    found = []
    for those in gathered.values():
        one = those[0]
        if by == "batch":
            number = len({row.item_code for row in those})
            name, sub, narrower = (
                one.batch,
                ngettext("%(items)s item", "%(items)s items", number, items=number),
                {"batch": one.batch},
            )
        elif by == "item":
            name, sub = one.item, f"{one.item_code} · {one.batch} · {one.first} – {one.last}"
            narrower = {"item": one.item_code}
        else:
            name = names.get(one.county, one.county)
            sub, narrower = label(InstitutionKind(one.kind)), {"county": one.county, "kind": one.kind}
        found.append(Group(name, sub, narrower, fulfilment(those)))
    return found


_FILE = (
    Column(N_("Agreed volume of"), lambda one: one.name),
    Column(N_("More about it"), lambda one: one.sub),
    Column(N_("Agreed (packs)"), lambda one: one.sums.agreed),
    Column(N_("Counted (packs)"), lambda one: one.sums.counted),
    Column(N_("Fulfilled"), lambda one: percent(one.sums.progress)),
    Column(N_("Time gone by"), lambda one: percent(one.sums.time_progress)),
    Column(N_("Lag (percentage points)"), lambda one: share(one.sums.lag_pp)),
)


@blueprint.get("/<month>/volumes")
@needs(Permission.STATISTICS_READ)
def volumes(month: str) -> str | Response:
    """The agreed volumes whose cycles run on the month's last day."""
    asked, county = asked_month(month), asked_county()
    names = dict(roster.counties(actor()))
    kind, batch, item = (request.args.get(key, "") for key in ("kind", "batch", "item"))
    by = request.args.get("by", "batch")
    found = asked_figures(asked, "")
    kept = None if found is None else found.rows
    if found is None or kept is None or by not in GROUPS or (county and county not in names):
        abort(404)
    words = request.args.get("q", "").strip()[:64]
    those = [
        row
        for row in kept.volumes
        if county in {"", row.county}
        and kind in {"", row.kind}
        and batch in {"", row.batch}
        and item in {"", row.item_code}
    ]
    groups = [one for one in _groups(those, by, names) if not words or words in f"{one.name} {one.sub}"]
    sort = sort_order(_SORTS, "-lag")
    orders: dict[str, Callable[[Group], object]] = {
        "name": lambda one: one.name,
        "agreed": lambda one: one.sums.agreed,
        "counted": lambda one: one.sums.counted,
        "progress": lambda one: one.sums.progress or Fraction(0),
        "lag": lambda one: one.sums.lag_pp if one.sums.lag_pp is not None else Fraction(-(10**9)),
    }
    groups.sort(key=lambda one: (one.name, one.sub))
    groups.sort(key=orders[sort.removeprefix("-")], reverse=sort.startswith("-"))  # type: ignore[arg-type]
    if wanted_file():
        return as_file(f"volumes-{asked}", _FILE, groups)
    cut = page_cut(len(groups))
    return render_template(
        "statistics/volumes.html",
        month=asked,
        found=found,
        by=by,
        groups=GROUPS,
        then=_NEXT[by],
        rows=groups[cut.offset : cut.offset + cut.limit],
        total=fulfilment(those),
        page=cut,
        sort=sort,
        words=words,
        county=county,
        kind=kind,
        batch=batch,
        item=item,
        item_name=next((row.item for row in those if item), ""),
        place=names[county] if county else _("Whole city"),
        counties=[] if actor().role is Role.COUNTY else list(names.items()),
        kinds=[(one.value, label(one)) for one in InstitutionKind],
        batches=[(one, one) for one in sorted({row.batch for row in kept.volumes})],
        percent=percent,
        share=share,
    )
