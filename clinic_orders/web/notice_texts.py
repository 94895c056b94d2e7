"""What the notices in the inbox say. A new kind of notice gets its lines here."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

from flask_babel import gettext

from clinic_orders.rules.assessment import Grade
from clinic_orders.rules.clues import SelfCheckAnswer
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.ladder import AnswerKind
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.reasons import CloseReason, ReturnReason, parse_reason
from clinic_orders.rules.webhooks import PauseReason
from clinic_orders.web import webhook_words  # noqa: F401 - The names of reasons.
from clinic_orders.web.display import MISSING, NoticeText, day, label, register_notices, yuan
from clinic_orders.web.file_words import kind_name


def day_of(value: Any) -> str:
    """A day as a notice keeps it, in words."""
    return day(date.fromisoformat(str(value))) if value else MISSING


def _grade(value: Any) -> str:
    return label(Grade(value)) if value else MISSING


def yuan_of(value: Any) -> str:
    """An amount as a notice keeps it, in words."""
    return yuan(Decimal(str(value)))


def _close_reason(value: Any) -> str:
    return _reason(CloseReason, str(value))


def _reason(kind: type[CloseReason] | type[ReturnReason], stored: str) -> str:
    """A stored reason in words; a text that is no code stays as it was written."""
    try:
        found = parse_reason(kind, stored)  # type: ignore[type-var]
    except RuleBroken:
        return stored
    words = str(gettext(found.label))
    return f"{words}: {found.text}" if found.text else words


_CLOSED = {"reason": _close_reason}
_LETTER = {
    "letter": lambda value: label(LetterKind(value)),
    "answer": lambda value: label(AnswerKind(value)),
    "deadline": day_of,
    "recheck_on": day_of,
    "day": day_of,
}

register_notices(
    {
        "token_made": NoticeText(
            N_("A program may act for your organisation"),
            N_(
                "The operator has made a token for the program “%(program)s”, which acts for the account %(account)s "
                "(%(mark)s…). If nobody of yours has asked for it, tell the operator, who can revoke it."
            ),
        ),
        "webhook_made": NoticeText(
            N_("A program is told what happens"),
            N_(
                "%(program)s has registered an address at %(host)s, to which messages are sent about your organisation's "
                "records. If nobody of yours has asked for it, tell the operator, who can remove it."
            ),
        ),
        "webhook_paused": NoticeText(
            N_("A program is no longer told what happens"),
            N_(
                "Messages to %(url)s have stopped: %(reason)s. What happens meanwhile waits. Have it put right by "
                "whoever looks after the program; then it is resumed."
            ),
            {"reason": lambda value: label(PauseReason(value))},
        ),
        "reports_missed": NoticeText(
            N_("Reports missed"),
            N_(
                "%(missed)s reports of %(year)s never came. Hand them in; they count in the annual assessment."
            ),
        ),
        "reports_missed_here": NoticeText(
            N_("Notices of missed reports sent"),
            N_(
                "%(count)s institutions of your county have been sent a notice of missed reports of %(year)s."
            ),
        ),
        "preference_earned": NoticeText(
            N_("You stand on the preference list"),
            N_(
                "By your purchases of %(purchased)s yuan and what you fulfilled you stand on the list of %(year)s."
            ),
            shown={"purchased": yuan_of},
        ),
        "assessment_opened": NoticeText(
            N_("Annual assessment: score yourself"),
            N_("The assessment of %(year)s is open. Score yourself until %(until)s."),
            shown={"until": day_of},
        ),
        "assessment_reminder": NoticeText(
            N_("Annual assessment: self-score missing"),
            N_("Your self-score of %(year)s is missing. Send it until %(until)s."),
            shown={"until": day_of},
        ),
        "assessment_on_site": NoticeText(
            N_("Annual assessment: score on the spot"),
            N_("The self-scoring of %(year)s has ended. Enter the on-site points of your county."),
        ),
        "assessment_published": NoticeText(
            N_("Annual assessment: result"),
            N_("Your result of %(year)s: %(total)s points, %(grade)s. You may appeal until %(until)s."),
            shown={"until": day_of, "grade": _grade},
        ),
        "assessment_appeal": NoticeText(
            N_("Annual assessment: appeal"), N_("%(institution)s appeals against its result of %(year)s.")
        ),
        "assessment_upheld": NoticeText(
            N_("Annual assessment: appeal upheld"),
            N_("Your appeal about %(year)s was right; the points are corrected. %(reason)s"),
        ),
        "assessment_rejected": NoticeText(
            N_("Annual assessment: appeal rejected"),
            N_("Your appeal about %(year)s was rejected: %(reason)s"),
        ),
        "exit_asked": NoticeText(
            N_("An institution asks to leave"),
            N_("%(institution)s asks to leave after %(last_day)s: %(reason)s"),
            shown={"last_day": day_of},
        ),
        "exit_agreed": NoticeText(
            N_("The bureau agrees that you leave"),
            N_("The last day is %(last_day)s. What is owed and promised stays. %(reason)s"),
            shown={"last_day": day_of},
        ),
        "exit_refused": NoticeText(N_("The bureau does not agree that you leave"), N_("Reason: %(reason)s")),
        "stock_out": NoticeText(
            N_("Used up"),
            N_("By the books nothing is left of %(count)s medicines: %(names)s"),
        ),
        "stock_near_expiry": NoticeText(
            N_("Near expiry"),
            N_("%(count)s medicines are near their expiry, the first on %(expires_on)s: %(names)s"),
            {"expires_on": day_of},
        ),
        "inspection_started": NoticeText(
            N_("Inspection started"), N_("%(name)s: %(count)s institutions in your county are visited")
        ),
        "complaint_filed": NoticeText(
            N_("New complaint"), N_("Complaint %(number)s about %(place)s has come in")
        ),
        "complaint_due": NoticeText(
            N_("Complaint to be answered"),
            N_("Complaint %(number)s about %(place)s is to be answered by %(day)s"),
            {"day": day_of},
        ),
        "complaint_assigned": NoticeText(
            N_("Complaint handed over"), N_("Complaint %(number)s about %(place)s is yours to look into now")
        ),
        "supply_problem_reported": NoticeText(
            N_("Supply problem reported"),
            N_("%(who)s reports that %(item)s can't be had. Verify it, and name the backup item."),
        ),
        "supply_problem_verified": NoticeText(
            N_("Supply problem verified"),
            N_("The bureau has verified that %(item)s can't be had. Backup item: %(backup)s."),
            {"backup": lambda value: str(value) or MISSING},
        ),
        "supply_problem_refused": NoticeText(
            N_("Supply problem not verified"),
            N_("The bureau has not verified that %(item)s can't be had: %(reason)s"),
        ),
        "order_confirmed": NoticeText(
            N_("Order confirmed"),
            N_("%(distributor)s has confirmed all of %(order_no)s: %(confirmed)s packs."),
        ),
        "order_partly_confirmed": NoticeText(
            N_("Order confirmed in part"),
            N_(
                "%(distributor)s confirms %(confirmed)s of the %(ordered)s packs of %(order_no)s. Order the rest elsewhere."
            ),
        ),
        "order_refused": NoticeText(
            N_("Order declined"),
            N_(
                "%(distributor)s can deliver none of the %(ordered)s packs of %(order_no)s. Look at the reasons."
            ),
        ),
        "order_closed_short": NoticeText(
            N_("Rest of an order closed"),
            N_("%(packs)s packs of %(order_no)s will not come from %(distributor)s: %(reason)s."),
            _CLOSED,
        ),
        "order_lapsed": NoticeText(
            N_("Order lapsed"),
            N_("%(order_no)s was not answered in time and lapsed on %(lapsed_on)s."),
            {"lapsed_on": day_of},
        ),
        "order_withdrawn": NoticeText(
            N_("Order withdrawn"),
            N_("%(institution)s has withdrawn %(packs)s packs of %(order_no)s. Do not ship them."),
        ),
        "order_disowned": NoticeText(
            N_("Order is not theirs"),
            N_("%(institution)s says that %(order_no)s is not theirs. Its %(packs)s packs are withdrawn."),
        ),
        "proxy_order_placed": NoticeText(
            N_("Ordered for you"),
            N_(
                "Your hospital has ordered %(count)s items for you: %(orders)s. If that is not yours, say so before it is answered."
            ),
        ),
        "draft_for_review": NoticeText(
            N_("Draft to look at"),
            N_("%(institution)s asks you to look at its draft of %(lines)s lines."),
        ),
        "emergency_order_placed": NoticeText(
            N_("Emergency order"),
            N_("%(institution)s has sent the emergency order %(orders)s. Reason: %(reason)s"),
        ),
        "emergency_order_resent": NoticeText(
            N_("Emergency order sent to another distributor"),
            N_("%(order_no)s was not answered; it went to %(distributor)s as %(new_order_no)s."),
        ),
        "emergency_unanswered": NoticeText(
            N_("Emergency order without an answer"),
            N_(
                "Nobody has answered %(institution)s's emergency order %(order_no)s in time. Call the distributor."
            ),
        ),
        "goods_shipped": NoticeText(
            N_("Goods on their way"),
            N_("%(distributor)s has sent %(packs)s packs of %(order_no)s: delivery %(receipt_no)s."),
        ),
        "goods_delivered": NoticeText(
            N_("Goods delivered"),
            N_("%(distributor)s has delivered %(packs)s packs: %(receipt_no)s. Count them and receive them."),
        ),
        "shipment_void": NoticeText(
            N_("Delivery cancelled"),
            N_("%(distributor)s has cancelled the delivery %(receipt_no)s of %(order_no)s: %(reason)s"),
        ),
        "goods_accepted": NoticeText(
            N_("Goods received"),
            N_("%(receipt_no)s was received: %(accepted)s packs, %(owed)s yuan, to be paid by %(due_on)s."),
            {"owed": yuan_of, "due_on": day_of},
        ),
        "goods_accepted_part": NoticeText(
            N_("Goods received in part"),
            N_(
                "%(receipt_no)s: %(accepted)s packs received, %(rejected)s rejected; %(owed)s yuan to be paid by %(due_on)s."
            ),
            {"owed": yuan_of, "due_on": day_of},
        ),
        "goods_accepted_for_you": NoticeText(
            N_("Received for you"),
            N_(
                "%(accepted)s packs from %(distributor)s were received: %(receipt_no)s, %(owed)s yuan, to be paid by %(due_on)s."
            ),
            {"owed": yuan_of, "due_on": day_of},
        ),
        "return_requested": NoticeText(
            N_("Return to decide"),
            N_(
                "An institution wants to return %(packs)s packs of %(receipt_no)s: %(return_no)s. Agree or refuse."
            ),
        ),
        "return_withdrawn": NoticeText(
            N_("Return withdrawn"),
            N_("The return %(return_no)s of %(receipt_no)s has been withdrawn."),
        ),
        "return_agreed": NoticeText(
            N_("Return agreed"),
            N_(
                "%(distributor)s agrees to the return %(return_no)s: %(amount)s yuan less to pay. Send the goods back."
            ),
            {"amount": yuan_of},
        ),
        "return_refused": NoticeText(
            N_("Return refused"),
            N_("%(distributor)s does not agree to the return %(return_no)s: %(reason)s"),
        ),
        "return_arrived": NoticeText(
            N_("Returned goods have arrived"),
            N_("%(distributor)s has got the %(packs)s packs of the return %(return_no)s."),
        ),
        "return_sent_back": NoticeText(
            N_("Goods sent back"),
            N_("%(packs)s packs of the return %(return_no)s are on their way to you."),
        ),
        "import_done": NoticeText(
            N_("Long file taken in"),
            N_(
                "%(file)s of %(who)s is stored: %(created)s new, %(updated)s changed, %(unchanged)s unchanged of %(rows)s rows."
            ),
        ),
        "import_tried": NoticeText(
            N_("Your trial of a long file is ready"),
            N_(
                "%(file)s of %(who)s was tried: %(created)s new, %(updated)s changed, %(unchanged)s unchanged of %(rows)s rows. Nothing is stored yet: look at it and have it stored."
            ),
        ),
        "import_refused": NoticeText(
            N_("Long file not taken in"),
            N_(
                "%(file)s of %(who)s: %(problems)s places have to be put right. Nothing was stored; fetch the error file, mend it and send it again."
            ),
        ),
        "import_failed": NoticeText(
            N_("Import of a long file broke off"),
            N_(
                "%(file)s of %(who)s could not be taken in, and nothing of it was stored. Let it go on, or tell the operator."
            ),
        ),
        "export_done": NoticeText(
            N_("Long export is ready"),
            N_(
                "%(kind)s, %(rows)s rows, asked for by %(who)s. It can be fetched for three days by who asked."
            ),
            {"kind": kind_name},
        ),
        "export_failed": NoticeText(
            N_("Long export was not made"),
            N_("%(kind)s, asked for by %(who)s, could not be made. Its page says why and what to do."),
            {"kind": kind_name},
        ),
        "letter_issued": NoticeText(
            N_("Official letter to sign for"),
            N_("%(letter)s, %(number)s. Sign for it; you can answer until %(deadline)s."),
            _LETTER,
        ),
        "letter_extended": NoticeText(
            N_("More time to answer a letter"),
            N_("You can answer %(number)s until %(deadline)s: %(reason)s"),
            _LETTER,
        ),
        "answer_accepted": NoticeText(
            N_("Your answer is accepted"),
            N_("%(number)s: %(reason)s It will be checked again on %(recheck_on)s."),
            _LETTER,
        ),
        "recheck_failed": NoticeText(N_("Checked again: not better"), N_("%(number)s: %(reason)s"), _LETTER),
        "appeal_upheld": NoticeText(
            N_("Your appeal is upheld"),
            N_("%(number)s is revoked and the case is closed: %(reason)s"),
            _LETTER,
        ),
        "case_closed": NoticeText(
            N_("Case closed"), N_("The case of %(number)s is closed: %(reason)s"), _LETTER
        ),
        "letter_answered": NoticeText(
            N_("A letter was answered"),
            N_("%(party)s: %(answer)s to %(number)s, case %(case)s. Decide."),
            _LETTER,
        ),
        "letter_proposed": NoticeText(
            N_("A letter waits for the second officer"),
            N_("%(party)s: %(officer)s proposes %(letter)s, case %(case)s. Another officer signs it."),
            _LETTER,
        ),
        "letter_sent_back": NoticeText(
            N_("A proposed letter was sent back"),
            N_("%(party)s: %(officer)s does not sign %(letter)s, case %(case)s: %(reason)s"),
            _LETTER,
        ),
        "clue_asked": NoticeText(
            N_("Please check a trace code yourselves"),
            N_("%(clue)s: look at your papers and answer by %(deadline)s. It is a question, no accusation."),
            _LETTER,
        ),
        "clue_due": NoticeText(
            N_("A self-check is due"),
            N_("%(clue)s is to be answered by %(deadline)s."),
            _LETTER,
        ),
        "clue_answered": NoticeText(
            N_("A self-check was answered"),
            N_("%(clue)s, %(party)s: %(self_check)s"),
            {"self_check": lambda value: label(SelfCheckAnswer(value))},
        ),
        "clue_unanswered": NoticeText(
            N_("The days of a self-check are over"),
            N_(
                "%(clue)s: %(number)s institutions have not answered by %(deadline)s. Nothing goes on by itself."
            ),
            _LETTER,
        ),
        "answer_missing": NoticeText(
            N_("The last day to answer is over"),
            N_("%(party)s has not answered %(number)s by %(day)s, case %(case)s. Nothing goes on by itself."),
            _LETTER,
        ),
        "recheck_due": NoticeText(
            N_("A re-check is due"),
            N_("%(party)s: the re-check of case %(case)s was set for %(day)s."),
            _LETTER,
        ),
        "mandate_given": NoticeText(
            N_("Mandate given"),
            N_("From %(first_day)s on you may order for %(institution)s."),
            {"first_day": day_of},
        ),
        "mandate_revoked": NoticeText(
            N_("Mandate ended"),
            N_("%(hospital)s may no longer order for %(institution)s. Orders already made stay."),
        ),
        "suspended": NoticeText(
            N_("Ordering suspended"),
            N_(
                "You may not order from %(first_day)s to %(last_day)s: %(reason)s. Emergency orders go on. Document: %(document_no)s"
            ),
            {"first_day": day_of, "last_day": day_of},
        ),
        "suspension_lifted": NoticeText(
            N_("Suspension lifted"),
            N_("From %(day)s on you may order again: %(reason)s"),
            {"day": day_of},
        ),
    }
)
