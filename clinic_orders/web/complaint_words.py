"""What kinds, states and steps of complaints are called on screen."""

from __future__ import annotations

from clinic_orders.rules.complaints import ComplaintKind, ComplaintSide, ComplaintState, ComplaintStep
from clinic_orders.rules.errors import N_
from clinic_orders.web.display import register_labels

register_labels(
    {
        ComplaintKind.DEARER: N_("Dearer than the tag or the promise"),
        ComplaintKind.NO_TAG: N_("No price tag"),
        ComplaintKind.TIED: N_("Had to buy something else with it"),
        ComplaintKind.SHORT: N_("Less in the pack than there should be"),
        ComplaintKind.INFERIOR: N_("Something worse sold as the good one"),
        ComplaintKind.NOT_SOLD: N_("It was there and was not sold"),
        ComplaintKind.OTHER: N_("Something else"),
    }
)
register_labels(
    {
        ComplaintState.FILED: N_("Complaint received"),
        ComplaintState.IN_WORK: N_("Being looked into"),
        ComplaintState.VERIFIED: N_("Found to be so"),
        ComplaintState.UNFOUNDED: N_("Not found to be so"),
        ComplaintState.DECLINED: N_("Another office's matter"),
        ComplaintState.WITHDRAWN: N_("Taken back"),
    }
)
register_labels(
    {
        ComplaintStep.FILE: N_("Complaint filed"),
        ComplaintStep.WITHDRAW: N_("Taken back by the citizen"),
        ComplaintStep.TAKE_UP: N_("Taken up"),
        ComplaintStep.ASSIGN: N_("Assigned"),
        ComplaintStep.VERIFY: N_("Answered: found to be so"),
        ComplaintStep.REFUTE: N_("Answered: not found to be so"),
        ComplaintStep.DECLINE: N_("Answered: another office's matter"),
        ComplaintStep.REOPEN: N_("Answer taken back"),
    }
)
register_labels(
    {
        ComplaintSide.CITIZEN: N_("Citizen"),
        ComplaintSide.OFFICER: N_("Officer"),
        ComplaintSide.CITY: N_("City bureau"),
    }
)
SHAPES = {
    ComplaintState.FILED: "warn",
    ComplaintState.IN_WORK: "wait",
    ComplaintState.VERIFIED: "bad",
    ComplaintState.UNFOUNDED: "ok",
    ComplaintState.DECLINED: "off",
    ComplaintState.WITHDRAWN: "off",
}
# For the citizen an answer is an answer, whatever it says.
PUBLIC_SHAPES = SHAPES | {ComplaintState.FILED: "wait", ComplaintState.VERIFIED: "ok"}
