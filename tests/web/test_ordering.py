"""The pages of ordering: the draft, the check, the answer, my orders, villages, mandates."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import func, select

from clinic_orders.actions.answering import answer_in_full
from clinic_orders.models.base import db
from clinic_orders.models.notices import Alarm
from clinic_orders.models.orders import Draft, DraftLine, Order, UsualItem
from clinic_orders.models.roster import DeliveryRelation
from clinic_orders.models.tracing import ProductCode, TraceProduct
from clinic_orders.models.volume import SupplyProblem
from clinic_orders.rules.parties import Role
from tests import factories as make


@pytest.fixture
def world(app: Any, clock_at: Callable[[Any], None]) -> make.World:
    clock_at(make.NOW)
    return make.make_world()


@pytest.fixture
def doctor(client: Any, world: make.World) -> Any:
    """The village doctor's browser."""
    client.log_in(make.make_user("v01", institution=world.clinic))
    return client


@pytest.fixture
def pharmacist(app: Any, world: make.World) -> Any:
    """The hospital pharmacist's browser."""
    client = app.test_client()
    client.log_in(make.make_user("h01", role=Role.HOSPITAL, institution=world.hospital, name="李建国"))
    return client


def typed() -> dict[str, str]:
    rows = db.session.execute(select(DraftLine.item_id, DraftLine.typed)).all()
    return {str(row.item_id): row.typed for row in rows}


def text(response: Any) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", response.get_data(as_text=True)))


def hidden(response: Any, name: str) -> str:
    found = re.search(rf'name="{name}" value="([^"]*)"', response.get_data(as_text=True))
    assert found is not None
    return found[1]


# The order page -------------------------------------------------------------------------------------------


def test_a_village_orders_without_script_from_search_to_answer(doctor: Any, world: make.World) -> None:
    code = world.items[0].item_code
    page = doctor.get("/order?q=atftt")
    assert "阿托伐他汀" in text(page)
    sent = doctor.post("/order?q=atftt", data={f"q-{code}": "12", "do": "check"})
    assert sent.headers["Location"] == "/order/check"
    check = doctor.get("/order/check")
    assert "豫西安康医药配送有限公司" in text(check)
    assert "40.32 元" in text(check)
    form = {"key": hidden(check, "key"), "version": hidden(check, "version")}
    answer = doctor.post("/order/send", data=form)
    assert answer.status_code == 303
    shown = doctor.get(answer.headers["Location"])
    assert "CG20261120-0001" in text(shown)
    assert "11 月 24 日 24:00" in text(shown)
    again = doctor.post("/order/send", data=form)
    assert again.headers["Location"] == answer.headers["Location"]
    assert db.session.scalar(select(func.count()).select_from(Order)) == 1
    assert typed() == {}


def test_every_button_saves_what_was_typed_first(doctor: Any, world: make.World) -> None:
    first, second = (item.item_code for item in world.items[:2])
    doctor.post("/order", data={f"q-{first}": "12", "do": "find", "q": "amxl"})
    assert list(typed().values()) == ["12"]
    doctor.post("/order", data={f"q-{first}": "13", "add": second})
    assert list(typed().values()) == ["13", "1"]
    doctor.post("/order", data={"add": second})
    assert list(typed().values()) == ["13", "2"]
    doctor.post("/order", data={"go": "rest/2"})
    doctor.post("/order", data={"drop": first})
    assert list(typed().values()) == ["2"]


@pytest.mark.parametrize("wrong", ["-1", "1.5", "1e9", "一", "10000"])
def test_a_wrong_quantity_is_kept_with_its_message(doctor: Any, world: make.World, wrong: str) -> None:
    code = world.items[0].item_code
    doctor.post("/order", data={f"q-{code}": wrong, "do": "check"})
    check = doctor.get("/order/check")
    assert check.status_code == 302
    page = doctor.get(check.headers["Location"])
    html = page.get_data(as_text=True)
    assert f'value="{wrong}"' in html
    assert f'<a href="#{code}">阿托伐他汀：' in html
    assert wrong in text(page)


def test_nothing_is_ordered_with_0(doctor: Any, world: make.World) -> None:
    doctor.post("/order", data={f"q-{world.items[0].item_code}": "0", "do": "check"})
    assert typed() == {}
    assert doctor.get("/order/check").headers["Location"] == "/order"


