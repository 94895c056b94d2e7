"""The deeds about accounts."""

from __future__ import annotations

import secrets
import threading
from datetime import date, timedelta

import pytest
from sqlalchemy import select

from clinic_orders.actions import accounts
from clinic_orders.models.accounts import RoleAssignment, User
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.queries.accounts import principal
from clinic_orders.rules.accounts import (
    LOCKED_FOR,
    AccountClosed,
    AccountLocked,
    LogInFailed,
    NoRoleInForce,
    OldPasswordWrong,
    PasswordIsUsername,
    PasswordTooCommon,
    PasswordTooShort,
    PasswordUnchanged,
    first_password,
)
from clinic_orders.rules.parties import SYSTEM, InstitutionKind, NotAllowed, Role
from tests.people import NOW, PASSWORD, SONG, YI, make_institution, make_people, make_user

WRONG = "kein-passwort"


@pytest.fixture
def people(app):
    return make_people()


def actor_of(user):
    found = principal(user.id, None, on=NOW.date())
    assert found is not None
    return found.actor


def log_in(username="V01", password=PASSWORD, at=NOW):
    return accounts.log_in(username, password, by=SYSTEM, at=at)


def deeds(user):
    return db.session.scalars(
        select(AuditEntry.deed).where(AuditEntry.subject == user.username).order_by(AuditEntry.id)
    ).all()


def test_logging_in_is_written_down_and_forgets_failures(people):
    user = people.users[Role.INSTITUTION]
    for _ in range(4):
        with pytest.raises(LogInFailed):
            log_in(password=WRONG)
    db.session.refresh(user)
    assert user.failed_logins == 4
    found = log_in()
    db.session.refresh(user)
    assert (user.failed_logins, user.last_login_at) == (0, NOW)
    assert found.actor.institution_id == people.institutions["clinic"].id
    assert deeds(user)[-1] == "log_in"


def test_the_fifth_wrong_password_locks_for_fifteen_minutes_even_for_the_right_one(people):
    for _ in range(4):
        with pytest.raises(LogInFailed):
            log_in(password=WRONG)
    with pytest.raises(AccountLocked):
        log_in(password=WRONG)
    with pytest.raises(AccountLocked):
        log_in(at=NOW + timedelta(minutes=14, seconds=59))
    assert deeds(people.users[Role.INSTITUTION])[-1] == "lock_out"
    log_in(at=NOW + timedelta(minutes=15))


def test_a_lock_that_has_run_out_begins_a_new_count(people):
    user = people.users[Role.INSTITUTION]
    for _ in range(4):
        with pytest.raises(LogInFailed):
            log_in(password=WRONG)
    with pytest.raises(AccountLocked):
        log_in(password=WRONG)
    with pytest.raises(LogInFailed):
        log_in(password=WRONG, at=NOW + timedelta(minutes=16))
    db.session.refresh(user)
    assert (user.failed_logins, user.locked_until) == (1, None)


def test_a_right_password_does_not_open_what_was_locked_meanwhile(people):
    user = people.users[Role.INSTITUTION]
    user.locked_until = NOW + timedelta(minutes=5)
    db.session.commit()
    with pytest.raises(AccountLocked):
        accounts.record_login(user.id, by=SYSTEM, at=NOW)


