"""Clues on trace codes at every stage and a batch issued from above, made through the real deeds (R-TRACE-3).

Every word that an invented person says ends with （演示）. Nothing is made where the data has no clue for it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path

from clinic_orders.actions import clues as deeds
from clinic_orders.actions.reported import put_issued_clues
from clinic_orders.exchange.attachments import stored
from clinic_orders.exchange.demonstration import pictures
from clinic_orders.models.clues import Clue
from clinic_orders.queries import clues as questions
from clinic_orders.queries.clues import CluesWanted
from clinic_orders.queries.findings import FindingRow, FindingsWanted, findings
from clinic_orders.rules.clues import (
    OF_A_PACK,
    CheckWay,
    ClueState,
    ClueVerdict,
    ExclusionGround,
    Measure,
    SelfCheckAnswer,
)
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.ladder import earliest_deadline
from clinic_orders.rules.parties import SYSTEM, Actor, Role

_MARK = "（演示）"
_BATCH = "演示下发线索1号"
_FOREIGN = "89999990000000000017"
_TEAM = f"追溯码核查专班{_MARK}"


@dataclass(slots=True)
class _Stage:
    """Who acts and when; later deeds follow day by day and never reach the present."""

    officer: Actor
    ends: datetime
    instance: Path
    keys: Iterator[int] = field(default_factory=lambda: iter(range(1, 10_000)))

    def at(self, days_ago: int) -> datetime:
        """An instant so many days ago, each one later than the last of that day."""
        return self.ends - timedelta(days=days_ago) + timedelta(minutes=next(self.keys))

    def asked(self, clue: Clue, days_ago: int) -> Clue:
        """Ask everybody for the self-check, with the least time to answer."""
        at = self.at(days_ago)
        last = earliest_deadline(day_in_china(at), deeds.answer_days(at=at))
        return deeds.ask_self_check(clue.number, last, by=self.officer, at=at)

    def answered(
        self, clue: Clue, days_ago: int, choice: SelfCheckAnswer, text: str, repaid: str = ""
    ) -> None:
        """Everybody who was asked says the same."""
        at = self.at(days_ago)
        for party in questions.parties_of([clue.id], on=day_in_china(at))[clue.id]:
            somebody = Actor("王保田", Role.INSTITUTION, institution_id=party.institution_id)
            with stored(self.instance, [pictures.sheet("随货同行单")], limit_mb=1) as files:
                deeds.answer_clue(
                    clue.number, choice, f"{text}{_MARK}", repaid, files,
                    key=f"demonstration-clue-{next(self.keys)}", by=somebody, at=at,
                )  # fmt: skip

    def checked(self, clue: Clue, days_ago: int, way: CheckWay, text: str) -> None:
        """A check of the bureau."""
        photos = [pictures.pack("药盒和追溯码", clue.number), pictures.sheet("现场核对记录")]
        with stored(self.instance, photos, limit_mb=1) as files:
            deeds.record_check(
                clue.number, way, f"{text}{_MARK}", files, by=self.officer, at=self.at(days_ago)
            )

    def judged(self, clue: Clue, days_ago: int, verdict: ClueVerdict, text: str) -> None:
        """A verdict against the first of the institutions."""
        at = self.at(days_ago)
        first = questions.parties_of([clue.id], on=day_in_china(at))[clue.id][0]
        deeds.judge_clue(
            clue.number, verdict, [first.institution_id], f"{text}{_MARK}", by=self.officer, at=at
        )


def make_clues(
    instance: Path, *, officer: Actor, institution: tuple[int, str], now: datetime
) -> dict[str, int]:
    """Take clues of what the checks have stored to every stage, and issue a batch from above.

    Args:
        instance: where the photos are kept.
        officer: of the city.
        institution: row id and code of the institution that logs in; a clue from above asks it.
        now: nothing happens after it.

    Returns:
        how many clues stand at which stage, by its word.

    """
    on = day_in_china(now)
    found = findings(officer, on=on, wanted=FindingsWanted(unassigned=True), sort="rule")
    packs = [one for one in found if one.rule in OF_A_PACK]
    stage = _Stage(officer, now - timedelta(hours=12), instance)
    _issue(packs, institution[1], stage)
    for number, one in enumerate(_of_many_kinds(packs)):
        clue = deeds.assign_clue(_TEAM, finding_id=one.id, by=officer, at=stage.at(13))
        _go(stage, clue, number)
    own = deeds.assign_clue(_TEAM, issued=(_BATCH, "2"), by=officer, at=stage.at(3))
    stage.asked(own, 2)
    rows = questions.clues(officer, on=on, wanted=CluesWanted(state="all"))
    counted = Counter(row.state for row in rows)
    return {state.value: counted[state] for state in ClueState if counted[state]}


def _of_many_kinds(packs: list[FindingRow]) -> list[FindingRow]:
    """Eight findings, of as many different checks as there are."""
    firsts = {one.rule: one for one in reversed(packs)}
    chosen = list(firsts.values())
    return [*chosen, *(one for one in packs if one not in chosen)][:8]


def _issue(packs: list[FindingRow], institution: str, stage: _Stage) -> None:
    at = stage.at(20)
    day = day_in_china(at)
    common = {
        "issued_batch": _BATCH,
        "issuer": f"上级医疗保障局{_MARK}",
        "issued_on": day,
        "deadline": day + timedelta(days=60),
        "text": f"同一追溯码多次结算，请核查。{_MARK}",
    }
    own = packs[-1].key if packs else _FOREIGN
    rows = [
        {**common, "clue_no": "1", "trace_code": own},
        {**common, "clue_no": "2", "trace_code": _FOREIGN, "institution_code": institution},
        {**common, "clue_no": "3", "trace_code": _FOREIGN, "institution_name": f"外市某门诊部{_MARK}"},
    ]
    put_issued_clues(list(enumerate(rows, start=2)), by=SYSTEM, at=at, batch_id=None)


def _go(stage: _Stage, clue: Clue, number: int) -> None:
    """One clue to the stage of its place in the row; the first stays assigned."""
    if number == 0:
        return
    stage.asked(clue, 12 if number > 1 else 4)
    if number == 1:
        return
    if number == 2:
        stage.answered(clue, 10, SelfCheckAnswer.PAPERS_THERE, "随货同行单和发票已找到。")
        stage.checked(clue, 8, CheckWay.DATA, "与配送企业出库记录比对中。")
        return
    if number == 3:
        stage.answered(clue, 10, SelfCheckAnswer.SCANNED_WRONG, "扫码枪连扫两次，第二次没有卖药。")
        stage.checked(clue, 7, CheckWay.SYSTEM, "收银系统显示第二笔已作废。")
        deeds.exclude_clue(
            clue.number, ExclusionGround.SCAN_ERROR, f"扫码错误，没有重复结算。{_MARK}",
            by=stage.officer, at=stage.at(5),
        )  # fmt: skip
        return
    stage.answered(clue, 9, SelfCheckAnswer.OUR_FAULT, "购进时没有核对追溯码，已退回资金。", "86.40")
    stage.checked(clue, 7, CheckWay.ON_SITE, "现场没有找到随货同行单和发票。")
    verdict = ClueVerdict.SUSPECTED_FRAUD if number == 5 else ClueVerdict.VIOLATION
    stage.judged(clue, 5, verdict, "无合法购进凭证，责任清楚。")
    if number >= 6:
        deeds.dispose_clue(
            clue.number, Measure.RECOVER, "86.40", f"演示处〔{day_in_china(stage.ends).year}〕1号",
            day_in_china(stage.at(4)), by=stage.officer, at=stage.at(4),
        )  # fmt: skip
        deeds.dispose_clue(
            clue.number, Measure.INTERVIEW, "", "", day_in_china(stage.at(4)), f"已约谈负责人。{_MARK}",
            by=stage.officer, at=stage.at(4),
        )  # fmt: skip
    if number == 7:
        deeds.close_clue(clue.number, f"资金已追回，机构已整改。{_MARK}", by=stage.officer, at=stage.at(3))
    if number == 5:
        _hand_over(stage, clue)


def _hand_over(stage: _Stage, clue: Clue) -> None:
    at = stage.at(3)
    deeds.transfer_clues(
        questions.rows_to_transfer([clue.number], stage.officer, on=day_in_china(at)),
        f"洛阳市医疗保障局基金监管科{_MARK}", issuer=stage.officer.org_name or f"洛阳市医疗保障局{_MARK}", demo=True,
        key=f"demonstration-transfer-{next(stage.keys)}", by=stage.officer, at=at,
    )  # fmt: skip
