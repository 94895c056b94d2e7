"""The developer's script holds long documents against any JSON schema, event by event; here one of our own."""

from __future__ import annotations

import json
import tracemalloc
from datetime import UTC, datetime
from typing import Any

import pytest

from clinic_orders.exchange.epcis import write_epcis
from clinic_orders.rules.epcis import PacksMoved
from clinic_orders.rules.pack_life import PackStep
from scripts.check_epcis import PART, Unreadable, check, main, validator_of

SCHEMA: dict[str, Any] = {
    "$schema": "http://json-schema.org/draft-07/schema#",
    "type": "object",
    "required": ["type", "epcisBody"],
    "properties": {
        "creationDate": {"type": "string", "format": "date-time"},
        "epcisBody": {
            "type": "object",
            "properties": {
                "eventList": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "required": ["action"],
                        "properties": {
                            "action": {"enum": ["OBSERVE"]},
                            "eventID": {"type": "string", "format": "uri"},
                            "eventTime": {"type": "string", "format": "date-time"},
                        },
                    },
                }
            },
        },
    },
}
GOOD = {"action": "OBSERVE", "eventID": "urn:a:1", "eventTime": "2026-11-20T09:41:00+08:00"}


@pytest.fixture
def looked_at(tmp_path):
    """What is found in a document that holds these events, or in this text."""

    def look(events: Any, **around: Any):
        path = tmp_path / "document.jsonld"
        document = {"type": "x", "epcisBody": {"eventList": events}, **around}
        text = events if isinstance(events, str) else json.dumps(document, ensure_ascii=False)
        path.write_text(text, encoding="utf-8")
        return check(validator_of(SCHEMA), path)

    return look


def test_every_event_is_looked_at_and_faults_are_told_with_their_place(looked_at):
    assert looked_at([]).events == 0
    whole = looked_at([GOOD, {"action": "ADD"}, GOOD, GOOD | {"eventID": "no uri"}])
    assert (whole.events, whole.count) == (4, 2)
    assert whole.faults[0].startswith("event 2, $.epcisBody.eventList[0].action: ")
    assert whole.faults[1].startswith("event 4, $.epcisBody.eventList[0].eventID: ")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("eventID", "urn:诊所"), ("eventID", "urn:a b"), ("eventID", "urn:%zz"), ("eventID", "nothing"),
        ("eventTime", "2026-11-20T09:41:00"), ("eventTime", "2026-02-30T09:41:00Z"), ("eventTime", "2026-11-20"),
    ],
)  # fmt: skip
def test_forms_are_held_to_their_standards(looked_at, name, value):
    assert looked_at([GOOD]).count == 0
    assert looked_at([GOOD | {name: value}]).count == 1


def test_what_stands_around_the_events_is_looked_at_once(looked_at):
    assert looked_at([GOOD] * 3, creationDate="yesterday").faults[0].startswith("document, $.creationDate: ")
    # Names of the events' list inside of a text are a text.
    assert looked_at([GOOD | {"note": '"eventList": [}'}], title='"eventList": [').events == 1


@pytest.mark.parametrize(
    "text",
    ["", "{}", '{"epcisBody": {"eventList": [{"action": ', '{"epcisBody": {"eventList": [{}]}', '{"eventList": []}'],
)  # fmt: skip
def test_what_is_no_document_with_events_is_refused(looked_at, text):
    with pytest.raises(Unreadable):
        looked_at(text)


def test_events_longer_than_a_part_are_read_and_long_documents_are_not_held(tmp_path):
    path = tmp_path / "long.jsonld"
    with path.open("w", encoding="utf-8") as file:
        file.write('{"type": "x", "epcisBody": {"eventList": [')
        for number in range(60):
            file.write(",\n" * bool(number) + json.dumps(GOOD | {"note": "盒" * PART}, ensure_ascii=False))
        file.write("]}}")
    validator = validator_of(SCHEMA)
    tracemalloc.start()
    try:
        assert check(validator, path).events == 60
        assert tracemalloc.get_traced_memory()[1] < path.stat().st_size / 4
    finally:
        tracemalloc.stop()


def test_the_script_tells_each_document_and_whether_all_is_well(tmp_path, capsys):
    schema, good, bad = (tmp_path / name for name in ("schema.json", "good.jsonld", "bad.jsonld"))
    schema.write_text(json.dumps(SCHEMA))
    moved = PacksMoved(
        datetime(2026, 11, 20, 1, 41, tzinfo=UTC), PackStep.SOLD, ["8" * 20], "0V01", "", "XS1"
    )
    with good.open("wb") as out:
        write_epcis(out, [moved] * 3, at=moved.at)
    bad.write_text("{}")
    assert main([str(schema), str(good)]) == 0
    assert capsys.readouterr().out == f"{good}: 3 events, no faults\n"
    assert main([str(schema), str(good), str(bad)]) == 1
    assert f"{bad}: it has no eventList" in capsys.readouterr().out
