"""Many institutions, items, exits, trainings, applications, counts and jobs, for the tests that walk over all lists."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from clinic_orders.actions import notices
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.applications import Application
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Price
from clinic_orders.models.draft_runs import DraftRun
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.exits import ExitRequest
from clinic_orders.models.import_jobs import ImportJob
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.models.notices import Alarm
from clinic_orders.models.policy import PolicyValue
from clinic_orders.models.roster import DeliveryRelation, Distributor, Membership
from clinic_orders.models.sales import SaleLine
from clinic_orders.models.standards_runs import StandardsRun
from clinic_orders.models.stock import ShelfPrice, StockCount
from clinic_orders.models.tracing import TraceProduct
from clinic_orders.models.trainings import TrainingRecord
from clinic_orders.models.volume import SupplyProblem
from clinic_orders.rules.applications import ApplicationState
from clinic_orders.rules.exits import ExitState
from clinic_orders.rules.import_jobs import ImportState
from clinic_orders.rules.paper_runs import PaperRunState
from clinic_orders.rules.parties import InstitutionKind, Role
from tests.many_size import MANY, START
from tests.orders_in_work import LONG_AGO, NOW, World, make_institution


def make_exits(world: World) -> None:
    """One pharmacy asked to leave, and took it back, again and again."""
    db.session.add_all(
        ExitRequest(
            institution_id=world.clinic.id, state=ExitState.WITHDRAWN, last_day=START + timedelta(days=number),
            reason="店面到期", asked_at=NOW - timedelta(hours=number), asked_by_name="周明", ended_at=NOW,
        )
        for number in range(MANY)
    )  # fmt: skip


def make_trainings(world: World) -> None:
    """A training a day."""
    db.session.add_all(
        TrainingRecord(
            institution_id=world.clinic.id, day=START + timedelta(days=number), subject=f"培训{number:03}",
            persons="王保田", persons_count=number + 1, hours=Decimal("1.5"), form_key=f"training-{number}",
            recorded_at=NOW, recorded_by_name="王保田",
        )
        for number in range(MANY)
    )  # fmt: skip


def make_applications() -> None:
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


def make_stock(world: World) -> None:
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


def make_roster(world: World) -> None:
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


def make_catalogue(world: World) -> None:
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


def make_office(world: World) -> None:
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
                    state=PaperRunState.WAITING,
                    by_name=f"赵红军{number}",
                    first_day=at.date(),
                    last_day=at.date(),
                    letter_ids=[],
                    total=number + 1,
                    requested_at=at,
                ),
                DraftRun(
                    token=f"{number:032}",
                    state=PaperRunState.WAITING,
                    by_name=f"赵红军{number}",
                    case_numbers=[],
                    wanted={},
                    total=number + 1,
                    requested_at=at,
                ),
                StandardsRun(
                    token=f"{number:032}",
                    state=PaperRunState.WAITING,
                    by_name=f"赵红军{number}",
                    on_day=at.date(),
                    place_code="410329",
                    place="伊川县",
                    township=f"鸦岭镇{number}",
                    sheets=["sign"],
                    institution_ids=[],
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
