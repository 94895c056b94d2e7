"""Whoever cannot store because somebody else is storing is told so, and sends the same again with one press."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from clinic_orders.actions import payments as deeds
from clinic_orders.models.accounts import User
from clinic_orders.models.base import db
from clinic_orders.models.payments import Payment
from tests.checking_client import CheckingClient
from tests.deliveries_in_work import accepted, make_user
from tests.orders_in_work import make_world
from tests.web.test_payment_pages import TODAY


def busy(folder: Path) -> OperationalError:
    """What SQLite says while another connection writes."""
    one, other = (sqlite3.connect(folder / "busy.sqlite3", timeout=0, isolation_level=None) for _ in range(2))
    one.execute("BEGIN IMMEDIATE")
    try:
        other.execute("BEGIN IMMEDIATE")
    except sqlite3.OperationalError as error:
        return OperationalError("BEGIN IMMEDIATE", {}, error)
    finally:
        one.close()
        other.close()
    raise AssertionError("two writers at once")


def test_what_was_typed_goes_along_with_the_next_try(
    app: Flask,
    client: CheckingClient,
    clock_at: Callable[[datetime], None],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    clock_at(TODAY)
    world = make_world()
    receipt = accepted(world, (2,))
    client.log_in(db.session.get(User, make_user("王保田", world.clinic).user_id))
    refused = busy(tmp_path)

    def record_payment(*_: object, **__: object) -> None:
        raise refused

    client.get(f"/payables/{receipt.receipt_no}", status=200)
    client.get(client.page.one("a[href^='/payments/new?']")["href"], status=200)
    with monkeypatch.context() as patch:
        patch.setattr(deeds, "record_payment", record_payment)
        assert client.submit(reference="0013").status_code == 503
    assert "系统正忙" in client.page.text
    assert client.page.one("input[name=reference]")["value"] == "0013"
    client.submit(follow_redirects=True)
    assert "待对方确认" in client.page.text
    assert db.session.scalar(select(func.count()).select_from(Payment)) == 1
    with monkeypatch.context() as patch:
        patch.setattr("clinic_orders.queries.payments.payments_count", record_payment)
        client.get("/payments/", status=503)
    assert client.page.one("main a.btn-primary")["href"] == "/payments/"


def test_another_failure_of_the_database_is_no_reason_to_wait(
    app: Flask, client: CheckingClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    world = make_world()
    client.log_in(db.session.get(User, make_user("王保田", world.clinic).user_id))

    def broken(*_: object, **__: object) -> None:
        raise OperationalError("SELECT", {}, sqlite3.OperationalError("no such table: order"))

    monkeypatch.setattr("clinic_orders.queries.payments.payments_count", broken)
    with pytest.raises(OperationalError):
        client.get("/payments/")
