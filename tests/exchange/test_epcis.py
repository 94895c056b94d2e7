"""EPCIS 2.0 documents: what the standard requires of each event stands, for a shipment, a month and a code's life.

The schema's text is GS1's and carries no leave to copy it, so what it requires is restated here by hand (decision 0042).
"""

from __future__ import annotations

import io
import json
import re
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask

from clinic_orders.exchange.epcis import write_epcis
from clinic_orders.queries.epcis import life_events, month_events, shipment_events
from clinic_orders.queries.packs import life_of_pack
from clinic_orders.rules.days import Month
from clinic_orders.rules.epcis import MEANINGS, PacksMoved, class_uri, event, pack_uri
from clinic_orders.rules.pack_life import PackStep
from clinic_orders.rules.parties import SYSTEM
from tests.files_world import make_world, order, receipt, take_well

AT = datetime(2026, 11, 20, 1, 41, tzinfo=UTC)
CODES = ("81234567890123456789", "81234567890123456790")
URI = re.compile(r"[a-z][a-z0-9+.-]*:[^\s<>\"{}|\\^`]+")
INSTANT = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?([+-]\d\d:\d\d|Z)")
BIZ_STEPS = {"accepting", "arriving", "dispensing", "receiving", "shipping"}
DISPOSITIONS = {
    "dispensed", "in_progress", "in_transit", "non_sellable_other", "returned", "sellable_accessible",
}  # fmt: skip
KNOWN = {
    "type", "eventID", "eventTime", "eventTimeZoneOffset", "epcList", "quantityList", "action", "bizStep",
    "disposition", "readPoint", "bizLocation", "bizTransactionList", "sourceList", "destinationList",
}  # fmt: skip
PAPERS = {"desadv", "recadv", "rma"}


def faults_of(document: dict[str, Any]) -> list[str]:
    """What is against the schema of EPCIS 2.0 for documents of ObjectEvents."""
    faults = []
    if document.get("type") != "EPCISDocument" or document.get("schemaVersion") != "2.0":
        faults.append("head")
    if not INSTANT.fullmatch(document.get("creationDate", "")):
        faults.append("creationDate")
    context = document.get("@context", [])
    if not context or not all(isinstance(one, dict) or URI.fullmatch(one) for one in context):
        faults.append("@context")
    prefixes = {name for one in context if isinstance(one, dict) for name in one}
    for number, one in enumerate(document.get("epcisBody", {}).get("eventList", [None])):
        faults += [f"{number} {fault}" for fault in faults_of_event(one, prefixes)]
    return faults


def faults_of_event(one: Any, prefixes: set[str]) -> list[str]:
    if not isinstance(one, dict):
        return ["no event"]
    faults = [name for name in one if name not in KNOWN and name.partition(":")[0] not in prefixes]
    for name, wanted in (("type", {"ObjectEvent"}), ("action", {"ADD", "OBSERVE", "DELETE"}),
                         ("bizStep", BIZ_STEPS), ("disposition", DISPOSITIONS)):  # fmt: skip
        if one.get(name) not in wanted:
            faults.append(name)
    if not INSTANT.fullmatch(one.get("eventTime", "")):
        faults.append("eventTime")
    if not re.fullmatch(r"[+-](?:0\d|1[0-3]):[0-5]\d|[+-]14:00", one.get("eventTimeZoneOffset", "")):
        faults.append("eventTimeZoneOffset")
    packs, classes = one.get("epcList", []), one.get("quantityList", [])
    if not packs and not classes:
        faults.append("what")
    uris = [one.get("eventID", ""), *packs, *(found["epcClass"] for found in classes)]
    uris += [one[name]["id"] for name in ("readPoint", "bizLocation") if name in one]
    uris += [found["bizTransaction"] for found in one.get("bizTransactionList", [])]
    uris += [found["source"] for found in one.get("sourceList", [])]
    uris += [found["destination"] for found in one.get("destinationList", [])]
    faults += [f"{uri!r} is no URI" for uri in uris if not URI.fullmatch(uri)]
    if any(found.get("type", "desadv") not in PAPERS for found in one.get("bizTransactionList", [])):
        faults.append("bizTransactionList")
    if any(not isinstance(found["quantity"], int) for found in classes):
        faults.append("quantity")
    for name in ("sourceList", "destinationList"):
        if any(
            found["type"] not in {"owning_party", "possessing_party", "location"}
            for found in one.get(name, [])
        ):
            faults.append(name)
    return faults


