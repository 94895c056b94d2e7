"""Whose address counts: the visitor's, told by proxies of one's own and by nobody else."""

from __future__ import annotations

import pytest

from clinic_orders.config import BadSetting, load_settings
from clinic_orders.web.limits import limiter
from tests.conftest import make_app, upgrade

VISITORS = ("203.0.113.1", "203.0.113.2", "203.0.113.3")


def attempts(database_url, tmp_path, headers, **settings):
    """What log-in attempts with these headers are answered, where one address has two a minute."""
    with make_app(database_url, instance=tmp_path, login_limit="2 per minute", **settings) as app:
        upgrade(app)
        with app.app_context():
            limiter.reset()
        client = app.test_client()
        found = []
        for one in headers:
            client.get("/account/log-in", status=200)
            answer = client.post(
                "/account/log-in", data={"username": "nobody", "password": "falsch-falsch"}, headers=one
            )
            found.append(answer.status_code)
        return found


def test_behind_a_trusted_proxy_every_visitor_has_attempts_of_their_own(committed_db, tmp_path):
    headers = [{"X-Forwarded-For": address} for address in VISITORS * 2]
    assert attempts(committed_db, tmp_path, headers, trusted_proxies=1) == [401] * 6


def test_what_a_visitor_writes_before_the_proxys_word_counts_for_nothing(committed_db, tmp_path):
    headers = [{"X-Forwarded-For": f"{made_up}, {VISITORS[0]}"} for made_up in VISITORS]
    assert attempts(committed_db, tmp_path, headers, trusted_proxies=1) == [401, 401, 429]


def test_without_the_setting_nobody_is_believed(committed_db, tmp_path):
    headers = [{"X-Forwarded-For": address} for address in VISITORS]
    assert attempts(committed_db, tmp_path, headers) == [401, 401, 429]


@pytest.mark.parametrize("typed", ["-1", "yes", "10", "1.5", ""])
def test_a_number_of_proxies_that_is_none_is_refused_by_name(tmp_path, typed):
    with pytest.raises(BadSetting, match="CLINIC_ORDERS_TRUSTED_PROXIES"):
        load_settings({"CLINIC_ORDERS_INSTANCE": str(tmp_path), "CLINIC_ORDERS_TRUSTED_PROXIES": typed})


@pytest.mark.parametrize(("typed", "count"), [("0", 0), ("2", 2)])
def test_the_number_of_proxies_comes_from_the_environment(tmp_path, typed, count):
    settings = load_settings(
        {"CLINIC_ORDERS_INSTANCE": str(tmp_path), "CLINIC_ORDERS_TRUSTED_PROXIES": typed}
    )
    assert settings.trusted_proxies == count
    assert load_settings({"CLINIC_ORDERS_INSTANCE": str(tmp_path)}).trusted_proxies == 0
