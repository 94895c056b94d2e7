"""Open a matter to the public and close it, hide a telephone, keep the price comparison of a month (decision 0043)."""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import delete, insert, select

from clinic_orders.actions import audit
from clinic_orders.actions.loading import ChangedMeanwhile, NotFound
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.publicity import HiddenPhone, PriceComparison, PublicMatter
from clinic_orders.models.roster import Institution
from clinic_orders.queries.publicity.comparison import posted_at_end_of
from clinic_orders.queries.roster import institutions_of
from clinic_orders.rules.days import Month, day_in_china
from clinic_orders.rules.parties import Actor, Permission
from clinic_orders.rules.publicity import Matter, MatterUnchanged


@transactional
def decide_matter(
    matter: Matter, *, open_it: bool, seen: int, document_no: str = "", by: Actor, at: datetime
) -> None:
    """Open a matter to the public, or close it.

    Args:
        matter: which.
        open_it: whether the public may see it from now on.
        seen: the version of the decision as the page showed it; 0 = none yet.
        document_no: the document it rests on, if there is one.
        by: who; the city's office.
        at: when.

    Raises:
        NotAllowed, ChangedMeanwhile, MatterUnchanged: why not.

    """
    by.need(Permission.POLICY_MANAGE)
    row = db.session.get(PublicMatter, matter, populate_existing=True, with_for_update=True)
    if seen != (0 if row is None else row.version):
        raise ChangedMeanwhile(number=matter.value)
    before = False if row is None else row.open
    if before == open_it:
        raise MatterUnchanged
    if row is None:
        row = PublicMatter(matter=matter, open=open_it, decided_at=at, decided_by=by.name)
        db.session.add(row)
    row.open, row.document_no = open_it, document_no.strip()[:128]
    row.decided_at, row.decided_by, row.decided_by_id = at, by.name, by.user_id
    db.session.flush()
    audit.record(
        "decide_matter",
        by=by,
        at=at,
        subject_type="public_matter",
        subject=matter.value,
        before={"open": before},
        after={"open": open_it, "document_no": row.document_no},
    )


@transactional
def show_phone(institution_id: int, *, shown: bool, by: Actor, at: datetime) -> bool:
    """Say whether the public sees an institution's telephone; its own people or the city decide.

    Returns:
        whether anything changed.

    Raises:
        NotAllowed: by this role.
        NotFound: the actor does not see the institution.

    """
    if institution_id != by.institution_id:
        by.need(Permission.ROSTER_MANAGE)
    found = db.session.scalar(
        select(Institution)
        .where(
            Institution.id == institution_id,
            institutions_of(by, Institution.id, day_in_china(at)),
        )
        .with_for_update()
    )
    if found is None:
        raise NotFound(number=str(institution_id))
    hidden = db.session.get(HiddenPhone, institution_id)
    if (hidden is None) == shown:
        return False
    if hidden is None:
        db.session.add(HiddenPhone(institution_id=institution_id, hidden_at=at, hidden_by=by.name))
    else:
        db.session.delete(hidden)
    audit.record(
        "show_phone",
        by=by,
        at=at,
        subject_type="institution",
        subject_id=institution_id,
        subject=found.code,
        institution_id=institution_id,
        before={"open": not shown},
        after={"open": shown},
    )
    return True


@transactional
def keep_comparison(month: Month, *, by: Actor, at: datetime) -> int:
    """Keep what was posted at the end of a month, by item and county; made again, it replaces what was kept.

    Returns:
        how many rows it has.

    Raises:
        NotAllowed: by this role.

    """
    by.need(Permission.MONTH_CLOSE)
    rows = [
        {
            "month": str(month),
            "item_id": row.item_id,
            "county_code": row.county_code,
            "shops": row.shops,
            "lowest": row.lowest,
            "highest": row.highest,
            "total": row.total,
            "made_at": at,
        }
        for row in posted_at_end_of(month)
    ]
    db.session.execute(delete(PriceComparison).where(PriceComparison.month == str(month)))
    for first in range(0, len(rows), 1000):
        db.session.execute(insert(PriceComparison), rows[first : first + 1000])
    audit.record(
        "keep_comparison",
        by=by,
        at=at,
        subject_type="price_comparison",
        subject=str(month),
        after={"rows": len(rows)},
    )
    return len(rows)
