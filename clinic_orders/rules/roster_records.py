"""What a dated record of the roster must be to be stored, and the membership that records tell of (section 1)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from itertools import pairwise
from typing import Protocol

from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import SUPERVISED_KINDS, SUPERVISING_KINDS, InstitutionKind
from clinic_orders.rules.roster import Days


class UnknownCounty(RuleBroken):
    """The county is not one of the prefecture's."""

    message = N_("%(code)s is not a county of this prefecture. Use its statistical code of six digits.")


class CodeOfCounty(RuleBroken):
    """Delivery relations name their scope by code, so an institution can't have a county's."""

    message = N_("%(code)s is the code of a county. An institution needs a code of its own.")


class LeftBeforeJoined(RuleBroken):
    """A membership's last day lies before its first (R-ROSTER-3)."""

    message = N_("The last day (%(last)s) is before the first day (%(first)s). Correct one of them.")


class MembershipsOverlap(RuleBroken):
    """Two memberships of one institution share days (R-ROSTER-3)."""

    message = N_(
        "%(code)s has been a member since %(first)s and would join again on %(second)s."
        " Give the earlier membership a last day before that, or correct the first day."
    )


class NotASupervisor(RuleBroken):
    """Only a township hospital or a community health center supervises (R-ROSTER-5)."""

    message = N_(
        "%(code)s is not a township hospital or a community health center, so it can't be the supervising hospital."
    )


class HasNoSupervisor(RuleBroken):
    """Only village clinics and stations have a supervising hospital (R-ROSTER-5)."""

    message = N_(
        "Only village clinics and community health stations have a supervising hospital. Leave it empty."
    )


class OwnSupervisor(RuleBroken):
    """An institution can't supervise itself."""

    message = N_("%(code)s can't be its own supervising hospital.")


class NotALeadHospital(RuleBroken):
    """A medical community is led by a hospital (R-ROSTER-1)."""

    message = N_("%(code)s is not a hospital, so it can't lead a medical community.")


class StillSupervises(RuleBroken):
    """A hospital on which villages depend can't become something else."""

    message = N_("%(code)s supervises other institutions. Give them another supervising hospital first.")


class RecordTwice(RuleBroken):
    """Two rows of one file describe the same record."""

    message = N_("%(key)s stands in this file more than once. Keep one of the rows.")


class NotAMember(RuleBroken):
    """There is no membership that could end."""

    message = N_("%(code)s was not a member on %(day)s.")


class StillAMember(RuleBroken):
    """A membership begins again only after the last one has ended."""

    message = N_(
        "%(code)s is still a member on %(day)s. Its membership has to end before it can begin again."
    )


class LastDayBeforeFirst(RuleBroken):
    """A period ends before it begins."""

    message = N_("The last day (%(last)s) is before the first day (%(first)s). Correct one of them.")


class MandateOfOthers(RuleBroken):
    """Only villages and stations give mandates, and only to hospitals (R-ROSTER-5)."""

    message = N_("A mandate is given by a village clinic or station to a township hospital or health center.")


class MandateThere(RuleBroken):
    """The hospital already has the mandate on some of these days."""

    message = N_(
        "The hospital already has this mandate from %(first)s on. End it first, or choose other days."
    )


class ReasonMissing(RuleBroken):
    """What takes a right away says why (R-CASE-4)."""

    message = N_("Say why. The institution reads this reason.")


class DocumentMissing(RuleBroken):
    """A suspension is a numbered document (R-CASE-2)."""

    message = N_("Give the number of the document on which this rests.")


class SuspensionOverlaps(RuleBroken):
    """One suspension at a time."""

    message = N_("It is already suspended from %(first)s to %(last)s. Lift that first, or choose other days.")


class LiftedOutside(RuleBroken):
    """A suspension can be lifted only on one of its days."""

    message = N_("It can be lifted on a day from %(first)s to %(last)s.")


class LiftedAlready(RuleBroken):
    """A suspension is lifted once."""

    message = N_("It was already lifted on %(day)s.")


class EndsOn(RuleBroken):
    """A relation ends once."""

    message = N_("It already ends on %(day)s. Change its days if that is wrong.")


class MembershipFacts(Protocol):
    """What a dated record says about membership."""

    @property
    def valid_from(self) -> date: ...  # noqa: D102 - the names say it.
    @property
    def joined_on(self) -> date: ...  # noqa: D102
    @property
    def left_on(self) -> date | None: ...  # noqa: D102


def spells_of(code: str, records: Iterable[MembershipFacts]) -> list[Days]:
    """The memberships that an institution's dated records tell of, in order (R-ROSTER-3).

    Records with the same first day speak of one membership, and the newest of them knows its last day. A new
    first day is a new membership.

    Raises:
        LeftBeforeJoined: a membership ends before it begins.
        MembershipsOverlap: the next one begins before the last has ended.

    """
    last_of: dict[date, date | None] = {}
    for record in sorted(records, key=lambda record: record.valid_from):
        last_of[record.joined_on] = record.left_on
    spells = [Days(first, last) for first, last in sorted(last_of.items())]
    for spell in spells:
        if spell.last is not None and spell.last < spell.first:
            raise LeftBeforeJoined(first=spell.first, last=spell.last)
    for earlier, later in pairwise(spells):
        if later.first in earlier:
            raise MembershipsOverlap(code=code, first=earlier.first, second=later.first)
    return spells


def check_supervisor(
    code: str, kind: InstitutionKind, supervisor: str, supervisor_kind: InstitutionKind
) -> None:
    """Check that an institution of this kind may have that supervising hospital (R-ROSTER-5).

    Raises:
        OwnSupervisor, HasNoSupervisor, NotASupervisor: it may not.

    """
    if supervisor == code:
        raise OwnSupervisor(code=code)
    if kind not in SUPERVISED_KINDS:
        raise HasNoSupervisor
    if supervisor_kind not in SUPERVISING_KINDS:
        raise NotASupervisor(code=supervisor)


_NO_LEAD = SUPERVISED_KINDS | {InstitutionKind.RETAIL_PHARMACY}


def check_lead_hospital(lead: str, lead_kind: InstitutionKind) -> None:
    """Check that an institution can lead a medical community (R-ROSTER-1).

    Raises:
        NotALeadHospital: a clinic, a station or a pharmacy.

    """
    if lead_kind in _NO_LEAD:
        raise NotALeadHospital(code=lead)


def check_county(code: str, county_code: str, counties: Collection[str]) -> None:
    """Check that the county exists and the institution's code is not one of a county.

    Raises:
        UnknownCounty, CodeOfCounty: they do not hold.

    """
    if code in counties:
        raise CodeOfCounty(code=code)
    if county_code not in counties:
        raise UnknownCounty(code=county_code)
