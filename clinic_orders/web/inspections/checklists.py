"""The checklist and its versions; the city makes the next one (R-CASE-5)."""

from __future__ import annotations

from flask import flash, redirect, render_template, request, url_for
from flask_babel import gettext
from werkzeug.wrappers import Response

from clinic_orders.actions import inspections as deeds
from clinic_orders.queries import inspections as queries
from clinic_orders.rules.errors import RuleBroken
from clinic_orders.rules.findings import Grade
from clinic_orders.rules.inspection.checklist import HINT, SHIPPED, TEXT, ChecklistItem, ItemGroup, next_code
from clinic_orders.rules.parties import Permission, Role
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.guards import actor, at, needs, today
from clinic_orders.web.inspections.door import blueprint, by_group, fresh_key

_NEW = 4
"""Empty lines for what is added."""
_GRADES = (Grade.VIOLATION, Grade.WARNING)


def _lines() -> list[ChecklistItem]:
    newest = queries.latest_checklist()
    return list(SHIPPED if newest is None else queries.items_of(newest.id).values())


def _page(refusal: str = "") -> str:
    asked = request.args.get("version", type=int)
    versions = queries.checklists()
    shown = next((one for one in versions if one.number == asked), versions[0] if versions else None)
    items = list(queries.items_of(shown.id).values()) if shown else list(SHIPPED)
    return render_template(
        "inspections/checklist.html",
        versions=versions,
        shown=shown,
        groups=by_group(items),
        lines=_lines(),
        new=range(_NEW),
        headings=[(one.value, label(one)) for one in ItemGroup],
        grades=[(one.value, label(one)) for one in _GRADES],
        may=actor().role is Role.CITY,
        key=fresh_key(),
        limits={"text": TEXT, "hint": HINT},
        typed=request.form,
        refusal=refusal,
        today=today(),
    )


@blueprint.get("/checklist")
@needs(Permission.INSPECTIONS_HANDLE)
def checklist() -> str:
    """The newest version, or the one asked for; below it the form of the next."""
    return _page()


def _typed() -> list[ChecklistItem]:
    typed, lines = request.form, _lines()
    found = [
        ChecklistItem(
            line.code,
            line.group,
            typed.get(f"text-{line.code}", line.text).strip(),
            typed.get(f"hint-{line.code}", line.hint).strip(),
            _grade(typed.get(f"grade-{line.code}", line.grade.value)),
        )
        for line in lines
        if not typed.get(f"out-{line.code}")
    ]
    codes = [line.code for line in lines]
    for place in range(_NEW):
        text = typed.get(f"new-text-{place}", "").strip()
        if text:
            group = typed.get(f"new-group-{place}", "")
            codes.append(next_code(codes))
            found.append(
                ChecklistItem(
                    codes[-1],
                    ItemGroup(group) if group in set(ItemGroup) else ItemGroup.SIX,
                    text,
                    typed.get(f"new-hint-{place}", "").strip(),
                    _grade(typed.get(f"new-grade-{place}", "")),
                )
            )
    order = list(ItemGroup)
    return sorted(found, key=lambda item: order.index(item.group))


def _grade(text: str) -> Grade:
    return Grade.VIOLATION if text == Grade.VIOLATION else Grade.WARNING


@blueprint.post("/checklist")
@needs(Permission.INSPECTIONS_HANDLE)
def change_checklist() -> Response | tuple[str, int]:
    """Make the next version; plans that are there keep theirs."""
    try:
        deeds.change_checklist(
            _typed(),
            request.form.get("basis", ""),
            key=request.form.get("key", "")[:64] or fresh_key(),
            by=actor(),
            at=at(),
        )
    except RuleBroken as refusal:
        return _page(say(refusal)), 422
    flash(gettext("The new version holds for plans made from now on."), "ok")
    return redirect(url_for(".checklist"), 303)
