"""The history speaks in words: no code of a state, a reason, a kind, a place or a rule reaches its reader."""

from __future__ import annotations

import csv
import io
import re

import pytest

from clinic_orders.actions import audit
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.rules.parties import SYSTEM, Actor, Role
from tests.people import NOW, SONG, make_people

CODE = re.compile(r"[a-z]+_[a-z_]+|\b(True|False|None)\b|\d{4}-\d\d-\d\d")


@pytest.fixture
def people(app):
    return make_people()


@pytest.fixture
def city(people, client):
    client.log_in(people.users[Role.CITY])
    return client


def note(deed, subject_type="order", before=None, after=None, by=SYSTEM, **more):
    audit.record(deed, by=by, at=NOW, subject_type=subject_type, before=before, after=after, **more)
    db.session.commit()


def facts(client, query=""):
    """What the newest entry says, by its facts' names."""
    page = client.get(f"/audit/{query}", status=200).page
    first = page.all("main tbody tr")[0]
    pairs = [(item.all("dt")[0].text, item.all("dd")[0].text) for item in first.all("dl.change div")]
    for _name, value in pairs:
        assert not CODE.search(value), f"{value!r} is no word"
    return dict(pairs)


@pytest.mark.parametrize(
    ("deed", "before", "after", "said"),
    [
        (
            "accept_shipment",
            {"accepted_at": None},
            {
                "payment_rule": "end_of_next_month",
                "due_on": "2026-12-31",
                "owed": "1904.7100",
                "lines": [
                    {"batch_no": "B1", "accepted": 5, "rejected": 1, "reject_reason": "damaged", "codes": 0},
                    {"batch_no": "B2", "accepted": 0, "rejected": 2, "reject_reason": "other:少一盒说明书"},
                ],
            },
            {
                "付款规则": "次月底前",
                "付款期限": "2026 年 12 月 31 日",
                "应付金额": "1,904.71 元",
                "明细": "批号 B1 收下 5 拒收 1 原因 破损; 批号 B2 拒收 2 原因 其他: 少一盒说明书",
            },
        ),
        ("close_short", None, {"closed_packs": {"1": 3, "2": 0}, "reason": "stock_out"}, {"原因": "缺货"}),
        (
            "answer_order",
            None,
            {"confirmed_packs": {"1": 3}, "reasons": {"1": "discontinued"}},
            {"确认盒数": "第 1 行 3"},
        ),
        ("request_return", None, {"lines": [{"shipment_line_id": 7, "packs": 2, "reason": "near_expiry"}]}, {}),
        ("withdraw_order", {"state": "pending"}, {"withdrawn": {"1": 4}}, {"状态": "待响应"}),
        ("submit_draft", None, {"mode": "proxy", "emergency": False, "amount": "12.3400"}, {"急救": "否"}),
        ("assign_role", None, {"role": "county", "county_code": SONG}, {"县（区）": "嵩县"}),
        ("put_relations", None, {"distributor": "D01", "valid_from": "2026-01-01"}, {"配送企业": "豫西安康医药配送有限公司"}),
        ("put_institutions", None, {"kind": "village_clinic", "supervisor_code": "H01", "remote": True}, {"类别": "村卫生室", "偏远": "是"}),
        ("put_commitments", None, {"markup_rate": "0.1500"}, {"承诺加价率": "15%"}),
        ("store_file", None, {"kind": "delivery-relations", "rows": 3}, {"类别": "配送关系"}),
        ("correct_price", {"pack_price": "3.3650"}, {"pack_price": "3.3"}, {"价格": "3.365 元 → 3.30 元"}),
        ("score_self", {"points": {"price": None}}, {"points": {"price": "10.00", "site": "9.5"}}, {"得分": "销售价格 — → 销售价格 10.00; 实地查看 9.5"}),
        ("decide_appeal", None, {"indicator": "training"}, {"考核项目": "培训学时"}),
        ("put_listed_products", None, {"status": "not_passed"}, {"产品类别": "未过评"}),
        ("set_language", {"language": "zh_CN"}, {"language": "en"}, {"语言": "中文 → English"}),
    ],
)  # fmt: skip
def test_facts_are_said_in_words(city, deed, before, after, said):
    note(deed, before=before, after=after)
    found = facts(city)
    assert {name: found.get(name) for name in said} == said, found


def test_a_parameter_is_named_and_its_value_said_in_its_unit(city):
    note(
        "put_policies",
        "policy",
        {"value": "end_of_next_month", "confirmed": False},
        {"value": "days_30", "confirmed": True},
        subject="payment.rule village_clinic 2026-01-01",
    )
    assert facts(city)["取值"] == "次月底前 → 验收后 30 天"
    assert city.page.texts("main tbody tr td")[2].endswith("· 村卫生室 · 2026 年 1 月 1 日")
    note("put_policies", "policy", None, {"value": "0.20"}, subject="order.emergency_share 2026-01-01")
    assert facts(city)["取值"] == "20%"


def test_a_long_list_is_cut_on_the_page_and_whole_in_the_file(city):
    note("ship", after={"lines": [{"line_no": number, "packs": number} for number in range(1, 31)]})
    assert facts(city)["明细"].endswith("等，另有 26 项")
    rows = list(csv.reader(io.StringIO(city.get("/audit/?format=csv").get_data(as_text=True))))
    assert "第 30 行 盒数 30" in rows[1][-1]


def test_the_history_is_filtered_by_person_organisation_kind_of_record_and_days(city, people):
    clinic, distributor = people.institutions["clinic"], people.distributor
    doctor = Actor("王桂兰", Role.INSTITUTION, institution_id=clinic.id, org_name="明白川村卫生室")
    seller = Actor("刘敏", Role.DISTRIBUTOR, distributor_id=distributor.id, org_name=distributor.name)
    note("submit_draft", by=doctor, institution_id=clinic.id, distributor_id=distributor.id, subject="CG1")
    note("answer_order", by=seller, institution_id=clinic.id, distributor_id=distributor.id, subject="CG1")
    note("put_prices", "price", by=Actor("赵红军", Role.CITY), subject="LY001")
    deeds = {
        "?person=刘敏": ["响应采购单"],
        "?organisation=明白川&about=order": ["响应采购单", "提交采购单"],
        "?organisation=V01&about=order": ["响应采购单", "提交采购单"],
        "?about=order&organisation=D01&person=王桂兰": ["提交采购单"],
        "?about=price": ["登记价格"],
        "?subject=cg1&deed=submit_draft": ["提交采购单"],
        "?first=2026-11-21": [],
        "?last=2026-11-20&about=price": ["登记价格"],
    }
    for query, wanted in deeds.items():
        page = city.get(f"/audit/{query}", status=200).page
        found = page.texts("main tbody th[scope=row]")
        assert sorted(found) == sorted(wanted), query
        assert bool(page.all("main .empty")) == (not wanted)
        lines = list(csv.reader(io.StringIO(city.get(f"/audit/{query}&format=csv").get_data(as_text=True))))
        assert len(lines) == len(wanted) + 1, query
    assert {entry.deed for entry in db.session.query(AuditEntry)} >= {"submit_draft", "put_prices"}
