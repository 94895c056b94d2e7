"""Inspections 利剑行动: plans made and started, institutions chosen and drawn, visits recorded and signed (R-CASE-5)."""

from __future__ import annotations

from clinic_orders.actions.inspections.checklists import change_checklist
from clinic_orders.actions.inspections.choosing import add_visits, draw_visits
from clinic_orders.actions.inspections.planning import (
    NewPlan,
    change_plan,
    end_plan,
    make_plan,
    reopen_plan,
    start_plan,
    withdraw_plan,
)
from clinic_orders.actions.inspections.recording import (
    Sent,
    VisitRecord,
    keep_photo,
    record_visit,
    remove_photo,
)
from clinic_orders.actions.inspections.visiting import (
    drop_visit,
    look_back,
    not_met,
    restore_visit,
    take_back_record,
)

__all__ = [
    "NewPlan",
    "Sent",
    "VisitRecord",
    "add_visits",
    "change_checklist",
    "change_plan",
    "draw_visits",
    "drop_visit",
    "end_plan",
    "keep_photo",
    "look_back",
    "make_plan",
    "not_met",
    "record_visit",
    "remove_photo",
    "reopen_plan",
    "restore_visit",
    "start_plan",
    "take_back_record",
    "withdraw_plan",
]
