"""The record of a visit as a paper: 现场检查笔录, for both sides (R-CASE-5)."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import datetime
from itertools import groupby
from typing import Final

from clinic_orders.documents import render
from clinic_orders.documents.distribution import DEMO_MARK
from clinic_orders.models.inspections import VisitPhoto
from clinic_orders.queries import inspections as queries
from clinic_orders.queries.roster import has_demo_data
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.inspection.checklist import ItemGroup
from clinic_orders.rules.inspection.record import Answer
from clinic_orders.rules.inspection.steps import VisitState
from clinic_orders.rules.parties import Actor

GROUPS: Final = {
    ItemGroup.SIX: "“六统一”标准",
    ItemGroup.BUYING: "采购",
    ItemGroup.DELIVERY: "配送验收",
    ItemGroup.PAYMENT: "货款结算",
    ItemGroup.PRICE: "价格与销售",
    ItemGroup.DISGUISED: "变相涨价",
    ItemGroup.TRACING: "追溯与来源",
}
ANSWERS: Final = {Answer.YES: "符合", Answer.NO: "不符合", Answer.NOT_APPLICABLE: "不适用"}
_ON_PAPER: Final = 12
"""So many photos stand on the paper; all of them stay with the record."""


def inspection_record(
    number: str, *, read: Callable[[str], bytes | None], by: Actor, at: datetime
) -> bytes | None:
    """The record of a visit; None if there is no such visit for this person, or nothing is recorded.

    Args:
        number: of the visit.
        read: gives the bytes of a photo by its random name.
        by: for whom.
        at: when it is printed.

    Raises:
        PapersOff: see ``documents.render``.

    """
    found = queries.find_visit(number, by, on=day_in_china(at))
    if found is None or found.state not in {VisitState.RECORDED, VisitState.SIGNED}:
        return None
    visit, answers = queries.visit_by_id(found.id), queries.answers_of(found.id)
    people = [one for one in queries.inspectors_of(found.plan_id) if one.place in found.inspectors]
    photos = queries.photos_of(found.id)

    def picture(photo: VisitPhoto | None) -> str:
        content = None if photo is None else read(photo.stored_as)
        if photo is None or content is None:
            return ""
        return f"data:{photo.media_type};base64,{b64encode(content).decode()}"

    marks = {one.code: one for one in photos}
    items = queries.items_of(found.checklist_id)
    shown = [one for one in photos if one.code not in {queries.MARK_PARTY, queries.MARK_INSPECTOR}]
    return render(
        "inspection_record",
        {
            "found": found,
            "visit": visit,
            "signed": found.state is VisitState.SIGNED,
            "groups": [
                (
                    GROUPS[group],
                    [
                        (item.text, ANSWERS[answers[item.code].answer], answers[item.code].remark)
                        for item in lines
                        if item.code in answers
                    ],
                )
                for group, lines in groupby(items.values(), key=lambda item: item.group)
            ],
            "faults": sum(said.answer is Answer.NO for said in answers.values()),
            "total": len(answers),
            "people": people,
            "mark_party": picture(marks.get(queries.MARK_PARTY)),
            "mark_inspector": picture(marks.get(queries.MARK_INSPECTOR)),
            "photos": [
                (items[one.code].text if one.code in items else "现场", picture(one))
                for one in shown[:_ON_PAPER]
            ],
            "more_photos": max(0, len(shown) - _ON_PAPER),
            "printed_at": at,
            "mark": DEMO_MARK if has_demo_data() else "",
        },
    )