def test_the_draft_survives_log_out(doctor: Any, world: make.World) -> None:
    doctor.post("/order", data={f"q-{world.items[0].item_code}": "12", "do": "save"})
    doctor.log_out()
    assert doctor.get("/order").status_code == 302
    doctor.log_in(db.session.scalars(select(make.User)).one())
    assert 'value="12"' in doctor.get("/order").get_data(as_text=True)


def test_autosave_keeps_a_field_and_answers_with_the_version(doctor: Any, world: make.World) -> None:
    code = world.items[0].item_code
    first = doctor.post("/order/draft", data={f"q-{code}": "7", "version": "0"})
    assert first.json == {"version": "1", "saved_at": "9:41"}
    second = doctor.post("/order/draft", data={f"q-{code}": "8", "version": "1"})
    assert second.json["version"] == "2"
    assert list(typed().values()) == ["8"]
    assert doctor.post("/order/draft", data={}, token=False).status_code == 400


def test_the_script_can_tick_and_untick_a_duplicate(doctor: Any, world: make.World) -> None:
    code = world.items[0].item_code
    (earlier,) = make.submit(world, {code: "5"}).orders
    doctor.post("/order/draft", data={f"q-{code}": "3", f"dup[{code}]": code, "version": "0"})
    assert db.session.scalars(select(DraftLine)).one().confirmed_duplicates == earlier
    doctor.post("/order/draft", data={f"dup[{code}]": "", "version": "1"})
    assert db.session.scalars(select(DraftLine)).one().confirmed_duplicates == ""


def test_order_again_fills_the_last_order_and_keeps_what_is_typed(doctor: Any, world: make.World) -> None:
    first, second = (item.item_code for item in world.items[:2])
    make.submit(world, {first: "5", second: "6"}, at=make.later(-30))
    make.fill_draft(world, {first: "50"})
    page = doctor.get("/order")
    assert "10 月 21 日，2 种" in text(page)
    doctor.post("/order", data={"do": "again"})
    assert list(typed().values()) == ["50", "6"]


def test_a_duplicate_is_asked_about_and_goes_when_ticked(doctor: Any, world: make.World) -> None:
    code = world.items[0].item_code
    (earlier,) = make.submit(world, {code: "5"}, at=make.later(-1)).orders
    doctor.post("/order", data={f"q-{code}": "3", "do": "check"})
    check = doctor.get("/order/check")
    assert earlier in text(check)
    form = {"key": hidden(check, "key"), "version": hidden(check, "version")}
    refused = doctor.get(doctor.post("/order/send", data=form).headers["Location"])
    assert "一样也没有发出" in text(refused)
    check = doctor.get("/order/check")
    form = {"key": hidden(check, "key"), "version": hidden(check, "version"), "dup": f"{code}:{earlier}"}
    sent = doctor.get(doctor.post("/order/send", data=form).headers["Location"])
    assert "CG20261120-0001" in text(sent)


def test_a_gap_in_delivery_is_said_where_it_is_and_can_be_told(doctor: Any, world: make.World) -> None:
    db.session.execute(DeliveryRelation.__table__.delete())
    db.session.commit()
    code = world.items[0].item_code
    make.fill_draft(world, {code: "5"})
    page = doctor.get("/order")
    assert "嵩县还没有企业配送这个药。" in text(page)
    assert "您填的 5 盒还在草稿里。" in text(page)
    doctor.post("/order", data={"tell": code})
    alarm = db.session.scalars(select(Alarm)).one()
    assert (alarm.kind, alarm.item_id, alarm.county_code) == ("no_distributor", world.items[0].id, "410325")
    assert list(typed().values()) == ["5"]


def test_of_an_item_that_is_none_nothing_is_told_and_nothing_is_kept(doctor: Any, world: make.World) -> None:
    code = world.items[0].item_code
    answer = doctor.post("/order", data={f"q-{code}": "5", "tell": "524-07"})
    assert answer.status_code == 404
    assert db.session.scalars(select(Draft)).all() == []


def test_the_minimum_shows_what_is_missing_and_adds_it(doctor: Any, world: make.World) -> None:
    page = doctor.get("/order")
    assert "最低数还没有定" in text(page)
    make.set_policy("stocking.minimum", "2", kind="village_clinic")
    page = doctor.get("/order")
    assert "最低配备还差 2 种" in text(page)
    offered = re.findall(r'name="add" value="(\w+)"', page.get_data(as_text=True))
    assert len(offered) == 2
    for code in offered:
        doctor.post("/order", data={"add": code})
    assert "最低配备已够" in text(doctor.get("/order"))


