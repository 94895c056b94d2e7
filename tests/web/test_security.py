"""What every answer carries, and what no log and no error page ever says."""

from __future__ import annotations

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from clinic_orders.app import create_app
from clinic_orders.config import Settings
from clinic_orders.models.base import db
from clinic_orders.rules.parties import Role
from tests.people import make_people

HEADERS = {
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "same-origin",
    "Permissions-Policy": "camera=(self), geolocation=(), microphone=()",
}


@pytest.mark.parametrize(
    ("address", "role", "status"),
    [
        ("/account/log-in", None, 200),
        ("/privacy", None, 200),
        ("/public/", None, 200),
        ("/no-such-page", None, 404),
        ("/accounts/", Role.INSTITUTION, 403),
        ("/accounts/", Role.CITY, 200),
        ("/accounts/?format=csv", Role.CITY, 200),
        ("/account/my-data/file", Role.CITY, 200),
        ("/healthz", None, 200),
        ("/static/kit.css", None, 200),
    ],
)
def test_every_answer_carries_the_headers(client, app, address, role, status):
    people = make_people()
    if role is not None:
        client.log_in(people.users[role])
    answer = client.get(address, status=status)
    assert {name: answer.headers.get(name) for name in HEADERS} == HEADERS
    policy = answer.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "Server" not in answer.headers or "Python" not in answer.headers["Server"]
    if role is not None:
        assert answer.headers["Cache-Control"] == "no-store"
    answer.close()


def test_over_https_a_browser_is_told_to_stay_there_and_over_http_it_is_not(client, app):
    make_people()
    assert "Strict-Transport-Security" not in client.get("/account/log-in").headers
    told = client.get("/account/log-in", base_url="https://localhost").headers["Strict-Transport-Security"]
    assert told == "max-age=31536000; includeSubDomains"


def test_the_settings_hide_their_secrets_when_they_are_printed(tmp_path):
    said = repr(Settings("sqlite://", tmp_path, "the-key-of-the-instance", metrics_token="the-token"))
    assert "the-key" not in said
    assert "the-token" not in said


def test_a_statement_that_fails_does_not_say_what_stood_in_it(committed_db, tmp_path):
    settings = Settings(database_url=committed_db, instance=tmp_path, secret_key="tests only")
    app = create_app(settings)
    with app.app_context():
        with pytest.raises(SQLAlchemyError) as failed:
            db.session.execute(text("SELECT no_such_column FROM item WHERE 1 = :x"), {"x": "13812345678"})
        db.session.remove()
        db.engine.dispose()
    assert "13812345678" not in str(failed.value)
    assert "no_such_column" in str(failed.value)


@pytest.mark.parametrize("address", ["/account/log-in", "/account/log-out", "/account/my-data", "/privacy"])
@pytest.mark.parametrize("method", ["TRACE", "PUT", "DELETE", "PROPFIND"])
def test_methods_that_no_page_has_are_refused(client, app, address, method):
    make_people()
    assert client.open(address, method=method).status_code in {400, 405}
