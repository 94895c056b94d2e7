"""What stands beside a price and a pack size: where they come from."""

from __future__ import annotations

from flask_babel import gettext as _


def price_basis(document: str | None, batch: str, year: int | None) -> str:
    """What stands beside a price: its document, and the batch and year of the selection unless that names them."""
    of_batch = _("%(batch)s, %(year)s", batch=batch, year=year) if year else batch
    if not document:
        return of_batch
    return document if batch and batch in document else f"{document} · {of_batch}"


def is_inferred(pack_size_basis: str) -> bool:
    """Whether the pack size was worked out from prices and not read from a source."""
    return pack_size_basis.startswith("inferred")
