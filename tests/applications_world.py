"""A pharmacy that applies: everything an application needs, part by part, for tests of deeds and pages."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from itertools import count
from typing import Any

from clinic_orders.actions import applications as deeds
from clinic_orders.models.applications import Application
from clinic_orders.models.base import db
from clinic_orders.models.pharmacies import DesignatedPharmacy
from clinic_orders.queries.applications import application_by_number
from clinic_orders.rules.applications import Declared, FileUse, NegativeFact
from clinic_orders.rules.attachments import AttachedFile, MediaType
from clinic_orders.rules.geodesy import Place
from clinic_orders.rules.parties import Actor, InstitutionKind, Role
from tests.people import LONG_AGO, NOW, SONG

PHARMACY = InstitutionKind.RETAIL_PHARMACY
HERE = Place(Decimal("112.083000"), Decimal("34.135000"))
_keys = count(1)
_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"


def uscc(number: int) -> str:
    """An invented identity code with its right check character (GB 32100-2015)."""
    body = f"91410325MA9{number:06d}"
    total = sum(_ALPHABET.index(one) * pow(3, place, 31) for place, one in enumerate(body))
    return body + _ALPHABET[-total % 31]


def unit(number: int = 1, **more: Any) -> deeds.Unit:
    """What the first part of the form says."""
    return replace(
        deeds.Unit(
            name="嵩县福康大药房", county_code=SONG, township="城关镇", address="嵩县城关镇白云大道18号",
            uscc=uscc(number), nhsa_code="", licence_no="豫CB0379001", licence_until=None, legal_rep="王秀英",
            contact="张建国", phone="13800000000",
        ),
        **more,
    )  # fmt: skip


def papers() -> list[tuple[FileUse, AttachedFile]]:
    """The three papers that are asked for; nothing lies in the folder."""
    found = []
    for use in (FileUse.BUSINESS_LICENCE, FileUse.TRADE_LICENCE, FileUse.LEGAL_REP_ID):
        key = f"{next(_keys):032x}"
        file = AttachedFile(
            f"{use.value}.jpg", MediaType.JPEG, 9, hashlib.sha256(key.encode()).hexdigest(), key
        )
        found.append((use, file))
    return found


@dataclass
class Applying:
    """An application under way."""

    number: str
    secret: str
    by: Actor

    @property
    def record(self) -> Application:
        """As it is stored now."""
        db.session.expire_all()
        found = application_by_number(self.number)
        assert found is not None
        return found


def begun(
    number: int = 1, *, kind: InstitutionKind = PHARMACY, chain: bool = False, at: datetime = NOW, **more: Any
) -> Applying:
    """An application just begun."""
    name = unit(number, **more).name
    by = deeds.visitor("张建国", name)
    made = deeds.begin_application(kind, name, SONG, chain=chain, key=f"key-{next(_keys)}", by=by, at=at)
    return Applying(made.number, made.secret, by)


NOTHING = dict.fromkeys(NegativeFact, Declared(holds=False))


def filled(
    number: int = 1,
    *,
    at: datetime = NOW,
    place: Place = HERE,
    people: int = 3_000,
    facts: dict[NegativeFact, Declared] | None = None,
    kind: InstitutionKind = PHARMACY,
    **more: Any,
) -> Applying:
    """An application with every part filled in and signed."""
    made = begun(number, at=at, kind=kind, **more)
    by, who = made.by, made.number
    deeds.fill_in_unit(who, unit(number, **more), by=by, at=at)
    deeds.fill_in_place(who, place, people=people, people_source="居委会2026年10月", by=by, at=at)
    deeds.declare_facts(who, facts or NOTHING, by=by, at=at)
    for use, file in papers():
        deeds.attach_papers(who, use, [file], by=by, at=at)
    deeds.sign_letter(
        who, "2026-1", read=range(1, 8), signer="王秀英", rate=Decimal("0.15"), device="Android 9", by=by, at=at
    )  # fmt: skip
    return made


def sent(number: int = 1, *, at: datetime = NOW, **more: Any) -> Applying:
    """An application that was sent."""
    made = filled(number, at=at, **more)
    deeds.submit_application(made.number, by=made.by, at=at)
    return made


def known_pharmacy(code: str = "P41032500099", *, lng: str = "112.090000", lat: str = "34.135000") -> None:
    """A designated pharmacy of the imported list."""
    db.session.add(
        DesignatedPharmacy(
            code=code, name="嵩县老百姓大药房", lng=Decimal(lng), lat=Decimal(lat), recorded_at=LONG_AGO,
        )
    )  # fmt: skip
    db.session.flush()


COUNTY = Actor("赵强", Role.COUNTY, user_id=None, county_code=SONG, org_name="嵩县医保局")
WEEK_LATER = NOW + timedelta(days=8)
