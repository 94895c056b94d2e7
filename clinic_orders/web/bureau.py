"""The bureau's desk: what needs me today; and the alarms, each until somebody says how it was settled."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from flask import Blueprint, Response, abort, current_app, flash, redirect, render_template, request, url_for
from flask_babel import gettext as _
from flask_babel import ngettext
from werkzeug.wrappers import Response as AnyResponse

from clinic_orders.actions.alarms import NO_DISTRIBUTOR, close_alarm
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.ordering import EMERGENCY_PICKED
from clinic_orders.queries import bureau as questions
from clinic_orders.queries import closing
from clinic_orders.queries import findings as finding_questions
from clinic_orders.queries import institutions as roster
from clinic_orders.queries.bureau import AlarmFilter, AlarmRow, Desk
from clinic_orders.queries.counting import Question
from clinic_orders.queries.findings import FindingsWanted
from clinic_orders.queries.lapsing import EMERGENCY_ALARM
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.finding_states import Severity
from clinic_orders.rules.parties import Actor, InstitutionKind, Permission, Role
from clinic_orders.web import guards
from clinic_orders.web.addresses import own_path
from clinic_orders.web.checklist import checklist
from clinic_orders.web.display import label
from clinic_orders.web.errors import say
from clinic_orders.web.finding_sentences import sentence
from clinic_orders.web.findings import ICONS, SHAPES
from clinic_orders.web.guards import needs
from clinic_orders.web.listing import Column, as_file, page_cut, sort_order, wanted_file
from clinic_orders.web.navigation import counts

GRAVEST = 12
"""How many findings stand on the desk itself."""

blueprint = Blueprint("bureau", __name__, url_prefix="/bureau")

# What the kinds of alarm are called, the most pressing first.
ALARM_WORDS: dict[str, str] = {
    EMERGENCY_ALARM: N_("Emergency order without an answer"),
    NO_DISTRIBUTOR: N_("Nobody delivers"),
    EMERGENCY_PICKED: N_("Emergency order without a delivery relation"),
}


def alarm_word(kind: str) -> str:
    """What a kind of alarm is called; the bare word where nobody has named it."""
    return _(ALARM_WORDS[kind]) if kind in ALARM_WORDS else kind


@counts("bureau.desk")
def _waiting(by: Actor, at: datetime) -> Question:
    return questions.waiting_question(by, at)


# The desk ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Duty:
    """One line of what is to be looked after: whether it is in order, what it says, where it leads."""

    done: bool
    title: str
    text: str
    url: str
    go: str


def _duties(desk: Desk) -> list[Duty]:
    """What the roster and the settings lack."""
    found = [
        _duty(
            desk.lacking["letter"],
            _("Commitment letters"),
            ngettext(
                "%(num)s member has no letter in force and can't order",
                "%(num)s members have no letter in force and can't order",
                desk.lacking["letter"],
            ),
            _("every member has one in force"),
            url_for("roster.institutions", lacks="letter"),
        ),
        _duty(
            desk.lacking["account"],
            _("Accounts"),
            ngettext(
                "%(num)s member has nobody who can log in",
                "%(num)s members have nobody who can log in",
                desk.lacking["account"],
            ),
            _("every member can log in"),
            url_for("roster.institutions", lacks="account"),
        ),
        _duty(
            desk.lacking["supervisor"],
            _("Supervising hospitals"),
            ngettext(
                "%(num)s village or station has none",
                "%(num)s villages and stations have none",
                desk.lacking["supervisor"],
            ),
            _("every village and station has one"),
            url_for("roster.institutions", lacks="supervisor"),
        ),
        _duty(
            desk.gap_items,
            _("Delivery relations"),
            ngettext(
                "%(num)s item has nobody in a county", "%(num)s items have nobody in a county", desk.gap_items
            ),
            _("every item has somebody everywhere"),
            url_for("roster.missing"),
        ),
    ]
    if desk.failed_jobs is not None:
        found.append(
            _duty(
                len(desk.failed_jobs),
                _("Nightly work"),
                _("failed: %(jobs)s", jobs=", ".join(desk.failed_jobs)),
                _("nothing failed this week"),
                _address("jobs.index"),
            )
        )
    return found


def _address(endpoint: str) -> str:
    """The address of another area's page; the desk itself where that area is not built in."""
    return url_for(endpoint if endpoint in current_app.view_functions else "bureau.desk")


def _duty(missing: int, title: str, wrong: str, fine: str, url: str) -> Duty:
    return Duty(not missing, title, wrong if missing else fine, url, _("Look"))


