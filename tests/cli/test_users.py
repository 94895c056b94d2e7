"""``clinic-orders user``."""

from __future__ import annotations

import io
import json

import pytest

from clinic_orders import clock
from clinic_orders.actions import accounts
from clinic_orders.cli import run
from clinic_orders.rules.accounts import AccountClosed
from clinic_orders.rules.parties import SYSTEM
from tests.people import PASSWORD, make_people


@pytest.fixture
def console(committed_app, capsys):
    with committed_app.app_context():
        make_people()

    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            run(lambda: committed_app, ["user", *arguments])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return call


@pytest.fixture
def log_in(committed_app):
    def call(username, password):
        with committed_app.app_context():
            return accounts.log_in(username, password, by=SYSTEM, at=clock.now())

    return call


def test_an_account_is_opened_and_its_first_password_printed(console, log_in):
    code, out, err = console("add", "13911111111", "李四", "--role", "county", "--county", "410325")
    assert code == 0
    username, password = out.split()
    assert "once" in err
    assert log_in(username, password).must_change_password


def test_a_password_comes_from_the_standard_input_and_is_checked(console, log_in, monkeypatch):
    monkeypatch.setattr("sys.stdin", io.StringIO("kurz\n"))
    code, _, err = console("passwd", "v01", "--password-stdin")
    assert (code, "至少要 8 位" in err) == (1, True)
    monkeypatch.setattr("sys.stdin", io.StringIO("neun mal klug\n"))
    assert console("passwd", "v01", "--password-stdin")[0] == 0
    log_in("V01", "neun mal klug")


def test_accounts_are_locked_and_unlocked(console, log_in):
    assert console("lock", "V01")[0] == 0
    with pytest.raises(AccountClosed):
        log_in("V01", PASSWORD)
    assert console("unlock", "V01")[0] == 0
    log_in("V01", PASSWORD)


def test_what_is_not_there_is_said(console):
    assert console("lock", "nobody")[0] == 1
    code, _, err = console("add", "x", "李四", "--role", "institution", "--institution", "no such")
    assert (code, err) == (1, "Error: institution no such: not found\n")
    assert console("add", "x", "李四")[0] == 2


def test_accounts_are_listed_a_line_each(console):
    code, out, _ = console("list", "--role", "institution", "--format", "json")
    assert code == 0
    assert [json.loads(line)["username"] for line in out.splitlines()] == ["V01"]
    assert "H01" in console("list")[1]


def test_slips_of_a_roster_go_into_a_file_that_only_its_owner_reads(console, log_in, tmp_path):
    file = tmp_path / "slips.csv"
    assert console("issue", str(file))[0] == 0
    assert file.stat().st_mode & 0o777 == 0o600
    username, password, *_ = file.read_text("utf-8-sig").splitlines()[1].split(",")
    assert username == "V02"
    log_in(username, password)
    # What is there is never written over: it may hold the only copy of other passwords.
    assert console("issue", str(file))[0] == 1
    assert console("issue", str(tmp_path / "slips.txt"))[0] == 2
