"""What the demonstration asks before it fills a database."""

from __future__ import annotations

from decimal import Decimal

from sqlalchemy import exists, func, select

from clinic_orders.models.accounts import User
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import GoodsReturn, Shipment
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.models.payments import Payment
from clinic_orders.models.pharmacies import DesignatedPharmacy
from clinic_orders.models.roster import Distributor, Institution, InstitutionRecord


def is_empty() -> bool:
    """Whether nobody has used this database: no institution, item or account."""
    return not any(
        db.session.scalar(select(exists().where(model.id > 0))) for model in (Institution, Item, User)
    )


def pharmacies_of(county: str) -> list[tuple[Decimal, Decimal]]:
    """Longitude and latitude of the designated pharmacies whose code is of a county, by code."""
    rows = db.session.execute(
        select(DesignatedPharmacy.lng, DesignatedPharmacy.lat)
        .where(DesignatedPharmacy.replaced_at.is_(None), DesignatedPharmacy.code.like(f"_{county}%"))
        .order_by(DesignatedPharmacy.code)
    )
    return [(lng, lat) for lng, lat in rows]


def counts() -> dict[str, int]:
    """How many records there are of what matters."""
    tables = {
        "institutions": Institution,
        "distributors": Distributor,
        "items": Item,
        "orders": Order,
        "order_lines": OrderLine,
        "receipts": Shipment,
        "returns": GoodsReturn,
        "payments": Payment,
        "accounts": User,
    }
    return {
        name: db.session.scalar(select(func.count()).select_from(table)) or 0
        for name, table in tables.items()
    }


def institution_id(code: str) -> int:
    """The row id of an institution by its code."""
    return db.session.execute(select(Institution.id).where(Institution.code == code)).scalar_one()


def distributor_id(code: str) -> int:
    """The row id of a distributor by its code."""
    return db.session.execute(select(Distributor.id).where(Distributor.code == code)).scalar_one()


def name_of(code: str) -> str:
    """The newest name of an institution."""
    return db.session.execute(
        select(InstitutionRecord.name)
        .join(Institution, Institution.id == InstitutionRecord.institution_id)
        .where(Institution.code == code, InstitutionRecord.valid_before.is_(None))
    ).scalar_one()