def test_the_price_stands_with_its_document(doctor: Any, world: make.World) -> None:
    assert "2019年 4+7扩围(联盟地区) 中选价（历史价）" in text(doctor.get("/order?q=atftt"))


@pytest.mark.parametrize("query", ["amxl", "阿莫西林", "ａｍｘｌ"])
def test_search_finds_by_name_and_pinyin(client: Any, app: Any, clock_at: Any, query: str) -> None:
    clock_at(make.NOW)
    world = make.make_world(338)
    client.log_in(make.make_user("v01", institution=world.clinic))
    assert "阿莫西林" in text(client.get("/order", query_string={"q": query})).split("找到")[1]


@pytest.mark.parametrize("scanned", ["81000010000000000001", "6901234567892"])
def test_a_pack_scanned_into_the_search_finds_its_item(doctor: Any, world: make.World, scanned: str) -> None:
    item_id = world.items[0].id
    db.session.add(
        TraceProduct(prefix="8100001", item_id=item_id, base_units_per_code=28, recorded_at=make.NOW)
    )
    db.session.add(ProductCode(barcode="6901234567892", item_id=item_id, recorded_at=make.NOW))
    db.session.commit()
    found = doctor.get("/order", query_string={"q": scanned})
    assert world.items[0].generic_name in text(found).split("找到")[1]
    found = doctor.get("/catalogue/", query_string={"q": scanned})
    assert world.items[0].generic_name in text(found)


def test_a_search_that_finds_nothing_says_what_to_do(doctor: Any) -> None:
    assert "没有找到“zzzz”" in text(doctor.get("/order?q=zzzz"))


def test_the_usual_list_is_kept_in_its_own_order(doctor: Any, world: make.World) -> None:
    first, second, third = (item.item_code for item in world.items[:3])
    for code in (first, second, third):
        doctor.post("/order/usual", data={"add": code})
    doctor.post("/order/usual", data={"up": third})
    doctor.post("/order/usual", data={"remove": first})
    ids = list(db.session.scalars(select(UsualItem.item_id).order_by(UsualItem.position)))
    assert ids == [world.items[2].id, world.items[1].id]
    html = doctor.get("/order").get_data(as_text=True)
    assert html.index(f'id="{third}"') < html.index(f'id="{second}"')


def test_the_usual_list_begins_with_what_was_ordered_most(doctor: Any, world: make.World) -> None:
    often, once = world.items[5].item_code, world.items[1].item_code
    make.submit(world, {once: "1", often: "1"}, at=make.later(-60))
    make.submit(world, {often: "1"}, at=make.later(-30))
    html = doctor.get("/order").get_data(as_text=True)
    assert html.index(f'id="{often}"') < html.index(f'id="{once}"')


@pytest.mark.parametrize(
    "path", ["/order", "/order?show=rest", "/order?show=all", "/order?q=p", "/order/check"]
)
def test_a_page_asks_the_same_number_of_questions_whatever_its_rows(
    client: Any, app: Any, clock_at: Any, count_sql: Any, path: str
) -> None:
    clock_at(make.NOW)
    world = make.make_world(60)
    client.log_in(make.make_user("v01", institution=world.clinic))
    counts = []
    for lines in (2, 40):
        make.submit(world, {item.item_code: "1" for item in world.items[:lines]}, at=make.later(-40 - lines))
        make.fill_draft(world, {item.item_code: "2" for item in world.items[:lines]})
        client.get(path)
        with count_sql() as seen:
            client.get(path)
        counts.append(seen.count)
    assert counts[0] == counts[1], str(seen)
    assert counts[1] <= 20, str(seen)


def test_the_page_of_338_lines_stays_small(client: Any, app: Any, clock_at: Any) -> None:
    clock_at(make.NOW)
    world = make.make_world(338)
    client.log_in(make.make_user("v01", institution=world.clinic))
    page = client.get("/order?show=all").get_data()
    assert page.count(b'class="item-row"') == 338
    assert len(gzip.compress(page, 6)) <= 50 * 1024


# Other people's carts ---------------------------------------------------------------------------------------


def test_a_foreign_institution_is_not_found(doctor: Any, pharmacist: Any, world: make.World) -> None:
    (order_no,) = make.submit(world, {world.items[0].item_code: "5"}, institution=world.second_clinic).orders
    for path in (
        "/order?for=V02",
        "/order?for=X",
        "/order/check?for=P01",
        f"/orders/{order_no}",
        "/orders/CG1",
    ):
        assert doctor.get(path).status_code == 404, path
    assert pharmacist.get("/order?for=P01").status_code == 404
    assert doctor.post(f"/orders/{order_no}/withdraw", data={"do": "all"}).status_code == 404
    assert doctor.get("/order/sent/0123456789abcdef0123").status_code == 404


