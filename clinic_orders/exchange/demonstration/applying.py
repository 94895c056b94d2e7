"""Applications at every stage, made through the real deeds: from a draft to a pharmacy that is on the roster.

Every name ends with （演示）. The photos of papers are blank pictures that say so by their name.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Final

from stdnum.cn import uscc

from clinic_orders.actions import applications as deeds
from clinic_orders.exchange.attachments import stored
from clinic_orders.exchange.demonstration import pictures
from clinic_orders.queries.demonstration import pharmacies_of
from clinic_orders.rules.applications import (
    REQUIRED_FILES,
    DecisionKind,
    Declared,
    NegativeFact,
    Opinion,
)
from clinic_orders.rules.geodesy import Place
from clinic_orders.rules.parties import Actor, InstitutionKind, Role

_MARK: Final = "（演示）"
_KEY: Final = "demonstration-application-"
_NOTHING: Final = dict.fromkeys(NegativeFact, Declared(holds=False))
_PHARMACY, _CLINIC = InstitutionKind.RETAIL_PHARMACY, InstitutionKind.PRIVATE_INSTITUTION


@dataclass(frozen=True, slots=True)
class _Applicant:
    """Somebody invented who applies, and how far it comes.

    Attributes:
        name: without the mark.
        stage: the state that is reached.
        days: before the present it began.
        aside: degrees of longitude from a designated pharmacy; 0.0022 are some two hundred metres.

    """

    name: str
    stage: str
    days: int
    kind: InstitutionKind = _PHARMACY
    aside: str = "0.006"
    people: int = 3_200
    chain: bool = False


_APPLICANTS: Final[Sequence[_Applicant]] = (
    _Applicant("洛阳市惠民康健大药房连锁有限公司第十七分店", "draft", 1),
    _Applicant("同济堂大药房", "submitted", 2, aside="0.0022", people=1_650),
    _Applicant("仁爱综合门诊部", "submitted", 3, _CLINIC),
    _Applicant("百草园大药房", "returned", 6),
    _Applicant("济民堂药业连锁有限公司", "assessed", 8, chain=True),
    _Applicant("康泰大药房", "proposed", 9, aside="0.0022"),
    _Applicant("德仁中医诊所", "published", 7, _CLINIC),
    _Applicant("万安堂大药房", "over", 16),
    _Applicant("利康大药房", "refused", 20, aside="0.0015", people=900),
    _Applicant("同心口腔门诊部", "withdrawn", 12, _CLINIC),
    _Applicant("福寿堂大药房", "admitted", 24),
)


def _code(number: int) -> str:
    """An invented identity code with its right check character."""
    body = f"92410300MA9DEM{number:03d}"
    return body + str(uscc.calc_check_digit(body))


def make_applications(
    county: str, instance: Path, *, officer: Actor, second: Actor, now: datetime
) -> dict[str, int]:
    """Invent applications of one county; how many came how far.

    Args:
        county: whose bureau gives the opinions.
        instance: where the photos are kept.
        officer: of the city.
        second: of the city, who looks a second time.
        now: the present.

    """
    found: dict[str, int] = {}
    anchors = pharmacies_of(county)
    reporter = Actor(f"县局经办{_MARK}", Role.COUNTY, county_code=county, org_name="县医疗保障局")
    for number, one in enumerate(_APPLICANTS, start=1):
        lng, lat = anchors[number % len(anchors)] if anchors else (Decimal("112.083"), Decimal("34.135"))
        _make(
            one, number, Place(lng + Decimal(one.aside), lat), county, instance,
            reporter=reporter, officer=officer, second=second, now=now,
        )  # fmt: skip
        found[one.stage] = found.get(one.stage, 0) + 1
    return found


def _make(
    one: _Applicant,
    number: int,
    place: Place,
    county: str,
    instance: Path,
    *,
    reporter: Actor,
    officer: Actor,
    second: Actor,
    now: datetime,
) -> None:
    began = now - timedelta(days=one.days)
    name = f"{one.name}{_MARK}"
    by = deeds.visitor(f"申请人{_MARK}", name)
    made = deeds.begin_application(
        one.kind, name, county, chain=one.chain, key=f"{_KEY}{number}", demo=True, by=by, at=began
    )
    it, at = made.number, began + timedelta(minutes=20)
    deeds.fill_in_unit(
        it,
        deeds.Unit(
            name=name, county_code=county, township="城关镇", address=f"人民路{number * 7}号{_MARK}",
            uscc=_code(number), nhsa_code="", licence_no=f"豫CB0379{number:04d}", licence_until=None,
            legal_rep=f"王秀英{_MARK}", contact=f"张建国{_MARK}", phone=f"0379-0000{number:04d}",
            business="经营面积约160平方米，设集采专柜，进销存系统齐全。",
        ),
        by=by, at=at,
    )  # fmt: skip
    if one.stage == "draft":
        return
    deeds.fill_in_place(it, place, people=one.people, people_source=f"居委会上月数据{_MARK}", by=by, at=at)
    if one.chain:
        for store in (1, 2):
            deeds.put_store(
                it, f"P{county}{99000 + number * 10 + store}", f"{one.name}第{store}门店{_MARK}",
                f"新华街{store}号{_MARK}", Place(place.lng + Decimal("0.011") * store, place.lat), 2_400,
                county_code=county, by=by, at=at,
            )  # fmt: skip
    deeds.declare_facts(it, _NOTHING, by=by, at=at)
    for use in REQUIRED_FILES:
        with stored(instance, [pictures.sheet(use.value)], limit_mb=1) as files:
            deeds.attach_papers(it, use, files, by=by, at=at)
    rate = Decimal("0.15") if one.kind is _PHARMACY else Decimal("0.10")
    deeds.sign_letter(
        it, "2026-1", read=range(1, 8), signer=f"王秀英{_MARK}", rate=rate, device=f"Android 9, WeChat 8{_MARK}",
        mark="M60,80L90,30L120,85L150,40L190,80L240,60", by=by, at=at + timedelta(minutes=5),
    )  # fmt: skip
    deeds.submit_application(it, by=by, at=at + timedelta(minutes=9))
    _decide(it, one.stage, by, reporter, officer, second, at)


def _decide(
    it: str, stage: str, by: Actor, reporter: Actor, officer: Actor, second: Actor, sent: datetime
) -> None:
    """What the bureaus and the applicant did since."""
    day = timedelta(days=1)
    if stage == "submitted":
        return
    if stage == "returned":
        deeds.send_back(it, f"许可证照片看不清有效期，请重拍{_MARK}", by=reporter, at=sent + day)
        return
    if stage == "withdrawn":
        deeds.withdraw_application(it, f"门店搬迁{_MARK}", by=by, at=sent + day)
        return
    word = Opinion.UNFAVOURABLE if stage == "refused" else Opinion.FAVOURABLE
    said = "距定点药店过近，服务人口不足" if stage == "refused" else "现场查看，证照齐全，经营正常"
    deeds.give_opinion(it, word, f"{said}{_MARK}", by=reporter, at=sent + day)
    if stage == "assessed":
        return
    decision = DecisionKind.REFUSE if stage == "refused" else DecisionKind.ADMIT
    why = "不符合布局要求" if stage == "refused" else "符合遴选条件"
    deeds.decide_application(it, decision, f"{why}{_MARK}", by=officer, at=sent + 2 * day)
    if stage == "refused":
        deeds.confirm_decision(it, by=second, at=sent + 3 * day)
    if stage == "admitted":
        deeds.enrol_application(it, by=officer, at=sent + 10 * day)
