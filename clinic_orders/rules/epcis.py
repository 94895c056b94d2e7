"""What became of packs as EPCIS 2.0 events in JSON-LD (GS1 EPCIS 2.0 and CBV 2.0, ISO/IEC 19987 and 19988).

Only words of the two standards are used. Codes that GS1 issued become GS1 Digital Link URIs; the national trace codes
(20 digits), our numbers of papers, institutions and distributors, which GS1 does not know, become URIs of our own
(decision 0042).

>>> pack_uri("81234567890123456789")
'urn:x-clinic-orders:trace:81234567890123456789'
>>> pack_uri("(01)06901234567892(17)280630(21)S77")
'https://id.gs1.org/01/06901234567892/21/S77'
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final
from urllib.parse import quote

from clinic_orders.rules.days import SHANGHAI
from clinic_orders.rules.pack_life import PackStep
from clinic_orders.rules.tracing import parts_of

CONTEXT: Final = "https://ref.gs1.org/standards/epcis/2.0.0/epcis-context.jsonld"
OWN: Final = "urn:x-clinic-orders"
_LINK: Final = "https://id.gs1.org"
OFFSET: Final = "+08:00"


@dataclass(frozen=True, slots=True)
class Meaning:
    """What a step of a pack is called by the standards.

    Attributes:
        action: ADD where a pack comes into this record, DELETE where it leaves it, OBSERVE between.
        biz_step: what is done, a word of CBV 2.0.
        disposition: what the pack is afterwards.
        paper: the kind of paper, a word of CBV 2.0; our sales have none of those.

    """

    action: str
    biz_step: str
    disposition: str
    paper: str


MEANINGS: Final[Mapping[PackStep, Meaning]] = {
    PackStep.SHIPPED: Meaning("OBSERVE", "shipping", "in_transit", "desadv"),
    PackStep.DELIVERED: Meaning("OBSERVE", "arriving", "in_progress", "desadv"),
    PackStep.ACCEPTED: Meaning("OBSERVE", "accepting", "sellable_accessible", "recadv"),
    PackStep.REJECTED: Meaning("OBSERVE", "receiving", "non_sellable_other", "recadv"),
    PackStep.SOLD: Meaning("OBSERVE", "dispensing", "dispensed", ""),
    PackStep.BROUGHT_BACK: Meaning("OBSERVE", "receiving", "returned", ""),
    PackStep.SENT_BACK: Meaning("OBSERVE", "shipping", "returned", "rma"),
}
"""Every step of a pack's life (rules.pack_life) in the standards' words."""


@dataclass(frozen=True, slots=True)
class PacksMoved:
    """Packs that took one step together on one paper.

    Attributes:
        at: when.
        step: what.
        codes: trace codes, as kept.
        institution: code of the institution.
        distributor: code of the distributor of shipments and returns; "" of sales.
        paper: number of the paper.
        part: what tells apart several events of one paper, such as its batch or line.
        item_code: of the catalogue; "" for what is outside of it.
        batch_no: where the paper names it.
        expires_on: as YYYY-MM-DD, where the paper names it.

    """

    at: datetime
    step: PackStep
    codes: Sequence[str]
    institution: str
    distributor: str
    paper: str
    part: str = ""
    item_code: str = ""
    batch_no: str = ""
    expires_on: str = ""


def _own(kind: str, *names: str) -> str:
    return ":".join([OWN, kind, *(quote(name, safe="-._~") for name in names)])


def pack_uri(code: str) -> str:
    """A pack: GS1 Digital Link where its code is GS1's and has a serial number, else a URI of our own."""
    parts = parts_of(code)
    if "21" in parts:
        return f"{_LINK}/01/{parts['01']}/21/{quote(parts['21'], safe='')}"
    return _own("trace", code)


def class_uri(code: str) -> str | None:
    """The batch that a GS1 code without a serial number names; None where the code names one pack."""
    parts = parts_of(code)
    if "01" not in parts or "21" in parts:
        return None
    batch = f"/10/{quote(parts['10'], safe='')}" if "10" in parts else ""
    return f"{_LINK}/01/{parts['01']}{batch}"


def place_uri(institution: str) -> str:
    """An institution as a place; GS1 has given it no number that we know."""
    return _own("institution", institution)


def distributor_uri(distributor: str) -> str:
    """A distributor as a party."""
    return _own("distributor", distributor)


def instant(at: datetime) -> str:
    """An instant as the standard writes it, in the time of China.

    >>> from datetime import UTC
    >>> instant(datetime(2026, 11, 20, 1, 41, tzinfo=UTC))
    '2026-11-20T09:41:00+08:00'
    """
    return at.astimezone(SHANGHAI).isoformat(timespec="seconds")


def _list_of_packs(codes: Sequence[str]) -> dict[str, Any]:
    packs, classes = [], []
    for code in codes:
        of_batch = class_uri(code)
        if of_batch is None:
            packs.append(pack_uri(code))
        else:
            # A code without a serial number names no pack, but a quantity of its batch.
            classes.append({"epcClass": of_batch, "quantity": 1})
    return {"epcList": packs, **({"quantityList": classes} if classes else {})}


def event(moved: PacksMoved) -> dict[str, Any]:
    """An ObjectEvent of what packs did together on one paper.

    Its ID is made of step, paper and part, so that whoever gets the same event twice knows it.
    """
    meaning = MEANINGS[moved.step]
    place, partner = place_uri(moved.institution), distributor_uri(moved.distributor)
    leaves_distributor = moved.step in {
        PackStep.SHIPPED,
        PackStep.DELIVERED,
        PackStep.ACCEPTED,
        PackStep.REJECTED,
    }
    found: dict[str, Any] = {
        "type": "ObjectEvent",
        "eventID": _own("event", moved.step.value, moved.institution, moved.paper, moved.part),
        "eventTime": instant(moved.at),
        "eventTimeZoneOffset": OFFSET,
        **_list_of_packs(moved.codes),
        "action": meaning.action,
        "bizStep": meaning.biz_step,
        "disposition": meaning.disposition,
        "readPoint": {"id": partner if moved.step is PackStep.SHIPPED else place},
    }
    if moved.step not in {PackStep.SHIPPED, PackStep.SENT_BACK}:
        found["bizLocation"] = {"id": place}
    papers = (
        [{"type": meaning.paper, "bizTransaction": _own("paper", moved.paper)}]
        if meaning.paper
        else [{"bizTransaction": _own("paper", moved.institution, moved.paper)}]
    )
    found["bizTransactionList"] = papers
    if moved.distributor:
        source, goal = (partner, place) if leaves_distributor else (place, partner)
        found["sourceList"] = [{"type": "owning_party", "source": source}]
        found["destinationList"] = [{"type": "owning_party", "destination": goal}]
    own = {"item": moved.item_code, "batch": moved.batch_no, "expires": moved.expires_on}
    found |= {f"clinicOrders:{name}": value for name, value in own.items() if value}
    return found


def document_head(at: datetime) -> dict[str, Any]:
    """The head of an EPCISDocument; ``epcisBody`` with its ``eventList`` follows."""
    return {
        "@context": [CONTEXT, {"clinicOrders": f"{OWN}:term:"}],
        "type": "EPCISDocument",
        "schemaVersion": "2.0",
        "creationDate": instant(at),
    }
