"""The names of roles, kinds of institution and modes of ordering on screen."""

from __future__ import annotations

from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import InstitutionKind, OrderMode, Role
from clinic_orders.web.display import register_labels

register_labels(
    {
        Role.INSTITUTION: N_("Ordering institution"),
        Role.HOSPITAL: N_("Supervising hospital"),
        Role.DISTRIBUTOR: N_("Distributor"),
        Role.COUNTY: N_("County bureau"),
        Role.CITY: N_("City bureau"),
        Role.OPERATOR: N_("Operator"),
        Role.SYSTEM: N_("The system"),
    }
)
register_labels(
    {
        InstitutionKind.TOWNSHIP_HOSPITAL: N_("Township hospital"),
        InstitutionKind.COMMUNITY_HEALTH_CENTER: N_("Community health center"),
        InstitutionKind.VILLAGE_CLINIC: N_("Village clinic"),
        InstitutionKind.COMMUNITY_HEALTH_STATION: N_("Community health station"),
        InstitutionKind.PRIVATE_INSTITUTION: N_("Private institution"),
        InstitutionKind.RETAIL_PHARMACY: N_("Retail pharmacy"),
    }
)
register_labels(
    {
        OrderMode.DIRECT: N_("Ordered by itself"),
        OrderMode.PROXY: N_("Ordered by the hospital"),
        OrderMode.MEDICAL_COMMUNITY: N_("Ordered by the medical community"),
    }
)
