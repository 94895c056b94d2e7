"""Clues for tests: findings on trace codes, and a hand that drives a clue to where a test begins."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from itertools import count

from clinic_orders.actions import clues as deeds
from clinic_orders.models.clues import Clue, ClueAnswer
from clinic_orders.rules.clues import CheckWay, ClueVerdict, SelfCheckAnswer
from clinic_orders.rules.findings import CheckRule, Finding, Grade
from clinic_orders.rules.parties import Actor
from tests.cases_world import NOW, World, found, make_world

CODE = "81234560000000000011"
OTHER = "81234560000000000022"
LAST_DAY = date(2026, 11, 29)
_keys = count(1)

__all__ = ["CODE", "LAST_DAY", "NOW", "OTHER", "World", "found", "make_world"]


def fresh_key() -> str:
    """The key of a form that was not sent yet."""
    return f"clue-form-{next(_keys)}"


def unknown_pack(institution: str, code: str = CODE, times: int = 1) -> Finding:
    """A pack that was sold and never accepted (T6)."""
    return Finding(
        CheckRule.TRACE_NOT_RECEIVED, Grade.CLUE, institution=institution, distributor=None, key=code,
        period="2026-11", formula=f"{times}", figures={"times": times},
    )  # fmt: skip


def far(*institutions: str, code: str = OTHER, times: int = 3) -> Finding:
    """A pack that was sold at several places (T2)."""
    return Finding(
        CheckRule.TRACE_REPEAT_FAR, Grade.HIGH, institution=None, distributor=None, key=code, period="2026-11",
        formula=f"{times}", figures={"times": times, "institutions": institutions},
    )  # fmt: skip


def assigned(*findings: Finding, by: Actor) -> Clue:
    """A clue of the first finding."""
    return deeds.assign_clue("第一专班", finding_id=found(*findings)[0], by=by, at=NOW)


def asked(clue: Clue, *, by: Actor, deadline: date = LAST_DAY, at: datetime = NOW) -> Clue:
    """Ask everybody whom it is about."""
    return deeds.ask_self_check(clue.number, deadline, by=by, at=at)


def answered(clue: Clue, *, by: Actor, at: datetime = NOW, repaid: str = "") -> ClueAnswer:
    """Answer as an institution."""
    return deeds.answer_clue(
        clue.number, SelfCheckAnswer.SCANNED_WRONG, "扫码枪连扫两次。", repaid, key=fresh_key(), by=by, at=at
    )


def checked(clue: Clue, *, by: Actor, at: datetime = NOW) -> None:
    """A comparison of data."""
    deeds.record_check(clue.number, CheckWay.DATA, "与随货同行单比对，没有这盒药。", by=by, at=at)


def judged(
    clue: Clue,
    held: list[int],
    *,
    by: Actor,
    verdict: ClueVerdict = ClueVerdict.VIOLATION,
    at: datetime = NOW,
) -> Clue:
    """A verdict after a check; the institution has answered already where it must."""
    checked(clue, by=by, at=at)
    return deeds.judge_clue(clue.number, verdict, held, "无合法购进凭证。", by=by, at=at)


def later(days: int) -> datetime:
    """An instant some days on."""
    return NOW + timedelta(days=days)
