"""The applicant begins and fills in part by part: unit, place, stores, negative list, papers (R-ROSTER-2)."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Final

from sqlalchemy import exists, func, select

from clinic_orders.actions.applications._common import near_to, note_nearest, remark, step, take, write
from clinic_orders.actions.loading import NotFound
from clinic_orders.actions.numbers import next_numbers
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.applications import Application, ApplicationFile, ApplicationStore
from clinic_orders.models.base import db
from clinic_orders.models.roster import County
from clinic_orders.queries.applications import (
    file_of,
    stores_of,
)
from clinic_orders.rules.accounts import FIRST_DIGITS, FIRST_LETTERS
from clinic_orders.rules.applications import (
    MOST_STORES,
    ApplicationSide,
    ApplicationState,
    ApplicationStep,
    Declared,
    FileUse,
    NegativeFact,
    check_applying_kind,
    check_declared,
    check_phone,
)
from clinic_orders.rules.attachments import AttachedFile, TooManyFiles
from clinic_orders.rules.catalogue import check_credit_code, check_institution_code
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.geodesy import Place, whole_metres
from clinic_orders.rules.parties import Actor, InstitutionKind
from clinic_orders.rules.roster_records import UnknownCounty

PREFIX: Final = "SQ"  # 申请
MOST_PAPERS: Final = 24
"""Papers of one application, all uses together."""
_APPLICANT: Final = ApplicationSide.APPLICANT


class NameMissing(RuleBroken):
    """An application is of somebody."""

    message = N_("Type the full name as it stands on the business licence.")


class FieldMissing(RuleBroken):
    """A box that must be filled in."""

    message = N_("Fill in: %(field)s.")


class PeopleMissing(RuleBroken):
    """A figure comes with where it is from."""

    message = N_("Give the number of people served, and where the figure is from.")


class TooManyStores(RuleBroken):
    """More stores than a prefecture's chain has."""

    message = N_("At most %(limit)s stores fit into one application.")


class StoreTwice(RuleBroken):
    """Each store stands once."""

    message = N_("The store %(code)s is in the list already.")


@dataclass(frozen=True, slots=True)
class Begun:
    """A new application with its secret, which is stored nowhere else."""

    number: str
    secret: str


@dataclass(frozen=True, slots=True)
class Unit:
    """What the first part of the form says."""

    name: str
    county_code: str
    township: str
    address: str
    uscc: str
    nhsa_code: str
    licence_no: str
    licence_until: date | None
    legal_rep: str
    contact: str
    phone: str
    business: str = ""


def _secret() -> str:
    """Four groups of four, easily read from paper, some 68 bits."""
    letters = FIRST_LETTERS + FIRST_DIGITS
    return "-".join("".join(secrets.choice(letters) for _ in range(4)) for _ in range(4))


def _name(text: str) -> str:
    name = " ".join(text.split())[:200]
    if len(name) < 2:
        raise NameMissing
    return name


@transactional
def begin_application(
    kind: InstitutionKind,
    name: str,
    county_code: str,
    *,
    chain: bool = False,
    key: str,
    demo: bool = False,
    by: Actor,
    at: datetime,
) -> Begun:
    """Begin an application; the number and the secret open it from now on.

    The same form sent twice answers with the same application and a new secret, which the applicant then holds.

    Args:
        kind: a private institution or a pharmacy.
        name: of the unit.
        county_code: where it is.
        chain: whether a chain's headquarters applies with its stores; pharmacies only.
        key: made when the form was rendered.
        demo: invented.
        by: the visitor.
        at: when.

    Raises:
        KindDoesNotApply, NameMissing, UnknownCounty: what is wrong.

    """
    check_applying_kind(kind)
    name = _name(name)
    # One beginning at a time in a county, so that one form sent twice at once begins one application; rows that only
    # name the county do not wait.
    county = select(County.code).where(County.code == county_code).with_for_update(key_share=True)
    if db.session.scalar(county) is None:
        raise UnknownCounty(code=county_code)
    secret = _secret()
    hashed = hashlib.sha256(secret.encode()).hexdigest()
    known = db.session.scalar(select(Application).where(Application.form_key == key).with_for_update())
    if known is not None:
        known.secret_sha256 = hashed
        return Begun(known.number, secret)
    number = next_numbers(PREFIX, at=at)[0]
    found = Application(
        number=number, secret_sha256=hashed, state=ApplicationState.DRAFT, demo=demo, kind=kind,
        chain=chain and kind is InstitutionKind.RETAIL_PHARMACY, name=name, county_code=county_code, facts={},
        began_at=at, moved_at=at, form_key=key,
    )  # fmt: skip
    db.session.add(found)
    db.session.flush()
    write(
        found, ApplicationStep.BEGIN, "begin_application", _APPLICANT, by=by, at=at,
        after={"name": name, "kind": kind.value},
    )  # fmt: skip
    return Begun(number, secret)


