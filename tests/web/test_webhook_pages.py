"""The operator looks after webhooks: sees how they are, tries, pauses, resumes and removes them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select, update

from clinic_orders.actions.webhooks import make_webhook
from clinic_orders.models.accounts import RoleAssignment
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.webhooks import Webhook, WebhookAttempt, WebhookDelivery
from clinic_orders.rules.parties import SYSTEM, Permission, Role
from clinic_orders.rules.webhook_addresses import Reach
from clinic_orders.rules.webhooks import DeliveryState, Failure, PauseReason, WebhookState
from tests.factories import NOW, make_user, make_world


@pytest.fixture
def operator(app, client, clock_at):
    clock_at(NOW)
    world = make_world()
    make_user("D01", role=Role.DISTRIBUTOR, distributor=world.distributor, name="刘敏")
    client.log_in(make_user("root", role=Role.OPERATOR, name="运维"))
    return client


@pytest.fixture
def code(operator):
    post = db.session.scalars(select(RoleAssignment).where(RoleAssignment.role == Role.DISTRIBUTOR)).one()
    made = make_webhook(
        post.id,
        "https://erp.example.cn/hooks",
        ["order.submitted", "order.withdrawn", "payment.confirmed"],
        scopes={Permission.ORDERS_READ, Permission.PAYMENTS_READ},
        reach=Reach(),
        seal=lambda secret: f"sealed {len(secret)}",
        by=SYSTEM,
        at=NOW,
    )
    db.session.commit()
    return made.code


def try_once(operator, code, failure=None, status=204):
    operator.get(f"/webhooks/{code}", status=200)
    operator.submit("form[action$='/ping']")
    delivery = db.session.scalars(select(WebhookDelivery).order_by(WebhookDelivery.id.desc())).first()
    delivery.tries = 1
    if failure is None:
        delivery.state, delivery.next_try_at, delivery.ended_at = DeliveryState.DONE, None, NOW
    else:
        delivery.next_try_at = NOW + timedelta(minutes=5)
    db.session.add(
        WebhookAttempt(
            webhook_id=delivery.webhook_id,
            delivery_id=delivery.id,
            at=NOW,
            duration_ms=1234,
            status=status,
            failure=failure,
            answer="<b>系统维护中</b>" if failure else "",
        )
    )
    db.session.commit()
    return delivery


def test_the_list_shows_whose_webhooks_there_are_and_how_they_are(operator, code):
    assert "正常" in operator.get("/webhooks/", status=200).page.text
    try_once(operator, code, Failure.STATUS, 503)
    page = operator.get("/webhooks/", status=200).page
    assert "豫西安康医药配送有限公司" in page.text
    assert "503 · 接收方没有收下" in page.text
    assert "等，另有 1 种" in page.text
    db.session.execute(update(Webhook).values(state=WebhookState.PAUSED, paused_because=PauseReason.OWNER))
    db.session.commit()
    assert "所属账号或令牌已失效" in operator.get("/webhooks/?state=paused", status=200).page.text
    assert "没有符合条件的事件订阅" in operator.get("/webhooks/?state=active", status=200).page.text


def test_before_there_is_any_the_page_says_how_one_is_made(operator):
    page = operator.get("/webhooks/", status=200).page
    assert "还没有程序订阅事件" in page.text


def test_a_message_shows_its_attempts_and_is_sent_again(operator, code):
    assert "还没有发送过消息" in operator.get(f"/webhooks/{code}", status=200).page.text
    delivery = try_once(operator, code, Failure.STATUS, 503)
    page = operator.get(f"/webhooks/{code}", status=200).page
    assert "1.23 秒" in page.text
    message = operator.get(page.one("main tbody th a")["href"], status=200).page
    assert "<b>系统维护中</b>" in message.text
    operator.submit("form[action$='/resend']")
    db.session.refresh(delivery)
    assert (delivery.state, delivery.next_try_at, delivery.tries) == (DeliveryState.WAITING, NOW, 0)
    assert "一分钟内" in operator.get(f"/webhooks/{code}", status=200).page.text


def test_a_webhook_is_paused_resumed_and_removed(operator, code):
    for word, state in (("pause", "paused"), ("resume", "active"), ("end", "ended")):
        operator.get(f"/webhooks/{code}", status=200)
        operator.submit(f"form[action$='/{word}']")
        assert db.session.scalars(select(Webhook.state)).one() == state
    page = operator.get(f"/webhooks/{code}", status=200).page
    assert not page.all("main form[method=post]")
    deeds = db.session.scalars(
        select(AuditEntry.deed).where(AuditEntry.subject == code).order_by(AuditEntry.id)
    ).all()
    assert deeds == ["make_webhook", "pause_webhook", "resume_webhook", "end_webhook"]


def test_what_is_not_there_is_not_found(operator, code):
    operator.get("/webhooks/wh_none", status=404)
    operator.get(f"/webhooks/{code}/messages/evt_none", status=404)


def test_the_pages_ask_as_often_for_many_as_for_few(operator, code, count_sql):
    try_once(operator, code)
    with count_sql() as few:
        operator.get(f"/webhooks/{code}", status=200)
    for _ in range(4):
        try_once(operator, code)
    with count_sql() as many:
        operator.get(f"/webhooks/{code}", status=200)
    assert many.count == few.count <= 8
