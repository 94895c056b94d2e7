"""The deeds on applications: the applicant's (``filling``) and the bureaus' (``deciding``)."""

from __future__ import annotations

from clinic_orders.actions.applications._common import visitor
from clinic_orders.actions.applications.deciding import (
    confirm_decision,
    decide_application,
    enrol_application,
    give_opinion,
    met_by,
    overrule_decision,
    send_back,
    stop_admission,
)
from clinic_orders.actions.applications.filling import (
    Begun,
    Unit,
    attach_papers,
    begin_application,
    declare_facts,
    fill_in_place,
    fill_in_unit,
    put_store,
    remove_paper,
    remove_store,
)
from clinic_orders.actions.applications.sending import (
    sign_letter,
    submit_application,
    withdraw_application,
)

__all__ = [
    "Begun",
    "Unit",
    "attach_papers",
    "begin_application",
    "confirm_decision",
    "decide_application",
    "declare_facts",
    "enrol_application",
    "fill_in_place",
    "fill_in_unit",
    "give_opinion",
    "met_by",
    "overrule_decision",
    "put_store",
    "remove_paper",
    "remove_store",
    "send_back",
    "sign_letter",
    "stop_admission",
    "submit_application",
    "visitor",
    "withdraw_application",
]
