"""Everybody sees, takes along and questions what is recorded about them; what is over its term is forgotten (decision 0056)."""

from __future__ import annotations

import io
import json
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

import openpyxl
import pytest
from sqlalchemy import select

from clinic_orders.actions import audit
from clinic_orders.actions.accounts import close_account, open_account
from clinic_orders.actions.privacy import ask_about_own_data
from clinic_orders.actions.sealing import seal_audit
from clinic_orders.actions.transaction import transaction
from clinic_orders.exchange.attachments import path_of
from clinic_orders.jobs.job import Outcome
from clinic_orders.jobs.privacy import forget_persons
from clinic_orders.models.accounts import DeviceSession, User
from clinic_orders.models.applications import Application, ApplicationFile
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.privacy import PersonalRequest
from clinic_orders.models.trainings import TrainingRecord
from clinic_orders.queries.audit import Filter, count_entries, entries
from clinic_orders.queries.audit_chain import broken_places
from clinic_orders.rules.applications import ApplicationState, FileUse
from clinic_orders.rules.parties import SYSTEM, Actor, InstitutionKind, Role
from clinic_orders.rules.privacy import GONE, RequestKind, RequestWaiting, pseudonym
from tests.people import SONG, make_people

THEN = datetime(2022, 3, 1, 2, 0, tzinfo=UTC)
NOW = datetime(2026, 11, 20, 1, 41, tzinfo=UTC)
CITY = Actor("赵红军", Role.CITY)


@pytest.fixture
def people(app, clock_at):
    clock_at(NOW)
    return make_people()


def actor_of(user: User, role: Role, **place: object) -> Actor:
    return Actor(user.name, role, user_id=user.id, **place)  # type: ignore[arg-type]


def test_one_sees_everything_recorded_about_oneself_and_nothing_about_others(client, people):
    clinic, other = people.users[Role.INSTITUTION], people.users[Role.HOSPITAL]
    with transaction():
        for user, number in ((clinic, "CG-OWN"), (other, "CG-FOREIGN")):
            audit.record(
                "submit_draft",
                by=actor_of(user, Role.INSTITUTION),
                at=NOW,
                subject_type="order",
                subject=number,
            )
    client.log_in(clinic)
    page = client.get("/account/my-data", status=200).page
    assert "CG-OWN" in page.text
    assert "CG-FOREIGN" not in page.text
    assert clinic.username in page.text
    document = json.loads(client.get("/account/my-data/file?format=json", status=200).get_data())
    assert [row["记录"] for row in document["deeds"]] == ["CG-OWN"]
    assert len(document["devices"]) == 1
    book = openpyxl.load_workbook(io.BytesIO(client.get("/account/my-data/file?format=xlsx").get_data()))
    assert len(book.sheetnames) == len(document)
    assert client.get("/account/my-data/file?format=exe").status_code == 404


def test_a_request_is_answered_by_whoever_looks_after_the_account_and_by_nobody_else(client, people):
    client.log_in(people.users[Role.INSTITUTION])
    client.get("/account/my-data")
    answer = client.submit("form[action='/account/my-data']", kind="correct", words="  ")
    assert answer.status_code == 422
    client.get("/account/my-data")
    client.submit("form[action='/account/my-data']", kind="correct", words="姓名应为王桂兰兰")
    assert client.get("/account/my-data").page.all("form[action='/account/my-data']") == []
    request = db.session.scalars(select(PersonalRequest)).one()
    client.log_in(people.users[Role.COUNTY])
    client.get("/accounts/requests", status=200)
    client.submit(f"form[action='/accounts/requests/{request.id}']", button="do=done", answer="已更正")
    client.log_in(people.users[Role.INSTITUTION])
    assert "已更正" in client.get("/account/my-data").page.text
    client.log_in(people.users[Role.CITY])
    assert client.post(f"/accounts/requests/{request.id}", data={"answer": "x"}).status_code == 409
    for role in (Role.INSTITUTION, Role.DISTRIBUTOR):
        client.log_in(people.users[role])
        assert client.post(f"/accounts/requests/{request.id}", data={"answer": "x"}).status_code == 403


def test_a_county_neither_sees_nor_answers_requests_of_another(client, people):
    with transaction():
        made = open_account(
            "yichuan",
            "李明",
            Role.INSTITUTION,
            institution_id=people.institutions["elsewhere"].id,
            by=SYSTEM,
            at=NOW,
        )
    stranger = Actor("李明", Role.INSTITUTION, user_id=made.user_id)
    request_id = ask_about_own_data(RequestKind.ERASE, "删除我的电话", by=stranger, at=NOW)
    with pytest.raises(RequestWaiting):
        ask_about_own_data(RequestKind.ERASE, "再来一次", by=stranger, at=NOW)
    client.log_in(people.users[Role.COUNTY])
    assert "李明" not in client.get("/accounts/requests").page.text
    assert client.post(f"/accounts/requests/{request_id}", data={"answer": "x"}).status_code == 404