@blueprint.get("/")
@needs(Permission.ALARMS_READ)
def desk() -> str:
    """What needs the bureau today."""
    actor, today = guards.actor(), guards.today()
    found = questions.desk(actor, at=guards.at())
    month = closing.month_to_close(on=today)
    points = checklist(month)
    return render_template(
        "bureau/desk.html",
        desk=found,
        findings=finding_questions.desk_findings(actor, on=today),
        gravest=finding_questions.findings(actor, on=today, wanted=FindingsWanted(), limit=GRAVEST),
        severities=list(Severity),
        icons=ICONS,
        severity_shapes=SHAPES,
        sentence=sentence,
        month=month,
        closes_on=month.next().first_day,
        points=points,
        ready=sum(point.done for point in points),
        may_close=actor.may(Permission.MONTH_CLOSE) and month.last_day < today,
        duties=_duties(found),
        kinds=[(kind, alarm_word(kind), found.alarms.get(kind, 0)) for kind in ALARM_WORDS],
        word=alarm_word,
        lapsed_from=questions.lapsed_from(guards.at()),
        lapsed_days=questions.LAPSED_DAYS,
        today=guards.today(),
    )


# Alarms -----------------------------------------------------------------------------------------------

_FILE = (
    Column(N_("Kind of alarm"), lambda row: alarm_word(row.kind)),
    Column(N_("Institution"), lambda row: row.institution),
    Column(N_("Kind"), lambda row: label(row.institution_kind)),
    Column(N_("County"), lambda row: row.county),
    Column(N_("Township or street"), lambda row: row.township),
    Column(N_("Item"), lambda row: row.item),
    Column(N_("Order number"), lambda row: row.order_no),
    Column(N_("Times"), lambda row: row.times),
    Column(N_("First"), lambda row: row.first_at),
    Column(N_("Last"), lambda row: row.last_at),
    Column(N_("Settled at"), lambda row: row.closed_at),
    Column(N_("Settled by"), lambda row: row.closed_by),
    Column(N_("How it was settled"), lambda row: settled_text(row)),
)


def settled_text(row: AlarmRow) -> str:
    """How an alarm was settled: what somebody wrote, or the sentence of what ended it by itself."""
    return _(row.closed_reason) if row.closed_reason else ""


@blueprint.get("/alarms")
@needs(Permission.ALARMS_READ)
def alarms() -> str | Response:
    """The alarms that fit."""
    return _alarms_page()


def _alarms_page(error: str = "", alarm_id: int = 0) -> str | Response:
    actor, today = guards.actor(), guards.today()
    kind, asked = request.args.get("kind", ""), request.args.get("institution_kind", "")
    wanted = AlarmFilter(
        words=request.args.get("q", "").strip(),
        kind=kind,
        county=request.args.get("county", ""),
        state=request.args.get("state", "open"),
        institution_kind=InstitutionKind(asked) if asked in set(InstitutionKind) else None,
    )
    sort = sort_order(questions.ALARM_SORTS, "-last")
    if wanted_file():
        return as_file("alarms", _FILE, questions.alarms_page(actor, wanted, on=today, sort=sort, limit=None))
    cut = page_cut(questions.count_alarms(actor, wanted, on=today))
    return render_template(
        "bureau/alarms.html",
        rows=questions.alarms_page(actor, wanted, on=today, sort=sort, offset=cut.offset, limit=cut.limit),
        page=cut,
        sort=sort,
        wanted=wanted,
        filtered=wanted != AlarmFilter(),
        alarm_kinds=[(kind, alarm_word(kind)) for kind in ALARM_WORDS],
        kinds=[(kind.value, label(kind)) for kind in InstitutionKind],
        counties=[] if actor.role is Role.COUNTY else roster.counties(actor),
        word=alarm_word,
        settled=settled_text,
        error=error,
        wrong_id=alarm_id,
        typed=request.form.get("reason", ""),
        may_change=actor.may(Permission.ROSTER_MANAGE),
    )


@blueprint.post("/alarms/<int:alarm_id>/close")
@needs(Permission.ALARMS_READ)
def settle(alarm_id: int) -> AnyResponse | str | tuple[str | Response, int]:
    """Say how an alarm was settled."""
    try:
        close_alarm(alarm_id, request.form.get("reason", ""), by=guards.actor(), at=guards.at())
    except NotFound:
        abort(404)
    except RuleBroken as refusal:
        return _alarms_page(say(refusal), alarm_id), 400
    flash(_("The alarm is settled."), "ok")
    return redirect(own_path(request.form.get("next"), url_for(".alarms")))