def _unsign(found: Application) -> None:
    """Take the signature off: the letter was signed for something else."""
    found.letter_version, found.signed_by, found.signed_device, found.signed_mark = "", "", "", ""
    found.signed_at = None


@transactional
def fill_in_unit(
    number: str, unit: Unit, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Application:
    """Store the first part: who and where, licence, legal representative, telephone.

    A letter that was signed under another name or identity code has to be signed again.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: it can't be filled in.
        NameMissing, FieldMissing, UnknownCounty, CreditCodeRefused, InstitutionCodeRefused, PhoneNotUnderstood: what
            is wrong.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    step(found, sides, ApplicationStep.FILL_IN)
    name, uscc = _name(unit.name), check_credit_code(unit.uscc)
    nhsa_code = check_institution_code(unit.nhsa_code) if unit.nhsa_code.strip() else ""
    phone = check_phone(unit.phone)
    if not db.session.scalar(select(exists().where(County.code == unit.county_code))):
        raise UnknownCounty(code=unit.county_code)
    before = {"name": found.name, "uscc": found.uscc, "phone": found.phone}
    if (found.name, found.uscc) != (name, uscc):
        _unsign(found)
    found.name, found.uscc, found.phone = name, uscc, phone
    found.county_code, found.nhsa_code = unit.county_code, nhsa_code
    found.township, found.address = unit.township.strip()[:64], unit.address.strip()[:200]
    found.licence_no, found.licence_until = unit.licence_no.strip()[:64], unit.licence_until
    found.legal_rep, found.contact = unit.legal_rep.strip()[:40], unit.contact.strip()[:40]
    found.business = remark(unit.business)
    for field in ("address", "licence_no", "legal_rep", "contact"):
        if not getattr(found, field):
            raise FieldMissing(field=field)
    note_nearest(found)
    write(
        found, ApplicationStep.FILL_IN, "fill_in_unit", _APPLICANT, by=by, at=at, event=False,
        before=before, after={"name": name, "uscc": uscc, "phone": phone},
    )  # fmt: skip
    return found


@transactional
def fill_in_place(
    number: str,
    place: Place,
    *,
    people: int | None = None,
    people_source: str = "",
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Application:
    """Store where the unit is and how many people it serves; the nearest designated pharmacy is looked for.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: it can't be filled in.
        PeopleMissing: a pharmacy tells the figure and where it is from.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    step(found, sides, ApplicationStep.FILL_IN)
    source = people_source.strip()[:200]
    if found.kind is InstitutionKind.RETAIL_PHARMACY and (people is None or not source):
        raise PeopleMissing
    found.lng, found.lat, found.people, found.people_source = place.lng, place.lat, people, source
    note_nearest(found)
    write(
        found, ApplicationStep.FILL_IN, "fill_in_place", _APPLICANT, by=by, at=at, event=False,
        after={"lng": place.lng, "lat": place.lat, "people": people, "nearest_m": found.nearest_m},
    )  # fmt: skip
    return found


@transactional
def put_store(
    number: str,
    code: str,
    name: str,
    address: str,
    place: Place,
    people: int,
    *,
    county_code: str,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Application:
    """Add a store of the chain; its distance to the nearest designated pharmacy is looked for.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: it can't be filled in.
        InstitutionCodeRefused, NameMissing, FieldMissing, StoreTwice, TooManyStores, UnknownCounty: what is wrong.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    step(found, sides, ApplicationStep.FILL_IN)
    code, name, address = check_institution_code(code), _name(name), address.strip()[:200]
    if not address:
        raise FieldMissing(field="address")
    if not db.session.scalar(select(exists().where(County.code == county_code))):
        raise UnknownCounty(code=county_code)
    held = {store.nhsa_code for store in stores_of(found.id)}
    if code in held or code == found.nhsa_code:
        raise StoreTwice(code=code)
    if len(held) >= MOST_STORES:
        raise TooManyStores(limit=MOST_STORES)
    # A chain's own stores that are designated already compete with nobody but others.
    near = near_to(place, code, found.nhsa_code, *held)
    db.session.add(
        ApplicationStore(
            application_id=found.id, name=name, county_code=county_code, nhsa_code=code, address=address,
            lng=place.lng, lat=place.lat, people=people,
            nearest_m=None if near is None else whole_metres(place, near.place),
            nearest_name="" if near is None else near.name,
        )
    )  # fmt: skip
    write(
        found, ApplicationStep.FILL_IN, "put_store", _APPLICANT, by=by, at=at, event=False,
        after={"code": code, "name": name},
    )  # fmt: skip
    return found


@transactional
def remove_store(
    number: str, code: str, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Application:
    """Take a store out of the list.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: there is none, or it can't be changed.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    step(found, sides, ApplicationStep.FILL_IN)
    store = next((one for one in stores_of(found.id) if one.nhsa_code == code), None)
    if store is None:
        raise NotFound(number=code)
    db.session.delete(store)
    write(
        found, ApplicationStep.FILL_IN, "remove_store", _APPLICANT, by=by, at=at, event=False,
        before={"code": code, "name": store.name},
    )  # fmt: skip
    return found


@transactional
def declare_facts(
    number: str,
    facts: Mapping[NegativeFact, Declared],
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Application:
    """Store the answers to the negative list; whether they keep out is asked when the application is sent.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: it can't be filled in.
        FactsIncomplete, FactNeedsDay, FactDayAhead: what is wrong.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    step(found, sides, ApplicationStep.FILL_IN)
    check_declared(facts, on=day_in_china(at))
    found.facts = {
        fact.value: {"holds": said.holds, "day": said.day.isoformat() if said.day else None}
        for fact, said in facts.items()
    }
    write(
        found, ApplicationStep.FILL_IN, "declare_facts", _APPLICANT, by=by, at=at, event=False,
        after={"facts": [fact.value for fact, said in facts.items() if said.holds]},
    )  # fmt: skip
    return found


@transactional
def attach_papers(
    number: str,
    use: FileUse,
    files: Sequence[AttachedFile],
    *,
    seen_version: int | None = None,
    by: Actor,
    at: datetime,
) -> Application:
    """Attach papers that were checked and stored.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: it can't be filled in.
        TooManyFiles: more than an application takes.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    step(found, sides, ApplicationStep.FILL_IN)
    # Those taken out again count too: the folder keeps them.
    held = db.session.scalar(
        select(func.count()).select_from(ApplicationFile).where(ApplicationFile.application_id == found.id)
    )
    if (held or 0) + len(files) > MOST_PAPERS:
        raise TooManyFiles(limit=MOST_PAPERS)
    db.session.add_all(
        ApplicationFile(
            application_id=found.id, use=use, name=one.name, media_type=one.media_type.value, size=one.size,
            sha256=one.sha256, stored_as=one.stored_as, at=at,
        )
        for one in files
    )  # fmt: skip
    write(
        found, ApplicationStep.FILL_IN, "attach_papers", _APPLICANT, by=by, at=at, event=False,
        after={"files": len(files)},
    )  # fmt: skip
    return found


@transactional
def remove_paper(
    number: str, file_id: int, *, seen_version: int | None = None, by: Actor, at: datetime
) -> Application:
    """Take an attached paper out again.

    Raises:
        NotFound, ChangedMeanwhile, ApplicationStepNotAllowed: there is none, or it can't be changed.

    """
    found, sides = take(number, by=by, seen_version=seen_version)
    step(found, sides, ApplicationStep.FILL_IN)
    paper = file_of(found.id, file_id)
    if paper is None or paper.removed_at is not None:
        raise NotFound(number=number)
    paper.removed_at = at
    write(
        found, ApplicationStep.FILL_IN, "remove_paper", _APPLICANT, by=by, at=at, event=False,
        before={"name": paper.name},
    )  # fmt: skip
    return found