def test_a_hospital_orders_for_a_village_that_sees_it_and_says_not_mine(
    doctor: Any, pharmacist: Any, world: make.World
) -> None:
    code = world.items[0].item_code
    assert pharmacist.get("/order?for=V01").status_code == 409
    doctor.post("/mandate", data={"last_day": ""})
    assert "明白川村卫生室" in text(pharmacist.get("/villages"))
    pharmacist.post("/order?for=V01", data={f"q-{code}": "4", "do": "check"})
    check = pharmacist.get("/order/check?for=V01")
    form = {"key": hidden(check, "key"), "version": hidden(check, "version"), "payer": "receiver"}
    pharmacist.get(pharmacist.post("/order/send?for=V01", data=form).headers["Location"])
    order = db.session.scalars(select(Order)).one()
    page = doctor.get(f"/orders/{order.order_no}")
    assert "不是我订的" in text(page)
    doctor.post(
        f"/orders/{order.order_no}/disown", data={"version": hidden(page, "version"), "reason": "没有订过"}
    )
    assert "已声明非本单位采购" in text(doctor.get(f"/orders/{order.order_no}"))
    assert "已声明非本单位采购" in text(pharmacist.get("/orders"))


def test_a_hospital_reviews_a_draft_and_may_only_lower(
    doctor: Any, pharmacist: Any, world: make.World
) -> None:
    first, second = (item.item_code for item in world.items[:2])
    make.give_mandate(world)
    doctor.post("/order", data={f"q-{first}": "10", f"q-{second}": "6", "do": "ask"})
    assert "医院正在核对这份草稿" in text(doctor.get("/order"))
    assert doctor.post("/order/draft", data={f"q-{first}": "99"}).status_code == 409
    assert "1 份草稿等您核对" in text(pharmacist.get("/villages"))
    raised = pharmacist.post("/order/review/V01", data={f"r-{first}": "11", f"r-{second}": "6"})
    assert raised.status_code == 409
    assert 'value="11"' in raised.get_data(as_text=True)
    check = pharmacist.post("/order/review/V01", data={f"r-{first}": "8", f"r-{second}": "0"})
    form = {
        "key": hidden(check, "key"),
        "version": hidden(check, "version"),
        "reviewed": "1",
        "payer": "orderer",
    }
    pharmacist.get(pharmacist.post("/order/send?for=V01", data=form).headers["Location"])
    order = db.session.scalars(select(Order)).one()
    assert [(line.packs) for line in order.lines] == [8]
    assert (order.ordering_id, order.paying_id) == (world.hospital.id, world.hospital.id)
    assert list(typed().values()) == ["6"]
    assert db.session.scalars(select(Draft)).one().for_review_at is None


def test_a_village_takes_its_draft_back(doctor: Any, pharmacist: Any, world: make.World) -> None:
    make.give_mandate(world)
    doctor.post("/order", data={f"q-{world.items[0].item_code}": "10", "do": "ask"})
    doctor.post("/order/take-back")
    assert 'value="10"' in doctor.get("/order").get_data(as_text=True)
    assert pharmacist.get("/order/review/V01").status_code == 302


def test_a_mandate_is_given_and_taken_back(
    doctor: Any, pharmacist: Any, world: make.World, clock_at: Any
) -> None:
    doctor.post("/mandate", data={"last_day": "2026-02-30"})
    assert "不是" in text(doctor.get("/mandate"))
    doctor.post("/mandate", data={"last_day": "2026-12-31"})
    assert "到 2026 年 12 月 31 日为止" in text(doctor.get("/mandate"))
    clock_at(make.later(1))
    assert pharmacist.get("/order?for=V01").status_code == 200
    mandate = hidden(doctor.get("/mandate"), "revoke")
    doctor.post("/mandate", data={"revoke": mandate})
    assert pharmacist.get("/order?for=V01").status_code == 409


# Urgent ------------------------------------------------------------------------------------------------------


