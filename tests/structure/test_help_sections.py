"""The Help of a screen leads to a section that stands on the help page of everybody who may open the screen."""

from __future__ import annotations

import csv

import pytest

from clinic_orders.rules.parties import Role
from clinic_orders.web.help_sections import SECTIONS
from scripts.make_access import TABLE
from tests.people import make_people


def opened_by(role: Role) -> set[str]:
    """The endpoints that the role may open."""
    with TABLE.open(encoding="utf-8", newline="") as file:
        return {row["endpoint"] for row in csv.DictReader(file) if row[role.value] in {"allowed", "public"}}


@pytest.mark.parametrize("role", SECTIONS, ids=lambda role: role.value)
def test_every_section_stands_on_the_help_page_of_the_role(client, role):
    client.log_in(make_people().users[role.value])
    client.get("/help", status=200)
    there = {heading["id"] for heading in client.page.all("h3") + client.page.all("h2") if heading.get("id")}
    assert set(SECTIONS[role].values()) <= there
    assert there - set(SECTIONS[role].values()) <= {"for-us"}, (
        "A section that no screen leads to is not found."
    )


@pytest.mark.parametrize("role", SECTIONS, ids=lambda role: role.value)
def test_every_screen_of_the_table_is_one_that_the_role_may_open(role):
    pages = opened_by(role)
    pages |= {page.partition(".")[0] for page in pages}
    assert set(SECTIONS[role]) <= pages


def test_the_help_of_a_screen_opens_its_section_and_elsewhere_that_of_the_role(client):
    people = make_people()
    client.log_in(people.users["hospital"])
    for address, leads in (
        ("/payables/", "/help#pay"),
        ("/villages", "/help#villages"),
        ("/more", "/help"),
        ("/help", "/help"),
    ):
        client.get(address, status=200)
        assert client.page.one(".topbar a[href^='/help']")["href"] == leads
