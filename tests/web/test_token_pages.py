"""The operator makes, sees and revokes tokens of programs; a token is shown once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from sqlalchemy import select

from clinic_orders.models.api import ApiToken
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.rules.parties import Role
from tests.factories import NOW, make_user, make_world


@pytest.fixture
def operator(app, client, clock_at):
    clock_at(NOW)
    world = make_world()
    make_user("V01", institution=world.clinic)
    client.log_in(make_user("root", role=Role.OPERATOR, name="运维"))
    return client


def made(client, **changes):
    client.get("/tokens/new?username=V01", status=200)
    return client.submit(
        "form[method=post][action='/tokens/new']", **({"name": "收银台", "scope": "orders:read"} | changes)
    )


def test_a_token_is_made_shown_once_and_revoked(operator):
    page = made(operator).page
    token = page.one("#token").text
    kept = db.session.scalars(select(ApiToken)).one()
    assert kept.token_digest not in token
    assert kept.scopes == "orders:read"
    listed = operator.get("/tokens/", status=200).page
    assert token not in listed.text
    assert kept.mark in listed.text
    assert "读取采购单" in listed.text
    headers = {"Authorization": f"Bearer {token}"}
    operator.submit("form[action$='/revoke']")
    assert operator.get("/api/v1/orders", headers=headers).status_code == 401
    assert "已撤销" in operator.get("/tokens/", status=200).page.text
    deeds = db.session.scalars(select(AuditEntry.deed).where(AuditEntry.subject == kept.mark)).all()
    assert sorted(deeds) == ["make_token", "revoke_token"]


def test_what_is_wrong_with_a_token_is_said_where_it_is_wrong(operator):
    wrong = {
        "name": {"name": ""},
        "scope": {"scope": []},
        "expires_on": {"expires_on": (NOW + timedelta(days=400)).date().isoformat()},
    }
    for field, changes in wrong.items():
        page = made(operator, **changes).page
        assert page.one(".error-summary a")["href"] == f"#{field}"
    assert db.session.scalars(select(ApiToken)).all() == []
    page = operator.get("/tokens/new?username=nobody", status=200).page
    assert "nobody" in page.text
    operator.post("/tokens/new", data={"username": "V01", "assignment": "999"}, status=422)


def test_only_what_the_account_may_do_can_be_ticked(operator):
    page = operator.get("/tokens/new?username=V01", status=200).page
    offered = {one["value"] for one in page.all("input[name=scope]")}
    assert "orders:place" in offered
    assert not offered & {"orders:answer", "statistics:read"}
