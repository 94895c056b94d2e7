"""A world in which every list is longer than a page, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any

from sqlalchemy import select

from clinic_orders.actions import notices
from clinic_orders.actions.answering import answer_order_in_full
from clinic_orders.actions.payments import record_payment
from clinic_orders.actions.returns import ReturnedPacks, request_return
from clinic_orders.exchange.tables import KINDS
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.applications import Application
from clinic_orders.models.arrears import PaymentHold
from clinic_orders.models.bank import BankFile, BankLine
from clinic_orders.models.base import db
from clinic_orders.models.cases import CaseFile, CaseLetter
from clinic_orders.models.catalogue import Edition, EditionItem, Price
from clinic_orders.models.clues import Clue, ClueParty, ClueTransfer, IssuedClue
from clinic_orders.models.doubles import OrderDouble
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.exits import ExitRequest
from clinic_orders.models.export_jobs import ExportJob
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.models.notices import Alarm
from clinic_orders.models.orders import Order
from clinic_orders.models.payment_links import GatewayMessage
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.reports import PlannedVolume, VolumeConversion
from clinic_orders.models.roster import DeliveryRelation, Distributor, Institution, Membership
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.stages import StageRow
from clinic_orders.models.statements import AccountStatement
from clinic_orders.models.statistics import Bulletin, ClosedMonth, ReckonedMonth
from clinic_orders.models.stock import ShelfPrice, StockCount
from clinic_orders.models.supervision import FindingRecord
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.models.trainings import TrainingRecord
from clinic_orders.models.volume import SupplyProblem
from clinic_orders.queries.month_rows import InstitutionRow, MonthRows, ScoreRow, VolumeRow, kept
from clinic_orders.rules.applications import ApplicationState
from clinic_orders.rules.clues import ClueState
from clinic_orders.rules.days import Month
from clinic_orders.rules.exits import ExitState
from clinic_orders.rules.export_jobs import ExportState
from clinic_orders.rules.finding_states import FindingState
from clinic_orders.rules.findings import CheckRule, Grade
from clinic_orders.rules.further_indicators import row_of
from clinic_orders.rules.import_jobs import ImportState
from clinic_orders.rules.indicators import Own
from clinic_orders.rules.ladder import CaseState, LetterState
from clinic_orders.rules.letter_runs import LetterRunState
from clinic_orders.rules.letters import LetterContent, LetterKind, LetterNumber
from clinic_orders.rules.parties import Actor, InstitutionKind, Role
from clinic_orders.rules.payment_links import Verdict
from clinic_orders.rules.scorecard import Score
from clinic_orders.rules.stages import Stage
from tests.deliveries_in_work import accepted, make_shipment
from tests.many_complaints import make_complaints
from tests.many_inspections import make_inspections
from tests.many_monitored import make_monitored
from tests.orders_in_work import LONG_AGO, NOW, World, make_institution, make_order, make_world

MANY = 60
"""More than the longest page of a list."""
START = date(2026, 1, 1)


def make_people(world: World) -> dict[Role, User]:
    """Somebody for every role, whom the checking client can log in."""
    places: dict[Role, dict[str, object]] = {
        Role.INSTITUTION: {"institution_id": world.clinic.id},
        Role.HOSPITAL: {"institution_id": world.hospital.id},
        Role.DISTRIBUTOR: {"distributor_id": world.distributor.id},
        Role.COUNTY: {"county_code": "410325"},
        Role.CITY: {},
        Role.OPERATOR: {},
    }
    people = {}
    for role, place in places.items():
        user = User(username=f"u-{role.value}", name="王桂兰", password_hash="-", created_at=LONG_AGO)
        user.assignments.append(RoleAssignment(role=role, valid_from=START, **place))
        db.session.add(user)
        people[role] = user
    db.session.commit()
    return people


def make_many() -> tuple[World, dict[Role, User]]:
    """More than a page of everything that has a list."""
    world = make_world(items=MANY)
    people = make_people(world)
    _roster(world)
    _catalogue(world)
    _office(world)
    _exports(people)
    _orders(world, people)
    _holds(world)
    _gateway_messages()
    _statements(world)
    _bank(world)
    _findings(world)
    _cases(world)
    _clues(world)
    _volumes(world)
    _applications()
    _stages()
    _exits(world)
    _trainings(world)
    _stock(world)
    make_complaints(world, MANY)
    make_inspections(world, MANY)
    make_monitored(world, MANY)
    make_months()
    _reckoned(world)
    db.session.commit()
    return world, people


def _exports(people: dict[Role, User]) -> None:
    """Long exports of both bureaus."""
    kinds = sorted(KINDS)
    for role, county in ((Role.CITY, ""), (Role.COUNTY, "410325")):
        db.session.add_all(
            ExportJob(
                kind=kinds[number % len(kinds)],
                form="csv",
                token=f"{role.value}{number}",
                state=ExportState.WAITING,
                by_id=people[role].id,
                by_name="王桂兰",
                role=role,
                county_code=county,
                total=number * 20_000,
                size=number,
                requested_at=NOW - timedelta(hours=number + 3),
            )
            for number in range(MANY)
        )


def _exits(world: World) -> None:
    """One pharmacy asked to leave, and took it back, again and again."""
    db.session.add_all(
        ExitRequest(
            institution_id=world.clinic.id, state=ExitState.WITHDRAWN, last_day=START + timedelta(days=number),
            reason="店面到期", asked_at=NOW - timedelta(hours=number), asked_by_name="周明", ended_at=NOW,
        )
        for number in range(MANY)
    )  # fmt: skip


def _trainings(world: World) -> None:
    """A training a day."""
    db.session.add_all(
        TrainingRecord(
            institution_id=world.clinic.id, day=START + timedelta(days=number), subject=f"培训{number:03}",
            persons="王保田", persons_count=number + 1, hours=Decimal("1.5"), form_key=f"training-{number}",
            recorded_at=NOW, recorded_by_name="王保田",
        )
        for number in range(MANY)
    )  # fmt: skip


def _applications() -> None:
    """Applications sent to one county, one after the other."""
    for number in range(MANY):
        moment = NOW - timedelta(minutes=number)
        db.session.add(
            Application(
                number=f"SQ20261120-{number:04}", secret_sha256="0" * 64, state=ApplicationState.SUBMITTED,
                kind=InstitutionKind.RETAIL_PHARMACY, name=f"药房{number:03}", county_code="410325", facts={},
                signed_by="王秀英", signed_at=moment, letter_version="2026-1", began_at=moment,
                submitted_at=moment, moved_at=moment, form_key=f"application-{number}",
            )
        )  # fmt: skip


def _stock(world: World) -> None:
    """Every item counted, and one of them sold day by day."""
    for number, item in enumerate(world.items):
        db.session.add(
            StockCount(
                institution_id=world.clinic.id,
                item_id=item.id,
                counted_on=NOW.date(),
                base_units=number,
                recorded_at=NOW,
            )
        )
    for number, item in enumerate(world.items):
        db.session.add(
            ShelfPrice(
                institution_id=world.clinic.id,
                item_id=item.id,
                posted_on=START,
                price=Decimal(number + 1),
                recorded_at=LONG_AGO,
            )
        )
    # Whole packs of an item with trace codes, none of which was uploaded.
    db.session.add(
        TraceProduct(
            prefix="8123456",
            item_id=world.items[1].id,
            base_units_per_code=world.items[1].pack_size,
            recorded_at=NOW,
        )
    )
    for number in range(MANY):
        moment = NOW - timedelta(minutes=number)
        db.session.add(
            SaleLine(
                institution_id=world.clinic.id,
                sale_no=f"XS{number:03}",
                line_no="1",
                item_id=world.items[1].id,
                sold_at=moment,
                sold_on=NOW.date(),
                base_units=(number + 1) * world.items[1].pack_size,
                amount=Decimal(1),
                recorded_at=moment,
            )
        )


def _reckoned(world: World) -> None:
    """The running month as it was reckoned: many members, agreed volumes, and distributors in many townships."""
    members = [
        InstitutionRow(
            f"M{number:03}",
            f"第{number}村卫生室",
            "410329",
            "village_clinic",
            f"第{number}镇",
            row_of(Own(member=True, orders=number)),
            {},
            {},
        )
        for number in range(MANY)
    ]
    scores = [
        ScoreRow(
            f"D2{number % 55:03}",
            f"第{number % 55}医药有限公司",
            "410329",
            f"第{number}镇",
            Score(orders=number),
        )
        for number in range(MANY)
    ]
    scores += [
        ScoreRow(world.distributor.code, "豫西安康", "410329", f"第{number}镇", Score(late_item_days=number))
        for number in range(MANY)
    ]
    first = START
    volumes = [
        VolumeRow(
            "410329",
            "village_clinic",
            f"LY{number:03}",
            f"第{number}种药",
            "第七批",
            first,
            NOW.date(),
            number + 1,
            number,
            Decimal(1),
        )
        for number in range(MANY)
    ]
    db.session.add_all(
        Bulletin(quarter=f"20{number}-Q1", drafted_at=NOW, drafted_by_name="system")
        for number in range(10, 20)
    )
    nothing: dict[str, object] = {"city": None, "counties": [], "kinds": []}
    db.session.add(
        ReckonedMonth(
            month=str(Month.of(NOW.date())),
            blocks=nothing,
            by_county={},
            further={"blocks": nothing, "by_county": {}},
            rows=kept(MonthRows(members, scores, volumes)),
            reckoned_at=NOW,
        )
    )


def make_months() -> None:
    """Closed months before the first order, without figures."""
    for number in range(1, MANY + 1):
        db.session.add(
            ClosedMonth(
                month=str(Month.of(START).plus(-number)),
                cut_off_at=LONG_AGO - timedelta(days=number),
                blocks={"city": None, "counties": [], "kinds": []},
                by_county={},
                sha256="0" * 64,
                closed_by_name="system",
            )
        )


def _roster(world: World) -> None:
    for number in range(MANY):
        village = make_institution(
            f"V2{number:03}",
            f"第{number}村卫生室",
            county="410329",
            kind=InstitutionKind.VILLAGE_CLINIC,
            township="白元镇",
        )
        village.records[0].supervisor_id = world.hospital.id
        village.memberships.append(Membership(joined_on=START))
        db.session.add_all(
            [
                Distributor(code=f"D2{number:03}", name=f"第{number}医药有限公司", recorded_at=LONG_AGO),
                DeliveryRelation(
                    institution_id=village.id,
                    distributor_id=world.distributor.id,
                    valid_from=START + timedelta(days=number),
                    recorded_at=LONG_AGO,
                ),
            ]
        )
        person = User(username=f"n{number}", name=f"第{number}人", password_hash="-", created_at=LONG_AGO)
        person.assignments.append(
            RoleAssignment(role=Role.INSTITUTION, institution_id=village.id, valid_from=START)
        )
        db.session.add(person)
    world.clinic.memberships.append(Membership(joined_on=START))


def _catalogue(world: World) -> None:
    for number in range(MANY):
        edition = Edition(
            edition=f"推荐-{number:02}", valid_from=START + timedelta(days=number), recorded_at=LONG_AGO
        )
        db.session.add(edition)
        db.session.flush()
        if number == MANY - 1:
            db.session.add_all(EditionItem(edition_id=edition.id, item_id=item.id) for item in world.items)
    for number, item in enumerate(world.items):
        item.search_text = item.generic_name
        db.session.add(
            Price(
                item_id=item.id,
                valid_from=START,
                pack_price=Decimal(number + 1),
                document_no="示例",
                recorded_at=LONG_AGO,
            )
        )


def _office(world: World) -> None:
    for number in range(MANY):
        at = NOW - timedelta(hours=number + 3)
        db.session.add_all(
            [
                ImportBatch(
                    kind="prices",
                    filename=f"价格{number}.csv",
                    sha256=f"{number:064}",
                    rows=number,
                    created=number,
                    updated=0,
                    unchanged=0,
                    by_name="赵红军",
                    at=at,
                ),
                ImportJob(
                    kind="sales",
                    filename=f"销售{number}.csv",
                    token=f"{number:032}",
                    size=number * 1_000_000,
                    state=ImportState.WAITING,
                    by_name="赵红军",
                    requested_at=at,
                    run_after=at,
                    rows=number,
                ),
                LetterRun(
                    token=f"{number:032}",
                    state=LetterRunState.WAITING,
                    by_name=f"赵红军{number}",
                    first_day=at.date(),
                    last_day=at.date(),
                    letter_ids=[],
                    total=number + 1,
                    requested_at=at,
                ),
                JobRun(
                    job="record-lapsed-orders",
                    scheduled_at=at,
                    as_of=at.date(),
                    state=RunState.DONE,
                    started_at=at,
                    heartbeat_at=at,
                    ended_at=at,
                ),
                SupplyProblem(
                    item_id=world.items[number].id,
                    first_day=START + timedelta(days=number),
                    reported_at=at,
                    reporting_distributor_id=world.distributor.id,
                    words=f"断货{number}",
                    recorded_at=at,
                ),
                Alarm(
                    kind="no_distributor",
                    key=f"{number}",
                    institution_id=world.clinic.id,
                    county_code="410325",
                    facts={"item": f"第{number}种药"},
                    first_at=at,
                    last_at=at,
                ),
            ]
        )
        notices.tell(
            "mandate_revoked",
            at=at,
            facts={"hospital": "车村镇卫生院", "institution": f"第{number}村卫生室"},
            institution_id=world.clinic.id,
        )
        db.session.add(
            PolicyValue(
                parameter="stocking.minimum",
                kind="retail_pharmacy",
                scale=f"第{number}档",
                valid_from=START,
                value=f"{number}",
                recorded_at=LONG_AGO,
            )
        )


def _orders(world: World, people: dict[Role, User]) -> None:
    """One third received, paid in part and asked back; one third under way; the rest waits for its answer."""
    clinic = people[Role.INSTITUTION]
    buyer = Actor(clinic.name, Role.INSTITUTION, user_id=clinic.id, institution_id=world.clinic.id)
    for number in range(MANY):
        order = make_order(world, (number + 2,), submitted_at=NOW - timedelta(hours=2, minutes=number))
        answer_order_in_full(order.order_no, by=world.seller, at=NOW)
        receipt = accepted(
            world, order=order, by=buyer, at=NOW + timedelta(hours=1, minutes=number), batch=f"B{number}"
        )
        request_return(
            receipt.receipt_no,
            {receipt.lines[0].id: ReturnedPacks(1, "quality")},
            by=buyer,
            at=NOW + timedelta(hours=3, minutes=number),
        )
        record_payment(
            world.clinic.id,
            world.distributor.id,
            Decimal("0.01") * (number + 1),
            NOW.date(),
            key=f"many-{number:012}",
            by=buyer,
            at=NOW + timedelta(hours=4, minutes=number),
        )
        make_shipment(
            world,
            order=make_order(world, (1,), submitted_at=NOW - timedelta(hours=1, minutes=number)),
            at=NOW + timedelta(minutes=number),
        )
        make_order(world, (number + 1,), submitted_at=NOW - timedelta(minutes=number + 1))
    orders = db.session.scalars(select(Order.id).order_by(Order.id).limit(MANY + 1)).all()
    for number, (one, other) in enumerate(pairwise(orders)):
        db.session.add(OrderDouble(order_id=one, other_id=other, found_at=NOW - timedelta(minutes=number)))


def _holds(world: World) -> None:
    """A running hold towards each of the many distributors."""
    sellers = db.session.scalars(select(Distributor).where(Distributor.code.like("D2%")))
    for number, seller in enumerate(sellers):
        db.session.add(
            PaymentHold(
                paying_id=world.clinic.id,
                distributor_id=seller.id,
                amount=Decimal(number + 100),
                since=START + timedelta(days=number),
                after_days=60,
                min_amount=Decimal(100),
                scope="distributor",
                receipts=1,
                began_at=NOW - timedelta(hours=number),
                looked_at=NOW,
            )
        )


def _gateway_messages() -> None:
    """Messages of the gateway that were not believed."""
    for number in range(MANY):
        db.session.add(
            GatewayMessage(
                number=f"FL{number:04}",
                fields='{"trade_status": "TRADE_SUCCESS"}',
                verdict=Verdict.FORGED,
                received_at=NOW - timedelta(minutes=number),
            )
        )


def _findings(world: World) -> None:
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


def _clues(world: World) -> None:
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


def _cases(world: World) -> None:
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


def _volumes(world: World) -> None:
    """A quarter's plan of every village, and the conversions of many quarters before."""
    villages = db.session.scalars(select(Institution.id).where(Institution.code.like("V2%")))
    for number, village in enumerate(villages):
        db.session.add(
            PlannedVolume(
                institution_id=village,
                item_id=world.items[number % len(world.items)].id,
                quarter="2026-Q4",
                packs=number + 1,
                recorded_at=NOW - timedelta(hours=number),
            )
        )
    for number in range(MANY):
        year, quarter = 2025 - number // 4, number % 4 + 1
        db.session.add(
            VolumeConversion(
                key=f"many-{number}",
                quarter=f"{year}-Q{quarter}",
                cycle_start=date(year, quarter * 3, 1),
                cycle_end=date(year, quarter * 3, 28),
                agreements=number,
                packs=number * 10,
                made_at=LONG_AGO - timedelta(days=number),
                made_by_name="赵红军",
            )
        )


