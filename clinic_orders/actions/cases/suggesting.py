"""The letter that suggests itself next in a case: what a form begins with, and what a run of drafts prints."""

from __future__ import annotations

from datetime import datetime, time, timedelta

from clinic_orders.actions.cases.issuing import answer_days, letter_draft
from clinic_orders.models.cases import CaseLetter
from clinic_orders.queries.cases import CaseRow, find_case, last_letter
from clinic_orders.rules.days import SHANGHAI, day_in_china
from clinic_orders.rules.ladder import SEVERE, CaseState, Level, earliest_deadline, is_jump, next_level
from clinic_orders.rules.letter_requests import LetterRequest
from clinic_orders.rules.letter_runs import NoDraftAnyMore
from clinic_orders.rules.letters import LetterContent, LetterKind
from clinic_orders.rules.parties import Actor

# Written into the letter, which is Chinese whatever the language of the screen is.
_JUMP = "多个品规约定采购量进度滞后，达到规定约谈的数量"


def noticed_level(last: CaseLetter | None) -> Level | None:
    """The level of which the last letter gave prior notice."""
    if last is None or last.kind is not LetterKind.PRIOR_NOTICE:
        return None
    return Level(last.level)


def suggested_request(
    case: CaseRow, *, last: CaseLetter | None, level: Level | None = None, at: datetime
) -> LetterRequest | None:
    """The next letter of a case with what suggests itself; None at the ladder's end.

    Args:
        case: whose.
        last: its last letter; the days that a notice named suggest themselves for the decision.
        level: another one than suggests itself.
        at: now.

    """
    reached = None if case.level is None else Level(case.level)
    following = next_level(reached, case.kind)
    if following is None:
        return None
    noticed = noticed_level(last)
    chosen = level or noticed or (Level(case.suggested_level) if case.suggested_level else following)
    today, days = day_in_china(at), answer_days(at=at)
    decides = noticed is chosen and last is not None
    meeting = datetime.combine(today + timedelta(days=days + 1), time(9, 30), SHANGHAI)
    jumps = (
        bool(case.suggested_level) and chosen == case.suggested_level and is_jump(chosen, reached, case.kind)
    )
    return LetterRequest(
        chosen,
        earliest_deadline(today, days),
        notice=chosen in SEVERE and not decides,
        first_day=last.first_day if decides and last is not None else None,
        last_day=last.last_day if decides and last is not None else None,
        meeting_at=meeting if chosen is Level.INTERVIEW else None,
        jump_reason=_JUMP if jumps else "",
    )


def suggested_draft(number: str, *, by: Actor, at: datetime) -> LetterContent:
    """The letter of a draft case as it would go out now with what suggests itself; nothing is written.

    Raises:
        NoDraftAnyMore: it was issued or withdrawn meanwhile.
        RuleBroken: it could not go out so.

    """
    case = find_case(number, by, on=day_in_china(at))
    if case is None or case.state is not CaseState.DRAFT:
        raise NoDraftAnyMore
    request = suggested_request(case, last=last_letter(case.id), at=at)
    if request is None:
        raise NoDraftAnyMore
    return letter_draft(number, request, by=by, at=at)
