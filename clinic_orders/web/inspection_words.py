"""What states, steps, headings and answers of inspections are called on screen."""

from __future__ import annotations

from clinic_orders.rules.errors import N_
from clinic_orders.rules.inspection.checklist import ItemGroup
from clinic_orders.rules.inspection.record import Answer
from clinic_orders.rules.inspection.steps import Choice, PlanState, PlanStep, VisitState, VisitStep
from clinic_orders.web.display import register_labels

register_labels(
    {
        PlanState.DRAFT: N_("Being made"),
        PlanState.RUNNING: N_("Running"),
        PlanState.ENDED: N_("Ended"),
        PlanState.WITHDRAWN: N_("Plan withdrawn"),
    }
)
register_labels(
    {
        PlanStep.MAKE: N_("Plan made"),
        PlanStep.CHANGE: N_("Plan changed"),
        PlanStep.CHOOSE: N_("Institutions chosen"),
        PlanStep.DRAW: N_("Institutions and inspectors drawn"),
        PlanStep.START: N_("Plan started"),
        PlanStep.END: N_("Plan ended"),
        PlanStep.REOPEN: N_("Plan opened again"),
        PlanStep.WITHDRAW: N_("Plan withdrawn"),
    }
)
register_labels(
    {
        VisitState.PLANNED: N_("To be visited"),
        VisitState.RECORDED: N_("Recorded, not signed"),
        VisitState.SIGNED: N_("Record signed"),
        VisitState.NOT_MET: N_("Nobody met"),
        VisitState.DROPPED: N_("Taken off the plan"),
    }
)
register_labels(
    {
        VisitStep.PLAN: N_("Put on the plan"),
        VisitStep.RECORD: N_("Record sent"),
        VisitStep.SIGN: N_("Record signed"),
        VisitStep.TAKE_BACK: N_("Record taken back"),
        VisitStep.NOT_MET: N_("Nobody met"),
        VisitStep.DROP: N_("Taken off the plan"),
        VisitStep.RESTORE: N_("Put back on the plan"),
        VisitStep.LOOK_BACK: N_("Another look planned"),
    }
)
register_labels(
    {
        Choice.FINDINGS: N_("By its findings"),
        Choice.RISK: N_("By its risk"),
        Choice.DRAW: N_("Drawn at random"),
        Choice.HAND: N_("Chosen by hand"),
        Choice.LOOK_BACK: N_("Another look"),
    }
)
register_labels(
    {
        ItemGroup.SIX: N_("Six unified standards"),
        ItemGroup.BUYING: N_("Buying"),
        ItemGroup.DELIVERY: N_("Delivery and acceptance"),
        ItemGroup.PAYMENT: N_("Paying"),
        ItemGroup.PRICE: N_("Prices and selling"),
        ItemGroup.DISGUISED: N_("Disguised price rises"),
        ItemGroup.TRACING: N_("Trace codes and their origin"),
    }
)
register_labels(
    {
        Answer.YES: N_("As it should be"),
        Answer.NO: N_("Not as it should be"),
        Answer.NOT_APPLICABLE: N_("Does not apply"),
    }
)

PLAN_SHAPES = {
    PlanState.DRAFT: "wait",
    PlanState.RUNNING: "warn",
    PlanState.ENDED: "ok",
    PlanState.WITHDRAWN: "off",
}
VISIT_SHAPES = {
    VisitState.PLANNED: "wait",
    VisitState.RECORDED: "warn",
    VisitState.SIGNED: "ok",
    VisitState.NOT_MET: "bad",
    VisitState.DROPPED: "off",
}
