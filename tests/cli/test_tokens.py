"""``clinic-orders token``."""

from __future__ import annotations

import json

import pytest
from flask.testing import FlaskClient

from clinic_orders.cli import run
from tests.people import make_people


@pytest.fixture
def console(committed_app, capsys):
    with committed_app.app_context():
        make_people()

    def call(*arguments):
        with pytest.raises(SystemExit) as left:
            run(lambda: committed_app, ["token", *arguments])
        said = capsys.readouterr()
        return left.value.code, said.out, said.err

    return call


def test_a_token_is_made_printed_once_listed_by_its_mark_and_revoked(console, committed_app):
    code, out, err = console("add", "v01", "till", "--scope", "orders:read", "--scope", "catalogue:read")
    token = out.strip()
    assert (code, "once" in err) == (0, True)
    headers = {"Authorization": f"Bearer {token}"}
    # The checking client lets no page write that reads; here the first use of the token is to be noted.
    client = FlaskClient(committed_app, committed_app.response_class)
    assert client.get("/api/v1/items", headers=headers).status_code == 200
    (row,) = json.loads(console("list", "--format", "json")[1])
    assert (row["username"], row["scopes"]) == ("V01", "catalogue:read orders:read")
    assert row["last_used_at"]
    assert token not in console("list")[1]
    assert console("revoke", row["mark"])[0] == 0
    assert client.get("/api/v1/items", headers=headers).status_code == 401
    assert "revoked" in console("list")[1]


def test_what_can_not_be_made_is_said(console):
    assert console("add", "nobody", "till", "--scope", "orders:read")[0] == 1
    assert "orders:answer" in console("add", "V01", "till", "--scope", "orders:answer")[2]
    assert console("revoke", "co_nothing")[0] == 1
