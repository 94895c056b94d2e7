"""The second step of a log-in: set up, asked for, used up, lost."""

from __future__ import annotations

import threading
from datetime import timedelta

import pyotp
import pytest
from sqlalchemy import select

from clinic_orders.actions import accounts
from clinic_orders.models.accounts import User
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.second_step import PaperCode, SecondStep
from clinic_orders.queries.accounts import principal, second_step_of
from clinic_orders.rules.accounts import AccountLocked, OldPasswordWrong
from clinic_orders.rules.parties import SYSTEM, Role
from clinic_orders.rules.second_step import CodeWrong, NothingBegun, SecondStepNeeded
from tests.people import NOW, PASSWORD, make_people

LATER = NOW + timedelta(minutes=10)


@pytest.fixture
def people(app):
    return make_people()


def actor_of(user):
    found = principal(user.id, None, on=NOW.date())
    assert found is not None
    return found.actor


def digits(user, at):
    return pyotp.TOTP(db.session.get(SecondStep, user.id).secret).at(at)


def set_up(user, at=NOW):
    by = actor_of(user)
    accounts.begin_second_step(PASSWORD, by=by, at=at)
    return accounts.confirm_second_step(digits(user, at), by=by, at=at)[1]


def half(user):
    with pytest.raises(SecondStepNeeded) as stopped:
        accounts.log_in(user.username, PASSWORD, by=SYSTEM, at=LATER)
    return stopped.value.facts["user_id"]


def finish(user, code, at=LATER):
    return accounts.finish_log_in(user.id, code, by=SYSTEM, at=at)


def test_what_is_only_begun_asks_for_nothing(people):
    city = people.users[Role.CITY]
    accounts.begin_second_step(PASSWORD, by=actor_of(city), at=NOW)
    secret = second_step_of(city.id).secret
    accounts.begin_second_step(PASSWORD, by=actor_of(city), at=LATER)
    assert second_step_of(city.id).secret == secret
    assert accounts.log_in(city.username, PASSWORD, by=SYSTEM, at=NOW).user_id == city.id


def test_once_the_phone_has_shown_its_code_the_password_alone_opens_nothing(people):
    city = people.users[Role.CITY]
    epoch = city.session_epoch
    codes = set_up(city)
    assert len(set(codes)) == 10
    assert not set(codes) & set(db.session.scalars(select(PaperCode.digest)))
    db.session.refresh(city)
    assert city.session_epoch == epoch + 1
    assert half(city) == city.id
    assert finish(city, digits(city, LATER)).user_id == city.id
    db.session.refresh(city)
    assert city.last_login_at == LATER


def test_a_code_is_good_once_and_for_its_own_minute_and_a_half(people):
    city = people.users[Role.CITY]
    set_up(city)
    code = digits(city, LATER)
    for seconds in (-91, 91):
        with pytest.raises(CodeWrong):
            finish(city, code, LATER + timedelta(seconds=seconds))
    finish(city, f" {code[:3]} {code[3:]} ", LATER + timedelta(seconds=29))
    with pytest.raises(CodeWrong):
        finish(city, code, LATER + timedelta(seconds=29))
    # An older one than the last that was used is not good either.
    with pytest.raises(CodeWrong):
        finish(city, digits(city, LATER - timedelta(seconds=30)), LATER)


def test_a_code_from_paper_is_good_once_and_said_in_the_history(people):
    city = people.users[Role.CITY]
    codes = set_up(city)
    finish(city, codes[3].upper().replace("-", " "))
    with pytest.raises(CodeWrong):
        finish(city, codes[3])
    assert second_step_of(city.id).codes_left == 9
    entry = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "use_paper_code")).one()
    assert entry.subject == city.username
    renewed = accounts.renew_paper_codes(codes[4], by=actor_of(city), at=LATER)
    assert second_step_of(city.id).codes_left == 10
    with pytest.raises(CodeWrong):
        finish(city, codes[5])
    finish(city, renewed[0])


def test_wrong_codes_lock_the_account_even_with_the_right_password_between(people):
    city = people.users[Role.CITY]
    set_up(city)
    for _ in range(4):
        half(city)
        with pytest.raises(CodeWrong):
            finish(city, "000000")
    with pytest.raises(AccountLocked):
        finish(city, "000000")
    with pytest.raises(AccountLocked):
        finish(city, digits(city, LATER))
    with pytest.raises(AccountLocked):
        accounts.log_in(city.username, PASSWORD, by=SYSTEM, at=LATER)


def test_confirming_needs_a_beginning_and_the_right_digits(people):
    city = people.users[Role.CITY]
    with pytest.raises(NothingBegun):
        accounts.confirm_second_step("123456", by=actor_of(city), at=NOW)
    accounts.begin_second_step(PASSWORD, by=actor_of(city), at=NOW)
    with pytest.raises(CodeWrong):
        accounts.confirm_second_step("12345", by=actor_of(city), at=NOW)
    assert second_step_of(city.id).confirmed_at is None


def test_switching_off_takes_the_password(people):
    city = people.users[Role.CITY]
    set_up(city)
    with pytest.raises(OldPasswordWrong):
        accounts.end_second_step("not-the-password", by=actor_of(city), at=LATER)
    accounts.end_second_step(PASSWORD, by=actor_of(city), at=LATER)
    assert accounts.log_in(city.username, PASSWORD, by=SYSTEM, at=LATER).user_id == city.id
    assert db.session.scalars(select(PaperCode)).all() == []


def test_the_bureau_takes_it_from_who_lost_phone_and_paper_in_its_own_scope_only(people):
    county, city = people.users[Role.COUNTY], people.users[Role.CITY]
    set_up(county)
    set_up(city)
    with pytest.raises(accounts.AccountNotFound):
        accounts.remove_second_step(city.id, by=actor_of(county), at=LATER)
    epoch = db.session.get(User, county.id).session_epoch
    accounts.remove_second_step(county.id, by=actor_of(city), at=LATER)
    db.session.expire_all()
    assert second_step_of(county.id).confirmed_at is None
    assert db.session.get(User, county.id).session_epoch == epoch + 1


@pytest.mark.both_databases
def test_of_two_log_ins_with_one_code_only_one_gets_in(committed_app):
    with committed_app.app_context():
        city = make_people().users[Role.CITY]
        user_id = city.id
        db.session.commit()
        set_up(city)
        code = digits(city, LATER)
        db.session.commit()
    inside, barrier = [], threading.Barrier(2)

    def enter() -> None:
        with committed_app.app_context():
            barrier.wait()
            try:
                inside.append(accounts.finish_log_in(user_id, code, by=SYSTEM, at=LATER).user_id)
            except CodeWrong:
                pass
            finally:
                db.session.remove()

    threads = [threading.Thread(target=enter) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert inside == [user_id]
