"""People for tests: two counties, institutions with their kinds, distributors, and an account for every role."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, date, datetime

from clinic_orders.actions import accounts
from clinic_orders.models.accounts import User
from clinic_orders.models.base import db
from clinic_orders.models.roster import County, Distributor, Institution, InstitutionRecord, Membership
from clinic_orders.rules.parties import SYSTEM, InstitutionKind, Role

NOW = datetime(2026, 11, 20, 1, 41, tzinfo=UTC)
LONG_AGO = datetime(2026, 1, 1, tzinfo=UTC)
SONG, YI = "410325", "410329"
PASSWORD = "小麦熟了，六月天"
# Of PASSWORD; hashing it for every test would cost more than the tests themselves.
HASH = accounts.hash_password(PASSWORD)


@dataclass
class People:
    """Whom the tests speak of; ``users`` holds an account for every role."""

    institutions: dict[str, Institution] = field(default_factory=dict)
    distributor: Distributor | None = None
    users: dict[Role, User] = field(default_factory=dict)


def make_institution(
    code: str,
    name: str,
    *,
    county: str = SONG,
    kind: InstitutionKind = InstitutionKind.VILLAGE_CLINIC,
    township: str = "车村镇",
    joined_on: date = date(2026, 1, 1),
    left_on: date | None = None,
    headquarters: Institution | None = None,
    supervisor: Institution | None = None,
) -> Institution:
    """An institution with one record."""
    institution = Institution(code=code, demo=False, recorded_at=LONG_AGO)
    institution.records.append(
        InstitutionRecord(
            valid_from=joined_on,
            name=name,
            kind=kind,
            county_code=county,
            township=township,
            joined_on=joined_on,
            left_on=left_on,
            headquarters_id=headquarters.id if headquarters else None,
            supervisor_id=supervisor.id if supervisor else None,
            recorded_at=LONG_AGO,
        )
    )
    institution.memberships.append(Membership(joined_on=joined_on, left_on=left_on))
    db.session.add(institution)
    db.session.flush()
    return institution


def make_user(
    username: str,
    role: Role,
    *,
    name: str = "王桂兰",
    must_change_password: bool = False,
    password_hash: str = HASH,
    **place: object,
) -> User:
    """A person with one role, whose password is PASSWORD."""
    user = User(
        username=username,
        name=name,
        password_hash=password_hash,
        must_change_password=must_change_password,
        created_at=LONG_AGO,
    )
    db.session.add(user)
    db.session.flush()
    accounts.assign_role(
        user.id,
        role,
        valid_from=date(2026, 1, 1),
        by=SYSTEM,
        at=LONG_AGO,
        **place,  # type: ignore[arg-type]
    )
    return user


def make_people() -> People:
    """Two counties, a hospital with a village, a pharmacy, a chain, a distributor; everybody can log in."""
    db.session.add_all([County(code=SONG, name="嵩县", kind="县"), County(code=YI, name="伊川县", kind="县")])
    distributor = Distributor(code="D01", name="豫西安康医药配送有限公司", recorded_at=LONG_AGO)
    db.session.add(distributor)
    db.session.flush()
    people = People(distributor=distributor)
    hospital = make_institution("H01", "车村镇卫生院", kind=InstitutionKind.TOWNSHIP_HOSPITAL)
    people.institutions["hospital"] = hospital
    people.institutions["clinic"] = make_institution("V01", "明白川村卫生室", supervisor=hospital)
    people.institutions["elsewhere"] = make_institution("V02", "白元村卫生室", county=YI, township="白元镇")
    users = people.users
    users[Role.INSTITUTION] = make_user(
        "V01", Role.INSTITUTION, institution_id=people.institutions["clinic"].id
    )
    users[Role.HOSPITAL] = make_user("H01", Role.HOSPITAL, institution_id=hospital.id)
    users[Role.DISTRIBUTOR] = make_user("D01", Role.DISTRIBUTOR, distributor_id=distributor.id)
    users[Role.COUNTY] = make_user("13800000001", Role.COUNTY, county_code=SONG)
    users[Role.CITY] = make_user("13800000002", Role.CITY)
    users[Role.OPERATOR] = make_user("operator", Role.OPERATOR)
    db.session.commit()
    return people
