"""What the demonstration shows the public: everything is open, one pharmacy leaves its telephone unsaid."""

from __future__ import annotations

from datetime import datetime

from clinic_orders.actions.publicity import decide_matter, keep_comparison, show_phone
from clinic_orders.exchange.demonstration.world import Demonstration
from clinic_orders.queries.demonstration import institution_id
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.parties import SYSTEM, Actor, InstitutionKind
from clinic_orders.rules.publicity import Matter

DOCUMENT = "演示：洛医保公开〔2026〕1 号"


def open_to_the_public(world: Demonstration, *, officer: Actor, at: datetime) -> None:
    """Open every matter on an invented document and keep the comparison of the month before."""
    for matter in Matter:
        decide_matter(matter, open_it=True, seen=0, document_no=DOCUMENT, by=officer, at=at)
    shop = next(place for place in world.places if place.kind is InstitutionKind.RETAIL_PHARMACY)
    show_phone(institution_id(shop.code), shown=False, by=officer, at=at)
    keep_comparison(Month.of(day_in_china(at)).previous(), by=SYSTEM, at=at)