def test_the_notice_is_open_to_everybody_and_linked_where_data_are_asked_for(client, people):
    client.log_out()
    text = client.get("/privacy", status=200).page.text
    assert "个人信息保护法" in text
    assert "36 个月" in text
    for address in ("/account/log-in", "/complaints/new", "/apply/"):
        links = [link["href"] for link in client.get(address, status=200).page.all("a")]
        assert "/privacy" in links, address


TODAY = NOW.date()


def forget(as_of: date = TODAY) -> tuple[int, int]:
    """What the night's job read and erased; no record may fail."""
    outcome = Outcome()
    forget_persons(as_of, NOW, outcome)
    assert outcome.failures == 0
    return outcome.rows_read, outcome.changed


@pytest.mark.both_databases
def test_a_closed_account_becomes_a_number_after_its_term_and_the_chain_of_the_audit_holds(app, people):
    with transaction():
        made = open_account(
            "13800138000", "张三丰", Role.INSTITUTION, institution_id=people.institutions["clinic"].id,
            phone="13800138000", by=SYSTEM, at=THEN,
        )  # fmt: skip
        him = Actor(
            "张三丰", Role.INSTITUTION, user_id=made.user_id, institution_id=people.institutions["clinic"].id
        )
        audit.record("submit_draft", by=him, at=THEN, subject_type="order", subject="CG-1")
        close_account(made.user_id, by=SYSTEM, at=THEN)
    seal_audit(by=SYSTEM, at=THEN + timedelta(hours=1))
    forget(date(2025, 2, 28))
    assert db.session.get_one(User, made.user_id).name == "张三丰", "a day before its term nothing happens"
    forget()
    db.session.expire_all()
    user = db.session.get_one(User, made.user_id)
    assert (user.name, user.phone, user.password_hash) == (pseudonym(made.user_id), None, "-")
    seal_audit(by=SYSTEM, at=NOW)
    assert list(broken_places()) == []
    found = entries(CITY, Filter())
    said = json.dumps(
        [[entry.actor_name, entry.subject, entry.before, entry.after] for entry in found], ensure_ascii=False
    )
    assert "张三丰" not in said
    assert "13800138000" not in said
    assert pseudonym(made.user_id) in said
    assert count_entries(CITY, Filter(person="张三")) == count_entries(CITY, Filter(subject="13800138")) == 0
    # What was sealed stands as it was sealed, for whoever verifies it.
    assert "张三丰" in set(db.session.scalars(select(AuditEntry.actor_name)))
    assert forget() == (0, 0)


@pytest.mark.both_databases
def test_refused_applications_trainings_and_log_ins_are_forgotten_after_their_term(app, people):
    instance = app.extensions["settings"].instance
    stored = path_of(instance, "ab" * 16)
    stored.parent.mkdir(parents=True, exist_ok=True)
    stored.write_bytes(b"licence")
    both = [
        Application(
            number=f"SQ{number}", secret_sha256="0" * 64, state=state, kind=InstitutionKind.RETAIL_PHARMACY, name="药房",
            county_code=SONG, facts={}, contact="李四", phone="0379", legal_rep="王五", signed_by="王五", signed_at=THEN,
            letter_version="1", began_at=THEN, submitted_at=THEN, moved_at=THEN, form_key=f"k{number}",
        )
        for number, state in enumerate((ApplicationState.WITHDRAWN, ApplicationState.SUBMITTED))
    ]  # fmt: skip
    db.session.add_all(both)
    training = TrainingRecord(
        institution_id=people.institutions["clinic"].id, day=THEN.date(), subject="培训", persons="赵六", persons_count=1,
        hours=Decimal(1), form_key="t", recorded_at=datetime(2020, 1, 1, tzinfo=UTC), recorded_by_name="赵六",
    )  # fmt: skip
    db.session.add(training)
    db.session.flush()
    db.session.add(
        ApplicationFile(
            application_id=both[0].id, use=next(iter(FileUse)), name="a.pdf", media_type="application/pdf", size=7,
            sha256="0" * 64, stored_as="ab" * 16, at=THEN,
        )
    )  # fmt: skip
    user = people.users[Role.INSTITUTION]
    for number, started in enumerate((NOW - timedelta(days=181), NOW - timedelta(days=179))):
        db.session.add(
            DeviceSession(
                user_id=user.id, token_digest=str(number), device="手机", epoch=0, started_at=started
            )
        )
    db.session.commit()
    forget()
    db.session.expire_all()
    assert (both[0].contact, both[0].phone, both[0].legal_rep, both[0].signed_by) == ("", "", "", GONE)
    assert (both[1].contact, both[1].signed_by) == ("李四", "王五"), "one that is being decided stays"
    assert not stored.exists()
    assert db.session.scalars(select(ApplicationFile)).all() == []
    assert (training.persons, training.persons_count) == (GONE, 1)
    assert db.session.scalars(select(DeviceSession.token_digest)).all() == ["1"]
    assert forget() == (0, 0)