def test_an_urgent_order_without_a_relation_asks_who_shall_bring_it(doctor: Any, world: make.World) -> None:
    db.session.execute(DeliveryRelation.__table__.delete())
    db.session.commit()
    code = world.items[0].item_code
    page = doctor.get("/order?urgent=1&q=atftt")
    assert f'name="to-{code}"' in page.get_data(as_text=True)
    data = {
        f"q-{code}": "2",
        f"to-{code}": str(world.other_distributor.id),
        "emergency_reason": "蛇咬伤",
        "do": "check",
    }
    doctor.post("/order?urgent=1", data=data)
    check = doctor.get("/order/check?urgent=1")
    assert "河洛惠民医药物流有限公司" in text(check)
    form = {"key": hidden(check, "key"), "version": hidden(check, "version")}
    shown = doctor.get(doctor.post("/order/send?urgent=1", data=form).headers["Location"])
    assert "11 月 20 日 11:41" in text(shown)


def test_a_late_urgent_order_goes_to_another_distributor(
    doctor: Any, world: make.World, clock_at: Any
) -> None:
    code = world.items[0].item_code
    (order_no,) = make.submit(world, {code: "2"}, emergency=True, reason="蛇咬伤").orders
    assert "改发另一家企业" not in text(doctor.get(f"/orders/{order_no}"))
    clock_at(make.later(hours=2))
    page = doctor.get(f"/orders/{order_no}")
    assert "改发另一家企业" in text(page)
    moved = doctor.post(
        f"/orders/{order_no}/resend",
        data={"version": hidden(page, "version"), "distributor": str(world.other_distributor.id)},
    )
    new = moved.headers["Location"].rsplit("/", 1)[1]
    shown = text(doctor.get(f"/orders/{new}"))
    assert "河洛惠民医药物流有限公司" in shown
    assert order_no in shown
    assert "已撤回" in text(doctor.get(f"/orders/{order_no}"))


# My orders ------------------------------------------------------------------------------------------------------


def test_packs_are_withdrawn_by_line_before_the_answer(doctor: Any, world: make.World) -> None:
    order_no = make.make_order(world, (6, 12))
    page = doctor.get(f"/orders/{order_no}")
    version = hidden(page, "version")
    too_many = doctor.post(
        f"/orders/{order_no}/withdraw", data={"version": version, "w-1": "7", "do": "some"}
    )
    assert too_many.status_code == 409
    assert 'value="7"' in too_many.get_data(as_text=True)
    doctor.post(f"/orders/{order_no}/withdraw", data={"version": version, "w-1": "2", "do": "some"})
    late = doctor.post(f"/orders/{order_no}/withdraw", data={"version": version, "w-2": "3", "do": "some"})
    assert late.status_code == 409
    assert 'value="3"' in late.get_data(as_text=True)
    lines = db.session.scalars(select(Order)).one().lines
    db.session.refresh(lines[0])
    assert [line.withdrawn_before for line in lines] == [2, 0]


def test_the_unshipped_rest_is_withdrawn_when_it_is_late(
    doctor: Any, world: make.World, clock_at: Any
) -> None:
    order_no = make.make_order(world, (6, 12))
    answer_in_full([order_no], by=world.seller, at=make.later(hours=1))
    clock_at(make.later(1))
    early = doctor.get(f"/orders/{order_no}")
    assert "11 月 25 日 0:00" in text(early)
    refused = doctor.post(f"/orders/{order_no}/withdraw", data={"do": "all"})
    assert refused.status_code == 409
    clock_at(make.later(5))
    done = doctor.post(f"/orders/{order_no}/withdraw", data={"do": "all"})
    assert done.status_code == 303
    assert "没有送货" in text(doctor.get(f"/orders/{order_no}"))


def test_the_pages_speak_english_on_request(doctor: Any, world: make.World) -> None:
    make.fill_draft(world, {world.items[0].item_code: "5"})
    with doctor.session_transaction() as session:
        session["language"] = "en"
    assert "Usual list" in text(doctor.get("/order"))
    assert "Check the order" in text(doctor.get("/order/check"))


def test_an_item_that_is_short_says_so_and_names_what_counts_meanwhile(
    doctor: Any, world: make.World
) -> None:
    make.fill_draft(world, {world.items[0].item_code: "5"})
    assert "供应紧张" not in text(doctor.get("/order"))
    db.session.add(
        SupplyProblem(
            item_id=world.items[0].id,
            backup_item_id=world.items[1].id,
            first_day=make.NOW.date(),
            reported_at=make.NOW,
            verified_at=make.NOW,
            verified_by="李慧",
            recorded_at=make.NOW,
        )
    )
    db.session.commit()
    assert f"其间采购{world.items[1].generic_name}可计入完成量" in text(
        doctor.get(f"/order?q={world.items[0].generic_name}")
    )
