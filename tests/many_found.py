"""Many findings, clues and cases, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.models.clues import Clue, ClueEvent, ClueMeasure, ClueParty, ClueTransfer, IssuedClue
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.rules.clues import ClueSide, ClueState, ClueStep, Measure
from clinic_orders.rules.days import Month
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.ladder import CaseState, LetterState
from clinic_orders.rules.letters import LetterContent, LetterKind, LetterNumber
from tests.many_size import MANY, START
from tests.orders_in_work import LONG_AGO, NOW, World


def make_findings(world: World) -> None:
    """What the checks found about the clinic, of several kinds."""
    for number in range(MANY):
        overdue = number % 2 == 0
        db.session.add(
            FindingRecord(
                rule=CheckRule.STOCKING_SHORT if overdue else CheckRule.LATE_ACCEPTANCE,
                subject="V01/",
                key="" if overdue else f"PS{number}",
                period=str(Month.of(START).plus(-number)) if overdue else START.isoformat(),
                institution_id=world.clinic.id,
                grade=Grade.VIOLATION if overdue else Grade.WARNING,
                formula=f"{number} < 100",
                figures={"carried": number, "minimum": 100} if overdue else {"working_days": number},
                rows=[],
                state=FindingState.OPEN,
                first_seen=START + timedelta(days=number),
                last_seen=START + timedelta(days=number),
                raised_at=NOW,
            )
        )


def make_clues(world: World) -> None:
    """Packs that were sold and never accepted: half of them asked about, half still to be assigned; a list a day."""
    for number in range(2 * MANY):
        asked = number < MANY
        finding = FindingRecord(
            rule=CheckRule.TRACE_NOT_RECEIVED,
            subject="V01/",
            key=f"8123456{number:013d}",
            period=str(Month.of(START)),
            institution_id=world.clinic.id,
            grade=Grade.CLUE,
            formula="1",
            figures={"times": number + 1},
            rows=[],
            state=FindingState.OPEN,
            first_seen=START + timedelta(days=number),
            last_seen=START + timedelta(days=number),
            raised_at=NOW,
        )
        db.session.add(finding)
        db.session.flush()
        if not asked:
            continue
        at = LONG_AGO + timedelta(days=number)
        clue = Clue(
            number=f"XS2026-{number + 1:05d}",
            finding_id=finding.id,
            county_code="410325",
            state=ClueState.SELF_CHECK,
            team=f"第{number}专班",
            deadline=START + timedelta(days=number),
            assigned_at=at,
            assigned_by_name="第一人",
            moved_at=at,
        )
        db.session.add(clue)
        db.session.flush()
        db.session.add(
            IssuedClue(
                issued_batch="豫线索2026-11",
                clue_no=f"{number:04d}",
                code=f"8123457{number:013d}",
                issuer="河南省医疗保障局",
                issued_on=START + timedelta(days=number),
                recorded_at=NOW,
            )
        )
        db.session.add(ClueParty(clue_id=clue.id, institution_id=world.clinic.id, asked_at=at))
        event = ClueEvent(
            clue_id=clue.id, step=ClueStep.DISPOSE, side=ClueSide.OFFICER, at=at, by_name="第一人", facts={}
        )
        db.session.add(event)
        db.session.flush()
        db.session.add(
            ClueMeasure(
                clue_id=clue.id,
                event_id=event.id,
                measure=Measure.RECOVER,
                amount=Decimal(number + 1),
                document_no=f"处〔2026〕{number + 1}号",
                day=START + timedelta(days=number),
            )
        )
        db.session.add(
            ClueTransfer(
                number=f"YS2026-{number + 1:04d}",
                receiver=f"第{number}监管科",
                issuer="洛阳市医疗保障局",
                clues=number + 1,
                rows=[],
                made_at=at,
                made_by_name="第一人",
                form_key=f"many-{number}",
            )
        )


def make_cases(world: World) -> None:
    """A case a day against the clinic, each with a letter that was signed for."""
    for number in range(MANY):
        day = START + timedelta(days=number)
        content = LetterContent(
            LetterKind.REMINDER, "嵩县医疗保障局", LetterNumber("嵩县医保提", 2026, number + 1), "提醒函",
            "明白川村卫生室", "有下列情况。", (), day,
        )  # fmt: skip
        case = CaseFile(
            number=f"AJ2026-{number + 1:04d}",
            institution_id=world.clinic.id,
            state=CaseState.RECEIVED if number % 2 else CaseState.ANSWERED,
            level=1,
            deadline=day + timedelta(days=9),
            opened_at=LONG_AGO + timedelta(days=number),
            opened_by_name=f"第{number}人",
            moved_at=LONG_AGO + timedelta(days=number),
        )
        db.session.add(case)
        db.session.flush()
        db.session.add(
            CaseLetter(
                case_id=case.id,
                kind=content.kind,
                level=1,
                state=LetterState.ISSUED,
                number=str(content.number),
                series="嵩县医保提〔2026〕",
                serial=number + 1,
                token=f"token-{number}",
                content=content.canonical(),
                sha256=content.sha256(),
                finding_ids=[],
                form_key=f"many-{number}",
                deadline=case.deadline,
                made_at=case.opened_at,
                made_by_name="第一人",
                issued_at=case.opened_at,
                issued_on=day,
                received_at=case.opened_at,
                received_by_name="王桂兰",
            )
        )
