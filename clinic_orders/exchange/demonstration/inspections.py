"""Complaints and inspections at every stage, made through the real deeds; every invented word ends with （演示）."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import count

from clinic_orders.actions import complaints as told
from clinic_orders.actions import inspections as deeds
from clinic_orders.actions.inspections import NewPlan, VisitRecord
from clinic_orders.models.inspections import InspectionPlan, Visit
from clinic_orders.queries.complaints import places_like
from clinic_orders.queries.inspections import candidates, pool
from clinic_orders.rules.complaints import THE_PUBLIC, ComplaintKind, check_complaint
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.findings import Grade
from clinic_orders.rules.inspection.checklist import SHIPPED
from clinic_orders.rules.inspection.record import Answer, PartySignature, Said
from clinic_orders.rules.inspection.steps import Choice
from clinic_orders.rules.parties import Actor, InstitutionKind

_MARK = "（演示）"
_INSPECTORS = (
    ("陈静", "豫医保演示 001"),
    ("李慧", "豫医保演示 002"),
    ("周明", "豫医保演示 003"),
    ("马建国", "豫医保演示 004"),
)
_FINE = {item.code: Said(Answer.YES) for item in SHIPPED}


def make_complaints(county: str, *, officer: Actor, now: datetime) -> int:
    """Complaints of one county at every stage; how many."""
    today, keys = day_in_china(now), count(1)
    places = places_like("", officer, on=today, most=8)

    def filed(kind: ComplaintKind, words: str, hours: int, place: str = "", code: str = "") -> str:
        text = check_complaint(
            kind,
            place=place or f"镇东头药店{_MARK}",
            words=f"{words}{_MARK}",
            item="阿托伐他汀钙片",
            today=today,
        )
        return told.file_complaint(
            text, [], key=f"demonstration-{next(keys)}", institution_code=code, county_code=county,
            by=THE_PUBLIC, at=now - timedelta(hours=hours),
        ).number  # fmt: skip

    def later(hours: int) -> datetime:
        return now - timedelta(hours=hours)

    filed(ComplaintKind.DEARER, "标签 12.50 元，收了 15 元", 3)
    filed(ComplaintKind.NO_TAG, "柜台上没有价签，问了才说", 30)
    taken = filed(ComplaintKind.TIED, "说要买两盒钙片才卖", 50)
    told.take_up_complaint(taken, by=officer, at=later(40))
    other = filed(ComplaintKind.OTHER, "营业员态度不好", 90)
    told.decline_complaint(other, f"服务态度请向单位主管部门反映{_MARK}", by=officer, at=later(60))
    fine = filed(ComplaintKind.SHORT, "拆零的药少了一片", 100, code=places[0].code if places else "")
    told.refute_complaint(fine, f"现场清点并查看监控，数量相符{_MARK}", by=officer, at=later(55))
    if len(places) > 1:
        right = filed(ComplaintKind.DEARER, "收的比公示价高", 120, code=places[1].code)
        told.verify_complaint(
            right, places[1].code, f"查实多收 2.50 元，已责令退还{_MARK}", f"抽查小票，高于公示价 2.50 元{_MARK}",
            grade=Grade.WARNING, by=officer, at=later(50),
        )  # fmt: skip
    return 6


def _plan(name: str, *, by: Actor, at: datetime, days: int = 20, **more: object) -> InspectionPlan:
    first = day_in_china(at)
    new = NewPlan(
        f"{name}{_MARK}", first, first + timedelta(days=days), f"演示依据，不是真实文件{_MARK}", inspectors=_INSPECTORS,
        **more,  # type: ignore[arg-type]
    )  # fmt: skip
    return deeds.make_plan(new, key=f"demonstration-{name}", by=by, at=at)


def make_inspections(show: str, *, officer: Actor, now: datetime) -> int:
    """A plan that is being made with its draw, one that runs with visits at every stage, one that has ended; how many.

    The institution that logs in reads a record about itself too.
    """
    old = _plan(
        "三季度零售药店检查", by=officer, at=now - timedelta(days=60), kinds=[InstitutionKind.RETAIL_PHARMACY]
    )
    _visits(old, 2, officer=officer, at=now - timedelta(days=60))
    runs = _plan("四季度“利剑行动”", by=officer, at=now - timedelta(days=9))
    chosen = now - timedelta(days=9)
    own = deeds.add_visits(runs.number, [show], Choice.HAND, by=officer, at=chosen)
    visits = _visits(runs, 7, officer=officer, at=chosen)
    for plan in (old, runs):
        deeds.start_plan(plan.number, by=officer, at=now - timedelta(days=8))
    deeds.end_plan(old.number, by=officer, at=now - timedelta(days=7))
    _stories(visits, own, officer=officer, now=now)
    draft = _plan("年末双随机检查", by=officer, at=now - timedelta(days=1))
    there = len(pool(draft, officer, on=day_in_china(now)))
    if there:
        deeds.draw_visits(
            draft.number,
            min(5, there),
            f"摇号 07 21 05 13{_MARK}",
            key="demonstration-draw",
            by=officer,
            at=now,
        )
    return 3


def _visits(plan: InspectionPlan, number: int, *, officer: Actor, at: datetime) -> list[Visit]:
    found = candidates(plan, officer, on=day_in_china(at))[:number]
    return deeds.add_visits(plan.number, [one.code for one in found], Choice.RISK, by=officer, at=at)


def _stories(visits: list[Visit], own: list[Visit], *, officer: Actor, now: datetime) -> None:
    """Signed in order, signed with faults and looked at again, signed against a refusal, recorded, nobody met."""
    keys = count(1)

    def send(
        visit: Visit, days: int, answers: dict[str, Said], *, sign: bool = True, refused: bool = False
    ) -> None:
        at = now - timedelta(days=days)
        party = (
            PartySignature("", "", True, f"负责人认为应由上级签字{_MARK}")
            if refused
            else PartySignature("王保田", "负责人")
        )
        record = VisitRecord(
            day_in_china(at), _FINE | answers, f"当场讲解了整改要求{_MARK}", sign, ("陈静", "李慧"), party
        )
        deeds.record_visit(
            visit.number,
            record,
            key=f"demonstration-{next(keys)}",
            seen_version=visit.version,
            by=officer,
            at=at,
        )

    faults = {
        "sign": Said(Answer.NO, f"门口没有悬挂标牌{_MARK}"),
        "double_tag": Said(Answer.NO, f"抽查 5 种，2 种只有一个标签{_MARK}"),
    }
    price = {"price_kept": Said(Answer.NO, f"抽查 5 张小票，1 张高于公示价 0.50 元{_MARK}")}
    for visit in own:
        send(visit, 5, faults)
        deeds.look_back(visit.number, by=officer, at=now - timedelta(days=2))
    if len(visits) < 5:
        return
    in_order, faulty, refusing, unsigned, shut = visits[:5]
    send(in_order, 6, {})
    send(faulty, 6, faults)
    deeds.look_back(faulty.number, by=officer, at=now - timedelta(days=2))
    send(refusing, 5, price, refused=True)
    send(unsigned, 4, faults, sign=False)
    deeds.not_met(shut.number, f"上午十时关门，门上贴有通知{_MARK}", by=officer, at=now - timedelta(days=4))
