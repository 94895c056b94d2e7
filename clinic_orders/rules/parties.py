"""Who takes part: kinds of institution, roles of people, what a role may do (R-ROSTER-1, product.md).

Three questions are kept apart. *May this kind of person come to this page?* is answered by GRANTS.
*Which rows?* is answered by the queries' ``visible_to(actor)``. *May this person do this step now?* is
answered by the table of steps in ``rules.ordering``.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from clinic_orders.rules.errors import N_, RuleBroken


class InstitutionKind(StrEnum):
    """The six kinds of institution of R-ROSTER-1; the first four are public."""

    TOWNSHIP_HOSPITAL = "township_hospital"
    COMMUNITY_HEALTH_CENTER = "community_health_center"
    VILLAGE_CLINIC = "village_clinic"
    COMMUNITY_HEALTH_STATION = "community_health_station"
    PRIVATE_INSTITUTION = "private_institution"
    RETAIL_PHARMACY = "retail_pharmacy"


PUBLIC_KINDS = frozenset(
    {
        InstitutionKind.TOWNSHIP_HOSPITAL,
        InstitutionKind.COMMUNITY_HEALTH_CENTER,
        InstitutionKind.VILLAGE_CLINIC,
        InstitutionKind.COMMUNITY_HEALTH_STATION,
    }
)
SUPERVISED_KINDS = frozenset({InstitutionKind.VILLAGE_CLINIC, InstitutionKind.COMMUNITY_HEALTH_STATION})
SUPERVISING_KINDS = frozenset({InstitutionKind.TOWNSHIP_HOSPITAL, InstitutionKind.COMMUNITY_HEALTH_CENTER})


class OrderMode(StrEnum):
    """On whose behalf an order is made (R-ORD-1): by the receiver, by its hospital, by its medical community."""

    DIRECT = "direct"
    PROXY = "proxy"
    MEDICAL_COMMUNITY = "medical_community"


class Role(StrEnum):
    """What a person is in one organisation. One person may hold several, one is active at a time."""

    INSTITUTION = "institution"
    HOSPITAL = "hospital"
    DISTRIBUTOR = "distributor"
    COUNTY = "county"
    CITY = "city"
    OPERATOR = "operator"
    SYSTEM = "system"


BUREAU_ROLES = frozenset({Role.COUNTY, Role.CITY})
BUYER_ROLES = frozenset({Role.INSTITUTION, Role.HOSPITAL})


class Permission(StrEnum):
    """One kind of page or deed, named ``<resource>:<action>``. Keep the list alphabetical."""

    ACCOUNTS_MANAGE = "accounts:manage"
    ALARMS_READ = "alarms:read"
    APPLICATIONS_HANDLE = "applications:handle"
    ASSESSMENT_DECIDE = "assessment:decide"
    ASSESSMENT_READ = "assessment:read"
    ASSESSMENT_SCORE = "assessment:score"
    AUDIT_READ = "audit:read"
    CASES_HANDLE = "cases:handle"
    CATALOGUE_MANAGE = "catalogue:manage"
    CATALOGUE_READ = "catalogue:read"
    COMPLAINTS_HANDLE = "complaints:handle"
    CLUES_ANSWER = "clues:answer"
    CLUES_HANDLE = "clues:handle"
    DELIVERIES_ACCEPT = "deliveries:accept"
    DELIVERIES_SHIP = "deliveries:ship"
    FILES_EXPORT = "files:export"
    FILES_IMPORT = "files:import"
    FINDINGS_DECIDE = "findings:decide"
    FINDINGS_READ = "findings:read"
    INSPECTIONS_HANDLE = "inspections:handle"
    JOBS_RUN = "jobs:run"
    LETTERS_ANSWER = "letters:answer"
    MONTH_CLOSE = "month:close"
    ORDERS_ANSWER = "orders:answer"
    ORDERS_MATCH = "orders:match"
    ORDERS_PLACE = "orders:place"
    ORDERS_READ = "orders:read"
    PACKS_READ = "packs:read"
    PAYMENTS_READ = "payments:read"
    PAYMENTS_RECORD = "payments:record"
    PAYMENTS_UPHOLD = "payments:uphold"
    POLICY_MANAGE = "policy:manage"
    POLICY_READ = "policy:read"
    REPORTS_MAKE = "reports:make"
    REPORTS_READ = "reports:read"
    ROSTER_MANAGE = "roster:manage"
    ROSTER_READ = "roster:read"
    SELF = "self:manage"
    STAGES_READ = "stages:read"
    STATISTICS_READ = "statistics:read"
    STOCK_READ = "stock:read"
    SUPPLY_READ = "supply:read"
    SUPPLY_REPORT = "supply:report"
    SUPPLY_VERIFY = "supply:verify"
    TOKENS_MANAGE = "tokens:manage"
    VOLUME_AGREE = "volume:agree"
    WEBHOOKS_MANAGE = "webhooks:manage"


_EVERYONE = frozenset(
    {Permission.SELF, Permission.CATALOGUE_READ, Permission.POLICY_READ, Permission.WEBHOOKS_MANAGE}
)
_BUYER = _EVERYONE | {
    Permission.ASSESSMENT_READ,
    Permission.CLUES_ANSWER,
    Permission.FINDINGS_READ,
    Permission.LETTERS_ANSWER,
    Permission.PACKS_READ,
    Permission.SUPPLY_READ,
    Permission.SUPPLY_REPORT,
    Permission.ORDERS_PLACE,
    Permission.ORDERS_READ,
    Permission.DELIVERIES_ACCEPT,
    Permission.PAYMENTS_READ,
    Permission.PAYMENTS_RECORD,
    Permission.REPORTS_MAKE,
    Permission.STAGES_READ,
    Permission.AUDIT_READ,
}
_COUNTY = _EVERYONE | {
    Permission.APPLICATIONS_HANDLE,
    Permission.ASSESSMENT_READ,
    Permission.ASSESSMENT_SCORE,
    Permission.CASES_HANDLE,
    Permission.COMPLAINTS_HANDLE,
    Permission.INSPECTIONS_HANDLE,
    Permission.CLUES_HANDLE,
    Permission.FINDINGS_READ,
    Permission.FINDINGS_DECIDE,
    Permission.PACKS_READ,
    Permission.SUPPLY_READ,
    Permission.SUPPLY_REPORT,
    Permission.SUPPLY_VERIFY,
    Permission.ROSTER_READ,
    Permission.REPORTS_READ,
    Permission.ORDERS_READ,
    Permission.ORDERS_MATCH,
    Permission.PAYMENTS_READ,
    Permission.PAYMENTS_UPHOLD,
    Permission.ALARMS_READ,
    Permission.AUDIT_READ,
    Permission.FILES_EXPORT,
    Permission.ACCOUNTS_MANAGE,
    Permission.STAGES_READ,
    Permission.STATISTICS_READ,
    Permission.STOCK_READ,
}

GRANTS: dict[Role, frozenset[Permission]] = {
    Role.INSTITUTION: _BUYER,
    Role.HOSPITAL: _BUYER | {Permission.STOCK_READ},
    Role.DISTRIBUTOR: _EVERYONE
    | {
        Permission.FINDINGS_READ,
        Permission.LETTERS_ANSWER,
        Permission.PACKS_READ,
        Permission.SUPPLY_READ,
        Permission.SUPPLY_REPORT,
        Permission.ORDERS_READ,
        Permission.ORDERS_ANSWER,
        Permission.DELIVERIES_SHIP,
        Permission.PAYMENTS_READ,
        Permission.PAYMENTS_RECORD,
        Permission.AUDIT_READ,
    },
    Role.COUNTY: _COUNTY,
    Role.CITY: _COUNTY
    | {
        Permission.ASSESSMENT_DECIDE,
        Permission.ROSTER_MANAGE,
        Permission.CATALOGUE_MANAGE,
        Permission.POLICY_MANAGE,
        Permission.FILES_IMPORT,
        Permission.JOBS_RUN,
        Permission.MONTH_CLOSE,
        Permission.VOLUME_AGREE,
    },
    Role.OPERATOR: frozenset(
        {
            Permission.SELF,
            Permission.ACCOUNTS_MANAGE,
            Permission.AUDIT_READ,
            Permission.JOBS_RUN,
            Permission.POLICY_READ,
            Permission.TOKENS_MANAGE,
        }
    ),
    Role.SYSTEM: frozenset(Permission),
}


class NotAllowed(RuleBroken):
    """The role does not carry the permission; the page says who can help."""

    message = N_("Your role may not do this. Ask your county medical-security bureau if you think it should.")


@dataclass(frozen=True, slots=True)
class Actor:
    """Who does a deed: a person in one organisation, or the system itself.

    Attributes:
        name: the person's name as it stands in the history.
        role: the active role.
        user_id: row id of the account; None for the system.
        institution_id: the organisation of INSTITUTION and HOSPITAL.
        distributor_id: the organisation of DISTRIBUTOR.
        county_code: the only county that COUNTY sees.
        org_name: the organisation's name as shown in the page head.
        place: where the organisation is, for the page head.

    """

    name: str
    role: Role
    user_id: int | None = None
    institution_id: int | None = None
    distributor_id: int | None = None
    county_code: str | None = None
    org_name: str = ""
    place: str = ""

    @property
    def permissions(self) -> frozenset[Permission]:
        """What the active role may do."""
        return GRANTS[self.role]

    def may(self, permission: Permission) -> bool:
        """Whether the active role carries the permission."""
        return permission in GRANTS[self.role]

    def need(self, permission: Permission) -> None:
        """Raise NotAllowed unless the active role carries the permission."""
        if permission not in GRANTS[self.role]:
            raise NotAllowed()


SYSTEM = Actor(name="system", role=Role.SYSTEM)
