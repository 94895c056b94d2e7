"""Every page that takes no argument answers on a database of its own, where reading pages open no transaction.

The other tests work inside one transaction that is undone; what a server keeps between two questions, such as an
answer given out in parts, behaves otherwise outside of one.
"""

from __future__ import annotations

import csv
from typing import Any

import pytest

from clinic_orders.rules.parties import Role
from scripts.make_access import TABLE
from tests.people import make_people


def pages_of(app: Any, role: str) -> list[str]:
    """The addresses without arguments that a role may read."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        readable = {
            row["endpoint"]
            for row in csv.DictReader(file)
            if "GET" in row["methods"].split() and row[role] in {"allowed", "public"}
        }
    return sorted(
        rule.rule for rule in app.url_map.iter_rules() if rule.endpoint in readable and not rule.arguments
    )


@pytest.mark.both_databases
def test_every_page_without_argument_answers_every_role(committed_app: Any) -> None:
    with committed_app.app_context():
        people = make_people()
        users = {role: people.users[role] for role in Role if role in people.users}
    assert len(users) == 6
    for role, user in users.items():
        client = committed_app.test_client()
        client.log_in(user)
        addresses = pages_of(committed_app, role.value)
        assert len(addresses) > 5
        for address in addresses:
            for form in ("", "?format=csv"):
                answer = client.get(address + form)
                assert answer.status_code < 500, f"{role.value} {address}{form}: {answer.status_code}"
