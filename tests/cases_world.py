"""Cases for tests: officers, findings of several parties, and a hand that drives a case to where a test begins."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import count

from sqlalchemy import select

from clinic_orders.actions import cases as deeds
from clinic_orders.actions.findings import raise_findings
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseAnswer, CaseFile, CaseFinding, CaseLetter
from clinic_orders.models.notices import Notice
from clinic_orders.models.roster import Distributor, Institution
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule, Finding, Grade
from clinic_orders.rules.ladder import AnswerKind, Level
from clinic_orders.rules.letter_requests import LetterRequest
from clinic_orders.rules.parties import SYSTEM, Actor, InstitutionKind, Role
from tests.factories import LONG_AGO, make_institution, set_policy
from tests.factories import make_world as make_ground

NOW = datetime(2026, 11, 20, 1, 41, tzinfo=UTC)
TODAY = date(2026, 11, 20)
SONG, YI = "410325", "410329"
_keys = count(1)


def fresh_key() -> str:
    """The key of a form that was not sent yet."""
    return f"case-form-{next(_keys)}"


def overdue(institution: str, receipt: str, outstanding: str = "5.10", days: int = 20) -> Finding:
    """Money that an institution owes the first distributor."""
    return Finding(
        CheckRule.PAYMENT_OVERDUE,
        Grade.VIOLATION,
        institution=institution,
        distributor="D01",
        key=receipt,
        period="2026-10-31",
        formula=f"{outstanding} > 0; {days}",
        figures={"outstanding": Decimal(outstanding), "days_overdue": days, "ageing": "1-30"},
        rows=(("receipt", receipt),),
    )


def short(institution: str) -> Finding:
    """Fewer items kept than the minimum, which nobody has confirmed."""
    return Finding(
        CheckRule.STOCKING_SHORT,
        Grade.VIOLATION,
        institution=institution,
        distributor=None,
        key=None,
        period="2026-10",
        formula="29 < 30",
        figures={"carried": 29, "minimum": 30},
    )


def behind(institution: str, item: str) -> Finding:
    """An item of which far too little was bought."""
    return Finding(
        CheckRule.VOLUME_BEHIND,
        Grade.SEVERELY_BEHIND,
        institution=institution,
        distributor=None,
        key=item,
        period="2026-01-01",
        formula="80.00 − 10.00 = 70.00",
        figures={
            "agreed": 100,
            "counted": 10,
            "progress": Decimal("0.1"),
            "time_progress": Decimal("0.8"),
            "lag_pp": Decimal(70),
            "undelivered": 0,
            "rejected": 0,
            "not_ordered": 90,
        },
    )


def slow(distributor: str = "D01") -> Finding:
    """A distributor that delivers too little."""
    return Finding(
        CheckRule.DELIVERY_RATE,
        Grade.VIOLATION,
        institution=None,
        distributor=distributor,
        key=None,
        period="2026-10",
        formula="0.80 < 0.90",
        figures={"rate": Decimal("0.8"), "months_below": 3},
    )


@dataclass
class World:
    """Parties and officers; a private institution and a pharmacy stand in 伊川县, all others in 嵩县."""

    clinic: Institution
    hospital: Institution
    pharmacy: Institution
    private: Institution
    distributor: Distributor
    users: dict[str, User]

    def officer(self, name: str = "city") -> Actor:
        """An officer by the name of their account."""
        user = self.users[name]
        role = user.assignments[0].role
        return Actor(
            user.name, role, user_id=user.id, county_code=user.assignments[0].county_code,
            org_name="洛阳市医疗保障局",
        )  # fmt: skip

    def somebody(self, institution: Institution) -> Actor:
        """Somebody of an institution."""
        role = Role.HOSPITAL if institution is self.hospital else Role.INSTITUTION
        return Actor("王保田", role, institution_id=institution.id, org_name=institution.records[-1].name)

    @property
    def seller(self) -> Actor:
        """Somebody of the first distributor."""
        return Actor("刘敏", Role.DISTRIBUTOR, distributor_id=self.distributor.id)


def make_world(items: int = 3) -> World:
    """The ground with two officers of the city and one of each county."""
    ground = make_ground(items)
    private = make_institution("M01", "伊川康宁门诊部", county=YI, kind=InstitutionKind.PRIVATE_INSTITUTION)
    users = {}
    for name, role, county in (
        ("city", Role.CITY, None),
        ("second", Role.CITY, None),
        ("song", Role.COUNTY, SONG),
        ("yi", Role.COUNTY, YI),
    ):
        user = User(
            username=f"case-{name}", name={"city": "陈静", "second": "李慧"}.get(name, "周明"),
            password_hash="-", created_at=LONG_AGO,
        )  # fmt: skip
        user.assignments.append(RoleAssignment(role=role, county_code=county, valid_from=date(2026, 1, 1)))
        db.session.add(user)
        users[name] = user
    db.session.commit()
    return World(ground.clinic, ground.hospital, ground.pharmacy, private, ground.distributor, users)


def found(*findings: Finding, as_of: date = date(2026, 11, 19), at: datetime = NOW) -> list[int]:
    """Store what a look found; the ids of these findings in their order."""
    rules = {one.rule for one in findings}
    # A look at nobody ends nothing: what was found before stays.
    raise_findings(as_of, findings, rules, institution_ids=(), by=SYSTEM, at=at)
    ids = []
    for one in findings:
        subject = f"{one.institution or ''}/{one.distributor or ''}"
        ids.append(
            db.session.scalars(
                select(FindingRecord.id).where(
                    FindingRecord.rule == one.rule,
                    FindingRecord.subject == subject,
                    FindingRecord.key == (one.key or ""),
                )
            ).one()
        )
    return ids


def confirm_all() -> None:
    """Everything that the findings here rest on is confirmed with a document."""
    set_policy("delivery.accept_days", "2")
    set_policy("case.reentry_months", "24")


def request(level: Level, at: datetime = NOW, **more: object) -> LetterRequest:
    """A letter with the least time to answer; an interview tomorrow."""
    if level is Level.INTERVIEW:
        more = {"meeting_at": at + timedelta(days=1), "meeting_place": "三楼302会议室"} | more
    return LetterRequest(level, day_in_china(at) + timedelta(days=9), **more)  # type: ignore[arg-type]


def issue(case: CaseFile, level: Level, *, by: Actor, at: datetime = NOW, **more: object) -> CaseLetter:
    """Issue a letter, or give notice of a severe one."""
    return deeds.issue_letter(case.number, request(level, at, **more), key=fresh_key(), by=by, at=at)


def answered(
    letter: CaseLetter, *, by: Actor, at: datetime = NOW, kind: AnswerKind = AnswerKind.ANSWER
) -> CaseAnswer:
    """Sign for a letter and answer it."""
    deeds.receive_letter(letter.id, by=by, at=at)
    return deeds.answer_letter(letter.id, kind, "已经改正，单据附后。", key=fresh_key(), by=by, at=at)


def proposed(world: World, institution: Institution, level: Level, *, at: datetime = NOW) -> CaseFile:
    """A case against an institution whose severe letter waits for the second officer."""
    city, party = world.officer(), world.somebody(institution)
    case = deeds.open_case(found(overdue(institution.code, f"PS-{institution.code}")), by=city, at=at)
    notice = issue(case, level, by=city, at=at, notice=True, jump_reason="情节严重")
    answered(notice, by=party, at=at)
    more = {
        Level.SUSPENSION: {"first_day": day_in_china(at), "last_day": day_in_china(at) + timedelta(days=29)}
    }
    deeds.propose_letter(
        case.number, request(level, at, **more.get(level, {})), key=fresh_key(), by=city, at=at
    )
    return case


def opened(world: World, *, by: str = "song") -> CaseFile:
    """A case of two findings against the village clinic."""
    return deeds.open_case(found(overdue("V01", "PS1"), short("V01")), by=world.officer(by), at=NOW)


def later(days: int) -> datetime:
    """So many days after now."""
    return NOW + timedelta(days=days)


def states(case: CaseFile) -> list[FindingState]:
    """Those of the findings of a case."""
    inside = select(CaseFinding.finding_id).where(CaseFinding.case_id == case.id)
    return list(
        db.session.scalars(
            select(FindingRecord.state).where(FindingRecord.id.in_(inside)).order_by(FindingRecord.id)
        )
    )


def notices(kind: str) -> list[Notice]:
    """What was told of a kind."""
    return list(db.session.scalars(select(Notice).where(Notice.kind == kind)))
