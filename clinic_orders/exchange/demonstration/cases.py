"""A dozen cases at different stages, made through the real deeds from what the checks find in the invented data.

Every word that an invented person says ends with （演示）. Nothing is made where the data has no party for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta

from clinic_orders.actions import cases as deeds
from clinic_orders.actions.findings import raise_findings
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.queries import cases as questions
from clinic_orders.queries.cases import Party
from clinic_orders.queries.checks import Scope, check, checked_rules
from clinic_orders.queries.findings import FindingRow, FindingsWanted, findings
from clinic_orders.rules.days import Month, day_in_china, end_of_day
from clinic_orders.rules.finding_states import BUREAU_ONLY
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.ladder import AnswerKind, CaseState, Level, earliest_deadline, is_jump
from clinic_orders.rules.letter_requests import LetterRequest
from clinic_orders.rules.parties import SYSTEM, Actor, Role

_MARK = "（演示）"


@dataclass(slots=True)
class _Stage:
    """Who acts, when, and whose findings are not in a case yet.

    Attributes:
        begins: the instant of the first deed; later ones follow day by day and never reach the present.
        ends: the present.
        officer, second: the two of the city.
        waiting: findings by party, the most first.

    """

    begins: datetime
    ends: datetime
    officer: Actor
    second: Actor
    waiting: dict[Party, list[FindingRow]]
    keys: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def at(self, day: int) -> datetime:
        """An instant so many days after the first deed, each one later than the last."""
        return min(self.begins + timedelta(days=day), self.ends) + timedelta(minutes=next(self.keys))

    def key(self) -> str:
        """The key of a form."""
        return f"demonstration-{next(self.keys)}"

    def take(self, fits: Callable[[list[FindingRow]], bool]) -> tuple[Party, list[FindingRow]] | None:
        """The next party whose findings fit; it is not taken again."""
        for party, found in self.waiting.items():
            if fits(found):
                del self.waiting[party]
                return party, found
        return None


def _somebody(party: Party) -> Actor:
    """Somebody of the party, who signs and answers."""
    if party.institution_id is None:
        return Actor("刘敏", Role.DISTRIBUTOR, distributor_id=party.distributor_id)
    return Actor("王保田", Role.INSTITUTION, institution_id=party.institution_id)


def _confirmed(found: list[FindingRow]) -> list[FindingRow]:
    """The findings of a party that rest on confirmed policy only."""
    return [one for one in found if not questions.unconfirmed(questions.standards_of([one]))]


def _waiting(officer: Actor, on: date) -> dict[Party, list[FindingRow]]:
    by_party: dict[Party, list[FindingRow]] = {}
    for one in findings(officer, on=on, wanted=FindingsWanted()):
        if one.grade not in BUREAU_ONLY and (one.institution_id or one.distributor_id):
            party = Party(one.institution_id, None if one.institution_id else one.distributor_id)
            by_party.setdefault(party, []).append(one)
    return dict(sorted(by_party.items(), key=lambda item: (-len(item[1]), item[0][0] or 0, item[0][1] or 0)))


# Judged once a quarter, on its last day; a look on another day neither raises nor ends them.
_QUARTERLY = frozenset({CheckRule.NONSELECTED_SHARE})


def make_cases(
    as_of: date,
    *,
    quarters_end: date,
    officer: Actor,
    second: Actor,
    logging_in: Mapping[str, int],
    now: datetime,
) -> Counter[CaseState]:
    """Look for findings as of a day, store them, and make cases of some.

    Args:
        as_of: the day of the look.
        quarters_end: the last day of a quarter on or before it, for what is judged once a quarter.
        officer: of the city.
        second: another one.
        logging_in: the parties that log in: the letter to ``institution``, or else to ``distributor``, waits for a
            signature; ``hospital`` is left alone, so that it can order.
        now: nothing happens after it.

    Returns:
        how many cases stand at which stage.

    """
    begins = end_of_day(as_of) + timedelta(hours=9)
    rules = checked_rules()
    if quarters_end < as_of:
        found = check(Scope(quarters_end), _QUARTERLY)
        raise_findings(quarters_end, found, _QUARTERLY, by=SYSTEM, at=end_of_day(quarters_end))
    raise_findings(as_of, check(Scope(as_of), rules), rules, by=SYSTEM, at=end_of_day(as_of))
    stage = _Stage(begins, now - timedelta(hours=12), officer, second, _waiting(officer, day_in_china(now)))
    stage.waiting.pop(Party(logging_in["hospital"], None), None)
    for own in (Party(None, logging_in["distributor"]), Party(logging_in["institution"], None)):
        if own in stage.waiting:
            stage.waiting = {own: stage.waiting[own]} | stage.waiting
    for make in _STORIES:
        make(stage)
    for party in questions.parties_to_collect(Month.of(as_of), SYSTEM, on=day_in_china(now))[:3]:
        deeds.collect_case(party, Month.of(as_of), by=SYSTEM, at=stage.at(15))
    return Counter(
        row.state for row in questions.cases(officer, on=day_in_china(now), wanted=questions.CasesWanted(state="all"))
    )  # fmt: skip


@dataclass(slots=True)
class _Story:
    """One case and what happens to it."""

    stage: _Stage
    party: Party
    case: CaseFile

    def letter(self, level: Level, day: int, **more: object) -> CaseLetter:
        """A letter of a level, or its notice; a level left out has its reason."""
        at = self.stage.at(day)
        kind = deeds.kind_of(self.case, at=at)
        reached = None if self.case.level is None else Level(self.case.level)
        if is_jump(level, reached, kind):
            more = {"jump_reason": f"情况较重{_MARK}"} | more
        if level is Level.INTERVIEW:
            more = {"meeting_at": at + timedelta(days=11), "meeting_place": f"三楼会议室{_MARK}"} | more
        wanted = LetterRequest(level, earliest_deadline(day_in_china(at), 9), **more)  # type: ignore[arg-type]
        return deeds.issue_letter(
            self.case.number, wanted, key=self.stage.key(), by=self.stage.officer, at=at
        )

    def signed(self, letter: CaseLetter, day: int) -> None:
        """The party signs."""
        deeds.receive_letter(letter.id, by=_somebody(self.party), at=self.stage.at(day))

    def answered(self, letter: CaseLetter, day: int, text: str, kind: AnswerKind = AnswerKind.ANSWER) -> None:
        """The party signs and answers."""
        self.signed(letter, day)
        deeds.answer_letter(
            letter.id, kind, f"{text}{_MARK}", key=self.stage.key(), by=_somebody(self.party), at=self.stage.at(day)
        )  # fmt: skip

    def accepted(self, day: int, days: int) -> None:
        """The officer accepts, and will look again so many days later."""
        at = self.stage.at(day)
        deeds.accept_answer(
            self.case.number,
            f"情况属实，已开始改正{_MARK}",
            day_in_china(at) + timedelta(days=days),
            by=self.stage.officer,
            at=at,
        )


def _begin(stage: _Stage, fits: Callable[[list[FindingRow]], bool], *, sure: bool = False) -> _Story | None:
    taken = stage.take(fits)
    if taken is None:
        return None
    party, found = taken
    ids = [one.id for one in (_confirmed(found) if sure else found)]
    return _Story(stage, party, deeds.open_case(ids, by=stage.officer, at=stage.at(0)))


def _any(found: list[FindingRow]) -> bool:
    return bool(found)


def _sure(found: list[FindingRow]) -> bool:
    return bool(_confirmed(found))


def _of_institution(found: list[FindingRow]) -> bool:
    return found[0].institution_id is not None and _sure(found)


def _of_distributor(found: list[FindingRow]) -> bool:
    return found[0].institution_id is None and _sure(found)


def _unsigned(stage: _Stage) -> None:
    if story := _begin(stage, _any):
        story.letter(Level.REMINDER, 1)


def _to_answer(stage: _Stage) -> None:
    if story := _begin(stage, _any):
        story.signed(story.letter(Level.REMINDER, 1), 2)


def _to_decide(stage: _Stage) -> None:
    if story := _begin(stage, _any):
        story.answered(story.letter(Level.REMINDER, 1), 3, "已按要求自查，单据附后。")


def _to_check_again(stage: _Stage) -> None:
    if story := _begin(stage, _any):
        story.answered(story.letter(Level.REMINDER, 1), 2, "已改正。")
        story.accepted(4, 40)


def _closed(stage: _Stage) -> None:
    if story := _begin(stage, _any):
        story.answered(story.letter(Level.REMINDER, 1), 2, "已改正，请查看。")
        story.accepted(3, 4)
        deeds.close_after_recheck(
            story.case.number, f"回头看：已改正{_MARK}", by=stage.officer, at=stage.at(8)
        )


def _upheld(stage: _Stage) -> None:
    if story := _begin(stage, _any):
        story.answered(story.letter(Level.REMINDER, 1), 2, "单据登记有误，事实不成立。", AnswerKind.APPEAL)
        deeds.uphold_appeal(
            story.case.number, f"核对原始单据，申诉属实{_MARK}", by=stage.officer, at=stage.at(5)
        )


def _inquired(stage: _Stage) -> None:
    if story := _begin(stage, _any):
        story.answered(story.letter(Level.REMINDER, 1), 2, "情况需要时间核对。")
        story.signed(story.letter(Level.INQUIRY, 6), 7)


def _made_public(stage: _Stage) -> None:
    if story := _begin(stage, _of_institution, sure=True):
        story.letter(Level.BULLETIN, 3)


def _interviewed(stage: _Stage) -> None:
    if story := _begin(stage, _of_distributor, sure=True):
        story.answered(story.letter(Level.REMINDER, 1), 2, "正在增加运力。")
        story.letter(Level.INTERVIEW, 6)


def _rectified(stage: _Stage) -> None:
    if story := _begin(stage, _of_institution, sure=True):
        report = AnswerKind.RECTIFICATION_REPORT
        story.answered(
            story.letter(Level.RECTIFICATION, 2), 5, "整改报告：原因、措施、完成日期见附件。", report
        )


def _noticed(stage: _Stage, *, days_ahead: int) -> _Story | None:
    story = _begin(stage, _of_institution, sure=True)
    if story is not None:
        story.answered(story.letter(Level.SUSPENSION, 2, notice=True), 4, "愿意分期付清。")
        at = stage.at(8)
        day = day_in_china(stage.ends) + timedelta(days=days_ahead)
        wanted = LetterRequest(
            Level.SUSPENSION,
            earliest_deadline(day, 9) + timedelta(days=9),
            first_day=day,
            last_day=day + timedelta(days=29),
        )
        deeds.propose_letter(story.case.number, wanted, key=stage.key(), by=stage.officer, at=at)
    return story


def _suspended(stage: _Stage) -> None:
    if story := _noticed(stage, days_ahead=0):
        deeds.countersign_letter(story.case.number, by=stage.second, at=stage.at(9))


def _proposed(stage: _Stage) -> None:
    _noticed(stage, days_ahead=10)


_STORIES: tuple[Callable[[_Stage], object], ...] = (
    _unsigned,
    _interviewed,
    _suspended,
    _proposed,
    _rectified,
    _made_public,
    _inquired,
    _to_decide,
    _to_answer,
    _to_check_again,
    _closed,
    _upheld,
)
"""The cases, the ones that need most first."""
