"""Load the administrative divisions: counties, townships, villages."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from sqlalchemy import insert, select

from clinic_orders.actions import audit
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import Base, db
from clinic_orders.models.roster import County, Township, Village
from clinic_orders.rules.parties import Actor

Rows = Sequence[Mapping[str, str]]


def _add_missing(model: type[Base], rows: list[dict[str, object]]) -> int:
    known = set(db.session.scalars(select(model.__table__.c.code)))
    new = [row for row in rows if row["code"] not in known]
    if new:
        db.session.execute(insert(model), new)
    return len(new)


@transactional
def load_divisions(files: Mapping[str, Rows], *, by: Actor, at: datetime) -> dict[str, int]:
    """Add the divisions that are not there yet; those that are stay as they are.

    Args:
        files: rows by file name: ``counties`` (code, name, kind, label_lng, label_lat in degrees),
            ``townships`` (code, name, county_code), ``villages`` (code, name, township_code).
        by: who loads them.
        at: the instant of the deed.

    Returns:
        How many of each file were added.

    """
    added = {
        "counties": _add_missing(
            County,
            [
                {
                    "code": row["code"],
                    "name": row["name"],
                    "kind": row.get("kind", ""),
                    "label_lng": float(row["label_lng"]) if row.get("label_lng") else None,
                    "label_lat": float(row["label_lat"]) if row.get("label_lat") else None,
                }
                for row in files["counties"]
            ],
        ),
        "townships": _add_missing(
            Township,
            [{key: row[key] for key in ("code", "name", "county_code")} for row in files["townships"]],
        ),
        "villages": _add_missing(
            Village,
            [{key: row[key] for key in ("code", "name", "township_code")} for row in files["villages"]],
        ),
    }
    if any(added.values()):
        audit.record("load_divisions", by=by, at=at, subject_type="divisions", after=added)
    return added
