"""Trainings are entered once, read by the bureau in whose scope they lie, and taken back without being lost."""

from __future__ import annotations

import io
from collections.abc import Iterator
from typing import Any

import pytest
from flask import Flask
from PIL import Image
from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.trainings import TrainingRecord
from clinic_orders.rules.parties import Role
from tests.checking_client import CheckingClient
from tests.people import NOW, People, make_people, make_user


@pytest.fixture
def people(app: Flask, clock_at: Any) -> Iterator[People]:
    clock_at(NOW)
    yield make_people()
    db.session.rollback()


def test_a_training_is_recorded_with_its_paper_and_read_by_the_bureau(
    client: CheckingClient, people: People
) -> None:
    client.log_in(people.users[Role.INSTITUTION])
    client.get("/trainings/", status=200)
    picture = io.BytesIO()
    Image.new("RGB", (4, 4), "white").save(picture, "JPEG")
    typed = {"subject": "集采政策", "persons": "王保田、李秀英", "count": "2", "hours": "1.5", "key": "one"}
    assert client.post("/trainings/", data=typed | {"day": "2026-11-21"}).status_code == 422
    for _ in range(2):
        picture.seek(0)
        sent = typed | {"day": "2026-11-18", "files": (io.BytesIO(picture.getvalue()), "签到表.jpg")}
        client.post("/trainings/", data=sent, status=303)
    record = db.session.scalars(select(TrainingRecord)).one()
    assert (record.persons_count, str(record.hours.normalize())) == (2, "1.5")
    client.get(f"/trainings/{record.id}/paper", status=200)
    client.log_in(people.users[Role.COUNTY])
    assert "集采政策" in client.get("/trainings/", status=200).get_data(as_text=True)
    client.log_in(make_user("13800000077", Role.COUNTY, county_code="410329"))
    assert "集采政策" not in client.get("/trainings/", status=200).get_data(as_text=True)
    client.get(f"/trainings/{record.id}/paper", status=404)
    client.log_in(people.users[Role.INSTITUTION])
    client.post("/trainings/", data={"remove": record.id}, status=303)
    db.session.expire_all()
    assert db.session.scalars(select(TrainingRecord)).one().removed_at is not None
    assert "集采政策" not in client.get("/trainings/", status=200).get_data(as_text=True)
