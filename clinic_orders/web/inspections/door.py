"""The blueprint of inspections, and what its pages share."""

from __future__ import annotations

import secrets
from itertools import groupby

from flask import Blueprint

from clinic_orders.rules.inspection.checklist import ChecklistItem, ItemGroup

blueprint = Blueprint("inspections", __name__, url_prefix="/inspections")


def fresh_key() -> str:
    """A key for a form that does something once."""
    return secrets.token_urlsafe(24)


def by_group(items: list[ChecklistItem]) -> list[tuple[ItemGroup, list[ChecklistItem]]]:
    """The lines of a checklist under their headings, in its order."""
    return [(group, list(found)) for group, found in groupby(items, key=lambda item: item.group)]
