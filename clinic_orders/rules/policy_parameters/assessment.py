"""The policy parameters of the annual assessment: weights, bands, days, and from how many points on a result counts whole.

No weight has been published for this scheme: all are local policy until the bureau confirms them (decision 0052).
"""

from __future__ import annotations

from typing import Final

from clinic_orders.rules.errors import N_
from clinic_orders.rules.policy_parameters.forms import Form, Parameter

_LOCAL: Final = N_("Local policy, unconfirmed")
_BANDS: Final = N_("Bands of a notice of Fengshan county (Guangxi), unconfirmed")
_NO_FIGURE: Final = N_("No figure has been published")


def _number(name: str, label: str, default: str, rests_on: str = _LOCAL) -> Parameter:
    return Parameter(
        f"assessment.{name}", Form.NUMBER, label, default, rests_on, confirmed=False, may_be_unset=not default
    )


def _days(name: str, label: str, default: str) -> Parameter:
    return Parameter(f"assessment.{name}", Form.DAYS, label, default, _LOCAL, confirmed=False)


ASSESSMENT: Final = (
    _number("fulfilment", N_("Assessment: weight of the agreed volume"), "20"),
    _number("payment", N_("Assessment: weight of payment in time"), "20"),
    _number("stocking", N_("Assessment: weight of the minimum of items"), "10"),
    _number("price", N_("Assessment: weight of the selling price"), "10"),
    _number("reporting", N_("Assessment: weight of reports"), "10"),
    _number("tracing", N_("Assessment: weight of trace codes"), "10"),
    _number("training", N_("Assessment: weight of training"), "5"),
    _number("conduct", N_("Assessment: weight of conduct"), "5"),
    _number("site", N_("Assessment: weight of what is seen on the spot"), "10"),
    _number("excellent", N_("Assessment: points of the grade excellent"), "90", _BANDS),
    _number("good", N_("Assessment: points of the grade good"), "80", _BANDS),
    _number("passed", N_("Assessment: points of the grade passed"), "60", _BANDS),
    _number("training_hours", N_("Assessment: hours of training a year"), "4"),
    _number("conduct_levels", N_("Assessment: sum of levels at which conduct has no points"), "8"),
    _days("self_days", N_("Assessment: days to score oneself"), "15"),
    _days("appeal_days", N_("Assessment: days to appeal"), "7"),
    _number("settlement_from", N_("Assessment: points from which the fund settles in full"), "", _NO_FIGURE),
    _number(
        "deposit_from", N_("Assessment: points from which the deposit is returned in full"), "", _NO_FIGURE
    ),
    _number("renewal_from", N_("Assessment: points from which the agreement is renewed"), "", _NO_FIGURE),
)
"""The lines of section 13 about the assessment, in the order of the policy screen."""
