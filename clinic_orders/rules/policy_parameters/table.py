"""The table of policy parameters (rules section 13), in the order of the policy screen."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import PUBLIC_KINDS, InstitutionKind
from clinic_orders.rules.policy_parameters.forms import Form, Parameter

_LOCAL: Final = N_("Local policy, unconfirmed")
_NO_FIGURE: Final = N_("No figure has been published")

_TABLE: Final = (
    Parameter(
        "payment.rule",
        Form.CHOICE,
        N_("Rule for the due date of a payment"),
        "end_of_next_month",
        N_("The scheme (Luoyang)"),
        confirmed=True,
        choices=("end_of_next_month", "days_30"),
    ),
    Parameter(
        "payment.hold_after_days",
        Form.DAYS,
        N_("Payment hold: days overdue"),
        "",
        N_("The scheme has the bureau suspend; a number is local policy"),
        confirmed=False,
        may_be_unset=True,
    ),
    Parameter(
        "payment.hold_min_amount",
        Form.AMOUNT,
        N_("Payment hold: least amount overdue"),
        "100.00",
        N_("The scheme has the bureau suspend; a number is local policy"),
        confirmed=False,
    ),
    Parameter(
        "payment.hold_scope",
        Form.CHOICE,
        N_("Payment hold: which orders"),
        "distributor",
        N_("The scheme has the bureau suspend; a number is local policy"),
        confirmed=False,
        choices=("distributor", "all"),
    ),
    Parameter(
        "markup.cap",
        Form.RATE,
        N_("Highest markup rate"),
        "",
        N_("Public kinds: the scheme. Pharmacies: one press report (Henan pilot), unconfirmed"),
        confirmed=True,
        by_kind=MappingProxyType(
            dict.fromkeys(sorted(PUBLIC_KINDS), "0") | {InstitutionKind.RETAIL_PHARMACY: "0.15"}
        ),
        unconfirmed_kinds=frozenset({InstitutionKind.RETAIL_PHARMACY, InstitutionKind.PRIVATE_INSTITUTION}),
        may_be_unset=True,
        depends_on_kind=True,
    ),
    Parameter(
        "markup.base",
        Form.CHOICE,
        N_("Base price of the markup"),
        "higher_of",
        _LOCAL,
        confirmed=False,
        choices=("higher_of", "purchase_price", "selected_price"),
    ),
    Parameter(
        "markup.base_days", Form.DAYS, N_("Base price: days looked back"), "90", _LOCAL, confirmed=False
    ),
    Parameter(
        "markup.rounding",
        Form.CHOICE,
        N_("Rounding of the allowed amount"),
        "half_up",
        _LOCAL,
        confirmed=False,
        choices=("half_up", "down"),
    ),
    Parameter(
        "stocking.minimum",
        Form.NUMBER,
        N_("Minimum number of items to stock"),
        "",
        _NO_FIGURE,
        confirmed=False,
        may_be_unset=True,
        depends_on_kind=True,
    ),
    Parameter(
        "stocking.window_days", Form.DAYS, N_("Stocking: days looked back"), "90", _LOCAL, confirmed=False
    ),
    Parameter("stocking.grace_days", Form.DAYS, N_("Stocking: days of grace"), "90", _LOCAL, confirmed=False),
    Parameter(
        "volume.warn_pp", Form.POINTS, N_("Agreed volume: lag that warns"), "10", _LOCAL, confirmed=False
    ),
    Parameter(
        "volume.interview_pp",
        Form.POINTS,
        N_("Agreed volume: lag that leads to an interview"),
        "25",
        N_("Huojia county (Henan)"),
        confirmed=True,
    ),
    Parameter(
        "volume.lagging_items",
        Form.NUMBER,
        N_("Agreed volume: lagging items that lead to an interview"),
        "15",
        N_("Huojia county (Henan)"),
        confirmed=True,
    ),
    Parameter(
        "volume.report_day",
        Form.DAY_OF_MONTH,
        N_("Planned volume: last day to report"),
        "20",
        N_("Jiangsu"),
        confirmed=True,
    ),
    Parameter(
        "report.day",
        Form.DAY_OF_MONTH,
        N_("Sales and stock: last day to report"),
        "5",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "volume.nonselected_share",
        Form.SHARE,
        N_("Highest share of non-selected drugs"),
        "",
        N_("Provinces differ"),
        confirmed=False,
        may_be_unset=True,
    ),
    Parameter(
        "order.confirm_days",
        Form.WORKING_DAYS,
        N_("Order: working days to answer"),
        "2",
        N_("Shandong"),
        confirmed=True,
    ),
    Parameter(
        "order.ship_days",
        Form.WORKING_DAYS,
        N_("Order: working days to ship after the answer"),
        "2",
        N_("Shandong"),
        confirmed=True,
    ),
    Parameter(
        "order.emergency_hours",
        Form.HOURS,
        N_("Emergency order: hours to answer"),
        "2",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "order.emergency_share",
        Form.SHARE,
        N_("Emergency orders: share of lines that is looked at"),
        "0.20",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "order.max_packs", Form.PACKS, N_("Order: most packs of a line"), "9999", _LOCAL, confirmed=False
    ),
    Parameter(
        "order.duplicate_days",
        Form.DAYS,
        N_("Order: days in which the same item is asked about"),
        "7",
        _LOCAL,
        confirmed=False,
    ),
    Parameter("delivery.hours_normal", Form.HOURS, N_("Delivery: hours"), "48", N_("Hunan"), confirmed=True),
    Parameter(
        "delivery.hours_remote",
        Form.HOURS,
        N_("Delivery: hours to a remote place or for cold chain"),
        "72",
        N_("Hunan"),
        confirmed=True,
    ),
    Parameter(
        "delivery.hours_emergency",
        Form.HOURS,
        N_("Delivery: hours in an emergency"),
        "12",
        N_("Hunan"),
        confirmed=True,
    ),
    Parameter(
        "delivery.hours_emergency_remote",
        Form.HOURS,
        N_("Delivery: hours in an emergency to a remote place"),
        "24",
        N_("Hunan"),
        confirmed=True,
    ),
    Parameter(
        "delivery.accept_days",
        Form.WORKING_DAYS,
        N_("Acceptance: working days after delivery"),
        "2",
        N_("Local policy, unconfirmed; Shandong has 15 for consumables"),
        confirmed=False,
    ),
    Parameter(
        "delivery.auto_accept_days",
        Form.DAYS,
        N_("Acceptance: days after which goods stand as accepted"),
        "",
        N_("Local policy, unconfirmed; Shandong has 15 for consumables"),
        confirmed=False,
        may_be_unset=True,
    ),
    Parameter(
        "delivery.rate_alert",
        Form.SHARE,
        N_("Delivery rate: alarm below"),
        "0.90",
        N_("Qinghai"),
        confirmed=True,
    ),
    Parameter(
        "delivery.rate_alert_months",
        Form.MONTHS,
        N_("Delivery rate: consecutive months"),
        "3",
        N_("Qinghai"),
        confirmed=True,
    ),
    Parameter(
        "delivery.min_shelf_months",
        Form.MONTHS,
        N_("Acceptance: months of shelf life that must be left"),
        "6",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "trace.near_days",
        Form.DAYS,
        N_("Trace codes: days between near sales"),
        "30",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "trace.full_from",
        Form.DAY,
        N_("Trace codes: first day on which all are required"),
        "2026-01-01",
        N_("National notice"),
        confirmed=True,
    ),
    Parameter("tied.share", Form.SHARE, N_("Tied sale: share of receipts"), "0.80", _LOCAL, confirmed=False),
    Parameter(
        "tied.min_receipts",
        Form.NUMBER,
        N_("Tied sale: least number of receipts"),
        "20",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "monitor.rise", Form.RATE, N_("Price monitoring: rise that alarms"), "0.20", _LOCAL, confirmed=False
    ),
    Parameter(
        "monitor.changes",
        Form.NUMBER,
        N_("Price monitoring: changes in a month that alarm"),
        "2",
        _LOCAL,
        confirmed=False,
    ),
    Parameter(
        "case.answer_days",
        Form.DAYS,
        N_("Case: days to answer"),
        "9",
        N_("Seen once elsewhere, unconfirmed"),
        confirmed=False,
    ),
    Parameter(
        "case.reentry_months",
        Form.MONTHS,
        N_("Case: months before a new application"),
        "24",
        N_("Seen once elsewhere, unconfirmed"),
        confirmed=False,
    ),
    Parameter(
        "complaint.answer_days",
        Form.WORKING_DAYS,
        N_("Complaint: working days to answer"),
        "",
        _NO_FIGURE,
        confirmed=False,
        may_be_unset=True,
    ),
    Parameter(
        "roster.pharmacy_distance_m",
        Form.METRES,
        N_("Pharmacy: least distance to the next designated pharmacy"),
        "300",
        N_("Shiyan"),
        confirmed=True,
    ),
    Parameter(
        "roster.pharmacy_people",
        Form.NUMBER,
        N_("Pharmacy: least number of people served"),
        "2000",
        N_("Shiyan"),
        confirmed=True,
    ),
)

PARAMETERS: Final[Mapping[str, Parameter]] = MappingProxyType({row.name: row for row in _TABLE})
"""Every parameter by name, in the order of the policy screen."""