def _stages() -> None:
    """Every village in one cycle of the stage board, each a little farther than the one before."""
    villages = db.session.scalars(select(Institution.id).where(Institution.code.like("V2%")))
    for number, village in enumerate(villages):
        db.session.add(stage_row(village, ordered=number))


def stage_row(institution_id: int, **more: Any) -> StageRow:
    """A line of the stage board: 100 packs agreed in 2026, 50 due by now."""
    figures = dict.fromkeys(
        ("ordered", "undelivered", "counted", "waiting", "waiting_late", "unpaid", "overdue", "behind"), 0
    )
    return StageRow(
        institution_id=institution_id,
        **{
            "cycle_start": date(2026, 1, 1),
            "cycle_end": date(2026, 12, 31),
            "items": 1,
            "reported": None,
            "agreed": 100,
            "due": 50,
            **figures,
            "grade": None,
            "report": "",
            "stands": Stage.ORDER,
            "detail": [],
            "as_of": NOW.date(),
            "reckoned_at": NOW,
        }
        | more,
    )


def _statements(world: World) -> None:
    """The account of the clinic and its distributor over many months."""
    for number in range(MANY):
        amount = Decimal(number + 1)
        db.session.add(
            AccountStatement(
                paying_id=world.clinic.id,
                distributor_id=world.distributor.id,
                month=str(Month.of(START).plus(-number)),
                opening=Decimal(0),
                receipts=amount,
                returns=Decimal(0),
                payments=Decimal(0),
                closing=amount,
                overdue=amount,
                made_at=NOW,
            )
        )


def _bank(world: World) -> None:
    """Many bank statements of the distributor; the first has many lines."""
    owner = f"D{world.distributor.id}"
    for number in range(MANY):
        db.session.add(
            BankFile(
                id=number + 1,
                owner=owner,
                filename=f"流水{number:02}.csv",
                lines=MANY - number,
                by_name="刘敏",
                at=NOW - timedelta(hours=number),
            )
        )
    db.session.flush()
    for number in range(MANY):
        db.session.add(
            BankLine(
                file_id=1,
                owner=owner,
                row_no=number + 2,
                paid_on=START + timedelta(days=number),
                amount=Decimal(number + 1),
                party=f"第{number}村卫生室",
                fingerprint=f"{number:064}",
            )
        )
