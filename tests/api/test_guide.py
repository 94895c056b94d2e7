"""The examples of docs/api.md work as they stand there."""

from __future__ import annotations

import re
import shlex
from pathlib import Path

import pytest

from clinic_orders.rules.parties import Role
from tests.api_calls import token_of
from tests.factories import NOW, make_user, make_world, submit

GUIDE = (Path(__file__).parents[2] / "docs" / "api.md").read_text(encoding="utf-8")
EXAMPLES = re.findall(r"^```sh\n(curl .*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)


def words_of(example: str, **places: str) -> list[str]:
    """The words of a command as the shell makes them, its variables filled in."""
    for name, value in places.items():
        example = example.replace(f"${name}", value)
    return shlex.split(example.replace("\\\n", " "))


def run(client, words: list[str]):
    """What curl would send."""
    method, headers, body, address = None, {}, None, ""
    rest = iter(words[1:])
    for word in rest:
        if word == "-X":
            method = next(rest)
        elif word == "-H":
            name, _, value = next(rest).partition(": ")
            headers[name] = value
        elif word in {"-d", "--data"}:
            body = next(rest)
        elif not word.startswith("-"):
            address = word
    headers.pop("Host", None)
    return client.open(
        address.removeprefix("http://localhost"),
        method=method or ("POST" if body else "GET"),
        headers=headers,
        data=None if body is None else body.encode(),
    )


@pytest.fixture
def callers(app, clock_at):
    clock_at(NOW)
    world = make_world()
    seller = make_user("D01", role=Role.DISTRIBUTOR, distributor=world.distributor)
    return {
        "TOKEN": token_of(make_user("V01", institution=world.clinic)),
        "SELLER": token_of(seller),
        "ITEM": world.items[0].item_code,
        "ORDER": submit(world, {world.items[0].item_code: "6"}, institution=world.second_clinic).orders[0],
    }


def test_the_examples_of_the_guide_are_answered(client, callers):
    assert len(EXAMPLES) == GUIDE.count("```sh\n") >= 7
    for example in EXAMPLES:
        answer = run(client, words_of(example, ADDRESS="http://localhost", **callers))
        assert answer.status_code < 300, f"{example}: {answer.get_data(as_text=True)}"