@pytest.mark.both_databases
def test_wrong_passwords_at_once_are_all_counted(committed_app, database):
    with committed_app.app_context():
        user_id = make_people().users[Role.CITY].id

    def fail():
        with committed_app.app_context():
            accounts.record_failed_login(user_id, by=SYSTEM, at=NOW)

    threads = [threading.Thread(target=fail) for _ in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with committed_app.app_context():
        user = db.session.get(User, user_id)
        assert (user.failed_logins, user.locked_until) == (5, NOW + timedelta(minutes=15))


def test_closed_accounts_and_people_without_a_role_are_told_only_after_the_right_password(people):
    accounts.close_account(people.users[Role.INSTITUTION].id, by=SYSTEM, at=NOW)
    with pytest.raises(LogInFailed):
        log_in(password=WRONG)
    with pytest.raises(AccountClosed):
        log_in()
    accounts.end_role(people.users[Role.HOSPITAL].assignments[0].id, by=SYSTEM, at=NOW)
    with pytest.raises(NoRoleInForce):
        log_in("H01")


@pytest.mark.parametrize(
    ("new", "error"),
    [
        ("kurz", PasswordTooShort),
        ("ＡＢＣ１２３", PasswordTooShort),
        ("password1", PasswordTooCommon),
        ("ＰＡＳＳＷＯＲＤ１", PasswordTooCommon),
        ("77777777777", PasswordTooCommon),
        ("x13800000001x", PasswordIsUsername),
        (PASSWORD, PasswordUnchanged),
    ],
)
def test_weak_passwords_are_refused_with_the_reason(people, new, error):
    user = people.users[Role.COUNTY]
    with pytest.raises(error):
        accounts.change_password(PASSWORD, new, by=actor_of(user), at=NOW)
    log_in(user.username)


def test_changing_needs_the_present_password_and_raises_the_epoch(people):
    user = people.users[Role.COUNTY]
    with pytest.raises(OldPasswordWrong):
        accounts.change_password(WRONG, "neun mal klug", by=actor_of(user), at=NOW)
    epoch = accounts.change_password(PASSWORD, "neun mal klug", by=actor_of(user), at=NOW)
    db.session.refresh(user)
    assert (user.session_epoch, user.must_change_password, user.failed_logins) == (epoch, False, 0)
    assert epoch == 1
    log_in(user.username, "neun mal klug")


def test_guessing_the_present_password_locks_too(people):
    by = actor_of(people.users[Role.COUNTY])
    for _ in range(4):
        with pytest.raises(OldPasswordWrong):
            accounts.change_password(WRONG, "neun mal klug", by=by, at=NOW)
    with pytest.raises(AccountLocked):
        accounts.change_password(WRONG, "neun mal klug", by=by, at=NOW)


def test_a_county_looks_after_its_institutions_only(people):
    by = actor_of(people.users[Role.COUNTY])
    elsewhere = make_user("V02", Role.INSTITUTION, institution_id=people.institutions["elsewhere"].id)
    made = accounts.reset_password(people.users[Role.INSTITUTION].id, by=by, at=NOW)
    assert log_in("V01", made.password).must_change_password
    for foreign in (elsewhere, people.users[Role.CITY], people.users[Role.DISTRIBUTOR]):
        with pytest.raises(accounts.AccountNotFound):
            accounts.reset_password(foreign.id, by=by, at=NOW)
    with pytest.raises(NotAllowed):
        accounts.assign_role(elsewhere.id, Role.CITY, by=by, at=NOW)
    with pytest.raises(NotAllowed):
        accounts.open_account(
            "13911111111",
            "李四",
            Role.INSTITUTION,
            institution_id=people.institutions["elsewhere"].id,
            by=by,
            at=NOW,
        )


def test_a_county_cannot_become_an_official_by_resetting_their_password(people):
    user = people.users[Role.INSTITUTION]
    accounts.assign_role(user.id, Role.CITY, by=SYSTEM, at=NOW)
    by = actor_of(people.users[Role.COUNTY])
    for deed in (accounts.reset_password, accounts.close_account, accounts.end_all_sessions):
        with pytest.raises(accounts.AccountOutOfScope):
            deed(user.id, by=by, at=NOW)


def test_nobody_locks_themselves_out(people):
    user = people.users[Role.CITY]
    by = actor_of(user)
    for deed in (accounts.reset_password, accounts.close_account):
        with pytest.raises(accounts.NotYourself):
            deed(user.id, by=by, at=NOW)
    with pytest.raises(accounts.NotYourself):
        accounts.end_role(user.assignments[0].id, by=by, at=NOW)


def test_institutions_manage_no_accounts(people):
    by = actor_of(people.users[Role.HOSPITAL])
    for deed in (accounts.reset_password, accounts.close_account):
        with pytest.raises(NotAllowed):
            deed(people.users[Role.INSTITUTION].id, by=by, at=NOW)
    with pytest.raises(NotAllowed):
        accounts.issue_accounts_for_roster(by=by, at=NOW)


def test_log_in_names_are_unique_whatever_their_capitals(people):
    with pytest.raises(accounts.UsernameTaken):
        accounts.open_account("v01", "李四", Role.CITY, by=SYSTEM, at=NOW)


@pytest.mark.parametrize("place", [{}, {"institution_id": 1}, {"county_code": SONG, "institution_id": 1}])
def test_a_role_needs_its_own_kind_of_organisation(people, place):
    with pytest.raises(accounts.WrongOrganisation):
        accounts.open_account("13911111111", "李四", Role.COUNTY, by=SYSTEM, at=NOW, **place)
    assert db.session.scalar(select(User.id).where(User.username == "13911111111")) is None


def roster():
    chain = make_institution("P01", "豫康大药房总部", kind=InstitutionKind.RETAIL_PHARMACY)
    make_institution("P02", "豫康大药房一店", kind=InstitutionKind.RETAIL_PHARMACY, headquarters=chain)
    make_institution(
        "H02", "白元镇卫生院", county=YI, township="白元镇", kind=InstitutionKind.TOWNSHIP_HOSPITAL
    )
    make_institution("V08", "已退出村卫生室", left_on=date(2026, 11, 19))
    make_institution("V09", "还没加入村卫生室", joined_on=date(2026, 11, 21))
    db.session.commit()


def test_a_roster_gets_one_account_for_each_member_without_one(people):
    roster()
    told = []
    made = accounts.issue_accounts_for_roster(by=SYSTEM, at=NOW, progress=lambda *done: told.append(done))
    assert [account.username for account in made] == ["P01", "H02", "V02"]
    assert told[-1] == (3, 3)
    assert len({account.password for account in made}) == 3
    found = log_in("h02", made[1].password)
    assert (found.actor.role, found.must_change_password) == (Role.HOSPITAL, True)
    assert log_in("p01", made[0].password).actor.role is Role.INSTITUTION
    assert accounts.issue_accounts_for_roster(by=SYSTEM, at=NOW) == []
    issued = db.session.scalars(select(AuditEntry).where(AuditEntry.deed == "issue_account")).all()
    assert {(entry.subject, entry.county_code) for entry in issued} == {
        ("P01", SONG),
        ("H02", YI),
        ("V02", YI),
    }


def test_a_county_issues_accounts_in_its_county_only(people):
    roster()
    made = accounts.issue_accounts_for_roster(by=actor_of(people.users[Role.COUNTY]), at=NOW)
    assert [account.username for account in made] == ["P01"]


def test_accounts_are_issued_in_parts(people):
    roster()
    first = accounts.issue_accounts_for_roster(by=SYSTEM, at=NOW, limit=2)
    second = accounts.issue_accounts_for_roster(by=SYSTEM, at=NOW, limit=2)
    assert [account.username for account in first + second] == ["P01", "H02", "V02"]


def test_an_interrupted_issue_leaves_no_account_behind(people, monkeypatch):
    roster()
    before = len(db.session.scalars(select(User.id)).all())

    def broken(*_args, **_kwargs):
        raise RuntimeError("the lights went out")

    monkeypatch.setattr("clinic_orders.actions.accounts.issuing.note", broken)
    with pytest.raises(RuntimeError):
        accounts.issue_accounts_for_roster(by=SYSTEM, at=NOW)
    assert len(db.session.scalars(select(User.id)).all()) == before


def test_a_role_that_ends_is_over_at_once(people):
    accounts.end_role(people.users[Role.HOSPITAL].assignments[0].id, by=SYSTEM, at=NOW)
    assert db.session.scalar(
        select(RoleAssignment.valid_to).where(RoleAssignment.role == Role.HOSPITAL)
    ) == date(2026, 11, 19)
    with pytest.raises(accounts.AccountNotFound):
        accounts.end_role(people.users[Role.HOSPITAL].assignments[0].id, by=SYSTEM, at=NOW)


def test_first_passwords_have_no_characters_that_look_alike():
    passwords = {first_password(secrets.choice) for _ in range(200)}
    assert len(passwords) == 200
    assert not set("".join(passwords)) & set("0O1lIoq8B5S2Zuvgb")


@pytest.mark.both_databases
def test_tries_at_a_name_that_nobody_has_are_counted_where_every_process_sees_them(app):
    answers = [accounts.record_unknown_name("nobody-x", by=SYSTEM, at=NOW) for _ in range(5)]
    assert answers == [False, False, False, False, True]
    assert accounts.record_unknown_name("somebody-else", by=SYSTEM, at=NOW) is False
    assert accounts.record_unknown_name("nobody-x", by=SYSTEM, at=NOW + LOCKED_FOR) is False
