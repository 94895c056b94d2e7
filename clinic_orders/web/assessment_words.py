"""What indicators, grades, states and uses of the annual assessment are called on screen."""

from __future__ import annotations

from decimal import Decimal

from flask_babel import gettext

from clinic_orders.rules.assessment import AssessmentState, Grade, Indicator, Use
from clinic_orders.rules.errors import N_
from clinic_orders.web.display import register_labels, yuan

register_labels(
    {
        Indicator.FULFILMENT: N_("Agreed volume bought"),
        Indicator.PAYMENT: N_("Payment in time"),
        Indicator.STOCKING: N_("Minimum of items kept"),
        Indicator.PRICE: N_("Selling price kept"),
        Indicator.REPORTING: N_("Reports in time"),
        Indicator.TRACING: N_("Trace codes scanned"),
        Indicator.TRAINING: N_("Staff trained"),
        Indicator.CONDUCT: N_("Conduct"),
        Indicator.SITE: N_("Seen on the spot"),
    }
)
register_labels(
    {
        Grade.EXCELLENT: N_("Excellent"),
        Grade.GOOD: N_("Good"),
        Grade.PASSED: N_("Passed"),
        Grade.FAILED: N_("Not passed"),
    }
)
register_labels(
    {
        AssessmentState.SELF_SCORING: N_("Self-scoring"),
        AssessmentState.ON_SITE: N_("Scoring on the spot"),
        AssessmentState.PUBLISHED: N_("Published, may be appealed"),
        AssessmentState.FINAL: N_("Settled"),
    }
)
register_labels(
    {
        Use.SETTLEMENT: N_("Fund settlement of the year"),
        Use.DEPOSIT: N_("Return of the deposit"),
        Use.RENEWAL: N_("Renewal of the agreement"),
    }
)

GRADE_SHAPES = {Grade.EXCELLENT: "ok", Grade.GOOD: "ok", Grade.PASSED: "warn", Grade.FAILED: "bad"}
STATE_SHAPES = {
    AssessmentState.SELF_SCORING: "wait",
    AssessmentState.ON_SITE: "wait",
    AssessmentState.PUBLISHED: "warn",
    AssessmentState.FINAL: "ok",
}
# What is counted; the places are filled with what was done and what was asked.
_MEASURES = {
    Indicator.FULFILMENT: N_("%(done)s of %(asked)s packs"),
    Indicator.PAYMENT: N_("%(done)s of %(asked)s yuan in time"),
    Indicator.STOCKING: N_("%(done)s of %(asked)s months"),
    Indicator.PRICE: N_("%(done)s of %(asked)s months without a sale above the limit"),
    Indicator.REPORTING: N_("%(done)s of %(asked)s reports in time"),
    Indicator.TRACING: N_("%(done)s of %(asked)s sale lines"),
    Indicator.TRAINING: N_("%(done)s of %(asked)s hours"),
    Indicator.CONDUCT: N_("%(done)s of %(asked)s left"),
    Indicator.SITE: N_("%(done)s of %(asked)s points"),
}
ABOUT = {
    Indicator.FULFILMENT: N_(
        "Agreements whose cycle ended in the year count whole, those that run on its last day by the time gone. Packs that did not come by the distributor's fault count as bought; more of one item does not stand in for another."
    ),
    Indicator.PAYMENT: N_(
        "What was paid on or before its due date, of what was due in the months of the year."
    ),
    Indicator.STOCKING: N_(
        "Months at whose end the minimum of items was kept, of those in which it was looked at."
    ),
    Indicator.PRICE: N_("Months as a member without a sale above the allowed amount."),
    Indicator.REPORTING: N_("Reports that came by their day, of those that were due."),
    Indicator.TRACING: N_("Sale lines with a trace code, of those that want one."),
    Indicator.TRAINING: N_("Hours of the trainings recorded for days of the year, of the hours asked."),
    Indicator.CONDUCT: N_(
        "From the number asked, the highest level of every case of the year is taken away, and 1 for every complaint found to be so."
    ),
    Indicator.SITE: N_("Points given by the officers who were there."),
}


def measure(indicator: Indicator, done: Decimal, asked: Decimal) -> str:
    """What was done of what was asked, in words; empty where it does not apply."""
    if asked <= 0:
        return ""
    if indicator is Indicator.PAYMENT:
        return str(gettext(_MEASURES[indicator], done=yuan(done), asked=yuan(asked)))
    return str(gettext(_MEASURES[indicator], done=plain(done), asked=plain(asked)))


def plain(number: Decimal) -> str:
    """A number without zeros that say nothing: ``1.5``, ``20``."""
    return f"{number.normalize():f}"
