"""Trainings, requests to leave, an assessed year and one that is being assessed; every invented word ends with （演示）."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta
from decimal import Decimal
from itertools import count

from sqlalchemy import select

from clinic_orders.actions import assessments as deeds
from clinic_orders.actions import exits
from clinic_orders.actions.statistics import close_month
from clinic_orders.actions.trainings import record_training
from clinic_orders.actions.transaction import transaction
from clinic_orders.exchange.demonstration.world import Demonstration, Place, dice_for
from clinic_orders.models.assessments import AssessmentLine, AssessmentSheet
from clinic_orders.models.base import db
from clinic_orders.models.roster import Institution
from clinic_orders.queries import assessments as queries
from clinic_orders.queries.statistics import closed_month
from clinic_orders.rules.assessment import Indicator
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.parties import SYSTEM, Actor, InstitutionKind, Role
from clinic_orders.rules.trainings import Training

_MARK = "（演示）"
_SUBJECTS = ("集采政策和“六统一”标准", "追溯码扫码", "约定采购量和付款期限", "价格公示和双标签")
_SHOPS = frozenset({InstitutionKind.RETAIL_PHARMACY, InstitutionKind.PRIVATE_INSTITUTION})


def _who(place: Place, ids: dict[str, int]) -> Actor:
    return Actor(f"{place.name}负责人", Role.INSTITUTION, institution_id=ids[place.code], org_name=place.name)


def _ids() -> dict[str, int]:
    return dict(db.session.execute(select(Institution.code, Institution.id)).all())


def make_trainings(world: Demonstration, *, now: datetime) -> int:
    """Trainings of the county that logs in, over the months of the history; how many."""
    dice, ids, number = dice_for(world.seed, "trainings"), _ids(), count(1)
    days = max(1, (day_in_china(now) - world.start).days)
    made = 0
    with transaction():
        for place in world.places:
            if place.county != world.show_county:
                continue
            # The clinic that logs in has something in its own list.
            for _ in range(2 if place.code == world.show_clinic else dice.choice((0, 1, 1, 2))):
                day = world.start + timedelta(days=dice.randrange(days))
                training = Training(
                    f"{dice.choice(_SUBJECTS)}{_MARK}", f"全体药学人员{_MARK}", dice.randint(1, 6),
                    Decimal(dice.choice(("1.5", "2", "3"))), day,
                )  # fmt: skip
                record_training(
                    training, None, key=f"demonstration-training-{next(number)}", by=_who(place, ids), at=now
                )
                made += 1
    return made


def make_exits(world: Demonstration, *, officer: Actor, now: datetime) -> int:
    """A pharmacy asks to leave, another's request was refused, a third took it back; how many."""
    ids = _ids()
    # Those at the end of the list have no other part to play.
    shops = [place for place in world.places if place.kind in _SHOPS][-3:]
    last = day_in_china(now) + timedelta(days=30)
    for number, place in enumerate(shops):
        at = now - timedelta(days=3 * number + 1)
        asked = exits.ask_to_leave(f"店面租期届满{_MARK}", last, by=_who(place, ids), at=at)
        if number == 1:
            exits.decide_exit(
                asked.id, agree=False, answer=f"约定采购量未完成，请先完成{_MARK}", by=officer, at=now
            )
        elif number == 2:
            exits.withdraw_exit(asked.id, by=_who(place, ids), at=now)
    return len(shops)


def make_assessments(world: Demonstration, *, officer: Actor, now: datetime) -> list[int]:
    """The year before published, as far as the history reaches into it, and this year in self-scoring; the years."""
    today, years = day_in_china(now), []
    before = today.year - 1
    if world.start.year <= before:
        _assessed(world, before, officer=officer, now=now)
        years.append(before)
    at = now - timedelta(days=5)
    deeds.open_assessment(today.year, by=officer, at=at)
    _reckon(today.year, today, now)
    ids = _ids()
    own = [
        place
        for place in world.places
        if place.county == world.show_county and place.code != world.show_clinic
    ]
    _score_themselves(today.year, own[:20], ids, now)
    return [*years, today.year]


def _reckon(year: int, today: date, at: datetime) -> None:
    deeds.keep_assessment(queries.reckon(year, today=today), by=SYSTEM, at=at)


def _assessed(world: Demonstration, year: int, *, officer: Actor, now: datetime) -> None:
    """A year from its opening to its publication three days ago, with an appeal that waits and one that was right."""
    month = Month.of(world.start)
    while month.year == year:
        if closed_month(month) is None:
            close_month(month, by=officer, at=now)
        month = month.next()
    opened, sites, out = (now - timedelta(days=days) for days in (50, 30, 3))
    deeds.open_assessment(year, by=officer, at=opened)
    _reckon(year, day_in_china(opened), opened)
    ids, dice = _ids(), dice_for(world.seed, "assessed")
    _score_themselves(year, [place for place in world.places if dice.random() < 0.9], ids, opened)
    deeds.go_on_site(year, by=officer, at=sites)
    assessment = queries.find_assessment(year)
    assert assessment is not None, "it was just opened"
    with transaction():
        for sheet_id in _sheets(assessment.id):
            met = dice.random() < 0.85
            deeds.score_on_site(
                year, sheet_id, str(dice.choice((6, 7, 8, "8.5", 9, 10))) if met else "",
                "" if met else f"山路不通，未能到达{_MARK}", f"标牌、专柜、价签齐全{_MARK}" if met else "", by=officer, at=sites,
            )  # fmt: skip
    deeds.publish_assessment(year, by=officer, at=out)
    others = [
        place
        for place in world.places
        if place.county == world.show_county and place.code != world.show_clinic
    ]
    for number, place in enumerate(others[:2]):
        appeal = deeds.file_appeal(
            year, f"培训有签到表，没有登记；请按签到表计算{_MARK}", [], key=f"demonstration-appeal-{number}",
            by=_who(place, ids), at=out + timedelta(hours=5),
        )  # fmt: skip
        if number:
            deeds.decide_appeal(
                appeal.id, uphold=True, answer=f"签到表属实，按 4 学时计{_MARK}", indicator=Indicator.TRAINING,
                points="5", by=officer, at=now,
            )  # fmt: skip


def _sheets(assessment_id: int) -> Sequence[int]:
    return db.session.scalars(
        select(AssessmentSheet.id)
        .where(AssessmentSheet.assessment_id == assessment_id)
        .order_by(AssessmentSheet.id)
    ).all()


def _score_themselves(year: int, places: Sequence[Place], ids: dict[str, int], at: datetime) -> None:
    """Everybody thinks a little better of themselves than the figures do."""
    rows = db.session.execute(
        select(
            AssessmentSheet.institution_id,
            AssessmentLine.indicator,
            AssessmentLine.weight,
            AssessmentLine.points,
        )
        .join(AssessmentLine, AssessmentLine.sheet_id == AssessmentSheet.id)
        .where(AssessmentSheet.assessment_id == _number(year))
    ).all()
    lines: dict[int, dict[Indicator, str]] = {}
    for institution_id, indicator, weight, points in rows:
        own = Decimal(weight) if points is None else min(Decimal(weight), points + 2)
        lines.setdefault(institution_id, {})[indicator] = f"{own.normalize():f}"
    with transaction():
        for place in places:
            if ids[place.code] in lines:
                deeds.score_self(
                    year, lines[ids[place.code]], f"已对照“六统一”自查{_MARK}", by=_who(place, ids), at=at
                )


def _number(year: int) -> int:
    found = queries.find_assessment(year)
    assert found is not None, "it was opened before"
    return found.id