def document(events) -> dict[str, Any]:
    out = io.BytesIO()
    write_epcis(out, events, at=AT)
    return json.loads(out.getvalue())


@pytest.mark.parametrize("step", PackStep)
def test_every_step_has_words_of_the_standard_and_keeps_to_the_schema(step):
    assert step in MEANINGS
    for code in (CODES[0], "(01)06901234567892(21)S/77", "(01)06901234567892(17)280630(10)B 7"):
        one = PacksMoved(AT, step, [code], "0V01", "D 1", "PS/1", "2", "LY001", "A1", "2028-06-30")
        found = document([one])
        assert faults_of(found) == []
    assert faults_of(document([])) == []


def test_codes_of_gs1_become_digital_links_and_others_our_own_uris():
    assert (
        pack_uri("(01)06901234567892(17)280630(21)S/77") == "https://id.gs1.org/01/06901234567892/21/S%2F77"
    )
    assert class_uri("(01)06901234567892(10)B7") == "https://id.gs1.org/01/06901234567892/10/B7"
    assert pack_uri(CODES[0]) == f"urn:x-clinic-orders:trace:{CODES[0]}"
    assert class_uri(CODES[0]) is None


def test_the_check_by_hand_finds_what_is_wrong():
    good = event(PacksMoved(AT, PackStep.SOLD, [CODES[0]], "0V01", "", "XS1"))
    prefixes = {"clinicOrders"}
    assert faults_of_event(good, prefixes) == []
    for name in ("type", "action", "eventTime", "eventTimeZoneOffset"):
        assert faults_of_event({**good, name: "x"}, prefixes)
    assert faults_of_event({**good, "epcList": []}, prefixes)
    assert faults_of_event({**good, "epcList": ["no uri"]}, prefixes)
    assert faults_of_event({**good, "other": 1}, prefixes)


@pytest.mark.both_databases
def test_a_shipment_a_month_and_a_life_are_documents_of_the_standard(app: Flask):
    make_world()
    take_well("orders", order())
    take_well("receipts", receipt(trace_codes=CODES))
    take_well("sales", {
        "institution_code": "0V01", "sale_no": "XS1", "line_no": "1", "item_code": "LY001",
        "sold_at": datetime(2026, 1, 31, 10, tzinfo=UTC), "base_units": 7, "amount": Decimal("3.36"), "trace_codes": (CODES[0],),
    })  # fmt: skip
    on = date(2026, 11, 20)
    row = receipt(trace_codes=CODES)
    shipment = document(shipment_events(row["receipt_no"], SYSTEM, on))
    assert faults_of(shipment) == []
    steps = [one["bizStep"] for one in shipment["epcisBody"]["eventList"]]
    assert steps[-1] == "accepting"
    life = document(life_events(life_of_pack(CODES[0], SYSTEM, on=on)))
    assert faults_of(life) == []
    assert [one["bizStep"] for one in life["epcisBody"]["eventList"]][-1] == "dispensing"
    month = document(month_events(Month(2026, 1), SYSTEM, on))
    assert faults_of(month) == []
    ids = [one["eventID"] for one in month["epcisBody"]["eventList"]]
    assert len(ids) == len(set(ids))
    assert "dispensing" in {one["bizStep"] for one in month["epcisBody"]["eventList"]}
    assert document(shipment_events("none", SYSTEM, on))["epcisBody"]["eventList"] == []
