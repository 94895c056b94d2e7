"""Which role may open which page: the table, the guards and the answers agree. What only reads never writes."""

import csv

import pytest
from werkzeug.routing import BuildError, IntegerConverter

from clinic_orders.rules.api import SCOPES
from clinic_orders.rules.parties import GRANTS, Role
from scripts.make_access import ROLES, TABLE, WITHOUT_GUARD, as_text, rows_of
from tests.api_calls import token_of
from tests.people import make_people

HELP = (
    "Run `python scripts/make_access.py`, read the difference in tests/structure/access.csv, and commit it."
)


@pytest.fixture
def people(app):
    return make_people()


def table():
    with TABLE.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def address(app, endpoint):
    """The address of an endpoint; numbers, words and days of its arguments name nothing that exists."""
    rules = list(app.url_map.iter_rules(endpoint))
    rule = min(rules, key=lambda rule: len(rule.arguments))
    values = {}
    for name in rule.arguments - set(rule.defaults or {}):
        converter = rule._converters[name]
        values[name] = 987654 if isinstance(converter, IntegerConverter) else "X-987654"
    try:
        return app.url_map.bind("localhost").build(endpoint, values | dict(rule.defaults or {}))
    except BuildError as error:
        raise AssertionError(f"{endpoint}: no address can be made for it: {error}") from error


def requests(app, row):
    """The method and address of every way to ask for the endpoint."""
    return [(method, address(app, row["endpoint"])) for method in row["methods"].split()]


def ask(client, method, path, token=None):
    headers = {"Authorization": f"Bearer {token}"} if token else None
    return client.open(path, method=method, data={} if method != "GET" else None, headers=headers)


def tokens_of(people):
    """A token of every role that can have one, for all that the role may do."""
    return {
        role: token_of(user)
        for role, user in people.users.items()
        if any(scope in GRANTS[role] for scope in SCOPES)
    }


def test_every_endpoint_has_a_guard(app):
    naked = [
        endpoint
        for endpoint, view in app.view_functions.items()
        if endpoint not in WITHOUT_GUARD and getattr(view, "__guard__", None) is None
    ]
    assert not naked, f"{naked}: put @needs(Permission.…) or @public on them; without it they answer 404"


def test_an_endpoint_without_a_guard_is_not_found(app, client, people):
    view = app.view_functions["home.help_page"]
    app.view_functions["home.help_page"] = lambda: "open to all"
    try:
        assert client.get("/help").status_code == 404
    finally:
        app.view_functions["home.help_page"] = view


def test_the_table_of_access_is_what_the_guards_say(app):
    assert TABLE.read_text(encoding="utf-8") == as_text(rows_of(app)), HELP


@pytest.mark.parametrize("role", ROLES)
def test_every_page_answers_each_role_as_the_table_says_and_writes_nothing_when_looked_at(
    app, client, people, role
):
    # The client fails on any statement that writes while a page is only looked at.
    wrong = []
    tokens = tokens_of(people)
    client.log_in(people.users[role])
    for row in table():
        token = tokens.get(role) if row["anonymous"] == "token" else None
        for method, path in requests(app, row):
            answer = ask(client, method, path, token)
            if (answer.location or "").startswith("/account/log-in"):
                # Something has ended the session; whatever it was, everything is asked by the same person.
                client.log_in(people.users[role])
                answer = ask(client, method, path, token)
            if row["anonymous"] == "token" and token is None:
                continue
            status = answer.status_code
            if (status == 403) != (row[role.value] == "refused"):
                wrong.append(
                    f"{method} {path} ({row['endpoint']}): {row[role.value]} in the table, answer {status}"
                )
    assert not wrong, "\n".join([f"As {role.value}:", *wrong, HELP])


def test_strangers_are_led_to_the_log_in_page_except_where_the_table_says_public(app, client, people):
    wrong = []
    for row in table():
        for method, path in requests(app, row):
            client.log_out()
            answer = ask(client, method, path)
            led = answer.status_code == 302 and (answer.location or "").startswith("/account/log-in?next=")
            asked = answer.status_code == 302 and answer.location == "/account/log-in"
            # After a form there is no page to come back to; the start itself leads to the log-in page.
            fits = (led or asked) if row["anonymous"] == "log in" else not led
            if not fits:
                wrong.append(
                    f"{method} {path} ({row['endpoint']}): {row['anonymous']} in the table, answer {answer.status}"
                )
    assert not wrong, "\n".join([*wrong, HELP])


def test_no_session_opens_a_call_of_a_program(app, client, people):
    client.log_in(people.users[Role.CITY])
    for row in table():
        if row["anonymous"] == "token":
            assert {ask(client, *one).status_code for one in requests(app, row)} == {401}, row["endpoint"]


def test_somebody_stands_for_every_role(people):
    assert set(people.users) == set(Role) - {Role.SYSTEM}
