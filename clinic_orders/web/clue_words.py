"""What the states, steps, answers, verdicts and measures of clues are called on screen."""

from __future__ import annotations

from clinic_orders.rules.clues import (
    CheckWay,
    ClueSide,
    ClueState,
    ClueStep,
    ClueVerdict,
    ExclusionGround,
    Measure,
    SelfCheckAnswer,
)
from clinic_orders.rules.errors import N_
from clinic_orders.web.display import register_labels

register_labels(
    {
        ClueState.ASSIGNED: N_("Clue assigned"),
        ClueState.SELF_CHECK: N_("Self-check under way"),
        ClueState.CHECKING: N_("Being checked"),
        ClueState.EXCLUDED: N_("Clue excluded"),
        ClueState.VIOLATION: N_("Violation found"),
        ClueState.SUSPECTED: N_("Suspected fraud"),
        ClueState.DISPOSAL: N_("Being disposed of"),
        ClueState.CLOSED: N_("Clue closed"),
    }
)
register_labels(
    {
        ClueStep.ASSIGN: N_("Clue assigned"),
        ClueStep.REASSIGN: N_("Given to somebody else"),
        ClueStep.ASK: N_("Asked for a self-check"),
        ClueStep.ANSWER: N_("Self-check answered"),
        ClueStep.CHECK: N_("Checked by the bureau"),
        ClueStep.EXCLUDE: N_("Clue excluded"),
        ClueStep.FIND_VIOLATION: N_("Violation found"),
        ClueStep.SUSPECT_FRAUD: N_("Suspected fraud"),
        ClueStep.TAKE_BACK: N_("Verdict taken back"),
        ClueStep.DISPOSE: N_("Measure taken"),
        ClueStep.TRANSFER: N_("Handed over"),
        ClueStep.CLOSE: N_("Clue closed"),
        ClueStep.REMIND: N_("Reminded of the self-check"),
    }
)
register_labels(
    {
        ClueSide.OFFICER: N_("Officer in charge"),
        ClueSide.HELPER: N_("County that helps"),
        ClueSide.PARTY: N_("Institution asked"),
        ClueSide.SYSTEM: N_("System"),
    }
)
register_labels(
    {
        CheckWay.DATA: N_("Comparison of data"),
        CheckWay.SYSTEM: N_("Look into its system"),
        CheckWay.ON_SITE: N_("Surprise visit"),
    }
)
register_labels(
    {
        ClueVerdict.EXCLUDED: N_("Clue excluded"),
        ClueVerdict.VIOLATION: N_("Violation found"),
        ClueVerdict.SUSPECTED_FRAUD: N_("Suspected fraud"),
    }
)
register_labels(
    {
        ExclusionGround.CODING_ERROR: N_("The manufacturer coded two packs alike"),
        ExclusionGround.SCAN_ERROR: N_("Scanned or typed wrongly"),
        ExclusionGround.LAWFUL_RETURN: N_("Lawfully returned and sold again"),
        ExclusionGround.GONE: N_("No longer found after the data were put right"),
        ExclusionGround.NOT_HERE: N_("Neither the pack nor the institution is ours"),
    }
)
register_labels(
    {
        SelfCheckAnswer.SCANNED_WRONG: N_("We scanned or typed the wrong code"),
        SelfCheckAnswer.CAME_BACK: N_("The pack came back and was sold again"),
        SelfCheckAnswer.IN_PIECES: N_("We sold one pack in pieces to several people"),
        SelfCheckAnswer.CODE_WRONG: N_("The code on the pack itself is wrong"),
        SelfCheckAnswer.PAPERS_THERE: N_("We have the delivery note and invoice of this pack"),
        SelfCheckAnswer.NOT_OURS: N_("We did not sell this pack"),
        SelfCheckAnswer.OUR_FAULT: N_("We did something wrong and say so"),
        SelfCheckAnswer.SOMETHING_ELSE: N_("It was something else"),
    }
)
register_labels(
    {
        Measure.RECOVER: N_("Money of the fund recovered"),
        Measure.PENALTY: N_("Penalty under the agreement"),
        Measure.FINE: N_("Administrative fine"),
        Measure.INTERVIEW: N_("Interview held"),
        Measure.SUSPEND: N_("Agreement suspended"),
        Measure.TERMINATE: N_("Agreement terminated"),
        Measure.POINTS: N_("Points noted against persons"),
        Measure.PUBLISH: N_("Made public"),
        Measure.TRANSFER: N_("Handed over"),
        Measure.OTHER: N_("Another measure"),
    }
)
