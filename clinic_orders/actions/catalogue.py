"""Write items, prices and editions of the recommended catalogue (R-CAT)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from typing import Any, Final, cast

from sqlalchemy import Table, bindparam, select, update

from clinic_orders.actions import audit
from clinic_orders.actions.bulk import (
    NumberedRow,
    Problems,
    Stored,
    UnknownCode,
    delete_rows,
    in_parts,
    insert_rows,
    reserve_ids,
    update_rows,
)
from clinic_orders.actions.transaction import transactional
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Edition, EditionItem, Item, Price
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.parties import Actor, InstitutionKind, Permission
from clinic_orders.rules.pinyin import search_keys

_ITEMS: Final = cast("Table", Item.__table__)
_PRICES: Final = cast("Table", Price.__table__)
_EDITIONS: Final = cast("Table", Edition.__table__)
_EDITION_ITEMS: Final = cast("Table", EditionItem.__table__)
# Where a column of the file is called otherwise in the table.
_ITEM_COLUMNS: Final = {"group": "substitute_group"}
# Above this many changed records of one file a single audit entry sums them up; the batch names the file.
AUDITED_ONE_BY_ONE = 50


class PackIsFixed(RuleBroken):
    """The pack of an item code never changes: stock and sales count its base units (rules section 0)."""

    message = N_(
        "%(code)s has %(kept)s in a pack and keeps it, since stock and sales count by it. A new pack is a new item code."
    )


class EditionDays(RuleBroken):
    """One edition has one first day."""

    message = N_(
        "Edition %(edition)s begins on %(day)s in another row. All its rows have the same first day."
    )


class EditionThere(RuleBroken):
    """A new edition needs a name of its own."""

    message = N_("There is an edition %(edition)s already. Give the new one another name.")


class PriceThere(RuleBroken):
    """An item has one price a day; another one is a correction, with its reason."""

    message = N_(
        "%(code)s has a price from %(day)s already: %(price)s yuan. Choose another day, or correct that price."
    )


class PriceUnknown(RuleBroken):
    """There is nothing to correct."""

    message = N_("%(code)s has no price from %(day)s. Look at its prices and choose one of them.")


class CorrectionReasonMissing(RuleBroken):
    """A corrected price keeps the reason in the history."""

    message = N_("Say why the price is corrected. The reason stays in the history.")


def _suits_text(kinds: Iterable[InstitutionKind | str] | None) -> str:
    words = sorted({InstitutionKind(kind).value for kind in kinds or ()})
    return f";{';'.join(words)};" if words else ""


def _item_values(row: Mapping[str, Any]) -> dict[str, Any]:
    variety = row.get("variety") or f"{row['generic_name']}{row['form']}"
    return {
        "generic_name": row["generic_name"],
        "form": row["form"],
        "strength": row["strength"],
        "pack_size": row["pack_size"],
        "base_unit": row["base_unit"],
        "manufacturer": row["manufacturer"],
        "batch": row["batch"],
        "approval_no": row.get("approval_no") or "",
        "nhsa_code": row.get("nhsa_code") or "",
        "variety": variety,
        "group": row.get("group") or variety,
        "suits": _suits_text(row.get("suits")),
        "ceiling_price": row.get("ceiling_price"),
        "supplies_here": bool(row.get("supplies_here")),
        "cold_chain": bool(row.get("cold_chain")),
    }


def _with_keys(values: dict[str, Any]) -> dict[str, Any]:
    """The columns of an item, with what it is found by."""
    keys = search_keys(
        f"{values['generic_name']}{values['form']}",
        values["generic_name"],
        values["strength"],
        values["manufacturer"],
        values["approval_no"],
    )
    columns = {_ITEM_COLUMNS.get(name, name): value for name, value in values.items()}
    return columns | {
        "search_text": keys.text,
        "search_initials": keys.initials,
        "search_pinyin": keys.pinyin,
    }


def _audit_changes(
    deed: str,
    kind: str,
    changes: Sequence[tuple[str, dict[str, Any] | None, dict[str, Any]]],
    *,
    by: Actor,
    at: datetime,
) -> None:
    """One entry per changed record of a small change, one summing entry for a large file, whose batch has each."""
    if len(changes) > AUDITED_ONE_BY_ONE:
        created = sum(1 for _, before, _ in changes if before is None)
        audit.record(
            deed,
            by=by,
            at=at,
            subject_type=kind,
            subject=f"× {len(changes)}",
            after={"created": created, "updated": len(changes) - created},
        )
        return
    for subject, before, after in changes:
        audit.record(deed, by=by, at=at, subject_type=kind, subject=subject, before=before, after=after)


def _changed(old: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in new.items() if old[key] != value}


@transactional
def put_items(rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> Stored:
    """Add or change items by item code (formats.md kind ``catalogue``), all or none.

    Raises:
        RowsRefused: a row would change the pack of an item, which is fixed.
    """
    by.need(Permission.CATALOGUE_MANAGE)
    known: dict[str, Any] = {}
    for part in in_parts(row["item_code"] for _, row in rows):
        for item in db.session.execute(select(_ITEMS).where(_ITEMS.c.item_code.in_(part))):
            known[item.item_code] = item
    problems, stored = Problems(), Stored()
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    changes: list[tuple[str, dict[str, Any] | None, dict[str, Any]]] = []
    for number, row in rows:
        code, values = row["item_code"], _item_values(row)
        old = known.get(code)
        if old is None:
            new.append(_with_keys(values) | {"item_code": code, "recorded_at": at})
            changes.append((code, None, values))
            continue
        kept = {key: getattr(old, _ITEM_COLUMNS.get(key, key)) for key in values}
        for column in ("pack_size", "base_unit"):
            if kept[column] != values[column]:
                problems.add(number, column, PackIsFixed(code=code, kept=f"{old.pack_size}{old.base_unit}"))
        difference = _changed(kept, values)
        if not difference:
            stored.unchanged += 1
            continue
        stored.updated += 1
        changes.append((code, {key: kept[key] for key in difference}, difference))
        changed.append(_with_keys(values) | {"id": old.id})
    problems.raise_if_any()
    insert_rows(_ITEMS, new)
    update_rows(_ITEMS, changed)
    db.session.expire_all()
    stored.created = len(new)
    _audit_changes("put_items", "item", changes, by=by, at=at)
    return stored


def _item_ids(codes: Iterable[str]) -> dict[str, int]:
    found: dict[str, int] = {}
    for part in in_parts(set(codes)):
        found.update(
            (row.item_code, row.id)
            for row in db.session.execute(select(Item.item_code, Item.id).where(Item.item_code.in_(part)))
        )
    return found


@transactional
def put_prices(rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> Stored:
    """Add or correct prices by item and first day (formats.md kind ``prices``), all or none (R-CAT-2).

    Orders keep the price they froze; only orders submitted later see a change.

    Raises:
        RowsRefused: a row names an unknown item.
    """
    by.need(Permission.CATALOGUE_MANAGE)
    ids = _item_ids(row["item_code"] for _, row in rows)
    known = {}
    for item_ids in in_parts(set(ids.values())):
        for price in db.session.execute(
            select(Price.id, Price.item_id, Price.valid_from, Price.pack_price, Price.document_no).where(
                Price.item_id.in_(item_ids)
            )
        ):
            known[price.item_id, price.valid_from] = price
    problems, stored = Problems(), Stored()
    new: list[dict[str, Any]] = []
    changed: list[dict[str, Any]] = []
    changes: list[tuple[str, dict[str, Any] | None, dict[str, Any]]] = []
    for number, row in rows:
        item_id = ids.get(row["item_code"])
        if item_id is None:
            problems.add(number, "item_code", UnknownCode(code=row["item_code"]))
            continue
        price_value: Decimal = row["pack_price"]
        values = {"pack_price": price_value, "document_no": row.get("document_no") or ""}
        subject = f"{row['item_code']} {row['valid_from']}"
        old = known.get((item_id, row["valid_from"]))
        if old is None:
            new.append(values | {"item_id": item_id, "valid_from": row["valid_from"], "recorded_at": at})
            changes.append((subject, None, values))
        elif (old.pack_price, old.document_no) == (values["pack_price"], values["document_no"]):
            stored.unchanged += 1
        else:
            stored.updated += 1
            changed.append(values | {"id": old.id})
            changes.append((subject, {"pack_price": old.pack_price, "document_no": old.document_no}, values))
    problems.raise_if_any()
    insert_rows(_PRICES, new)
    update_rows(_PRICES, changed)
    db.session.expire_all()
    stored.created = len(new)
    _audit_changes("put_prices", "price", changes, by=by, at=at)
    return stored


@transactional
def add_price(
    item: Item, *, valid_from: date, pack_price: Decimal, document_no: str, by: Actor, at: datetime
) -> None:
    """Announce a price of an item from 00:00 Asia/Shanghai of a day on (R-CAT-2).

    Raises:
        PriceThere: a price begins on that day already.
    """
    by.need(Permission.CATALOGUE_MANAGE)
    there = _price_from(item, valid_from)
    if there is not None:
        raise PriceThere(code=item.item_code, day=valid_from, price=f"{there.pack_price:f}")
    row = {"item_code": item.item_code, "valid_from": valid_from, "pack_price": pack_price}
    put_prices([(1, row | {"document_no": document_no})], by=by, at=at)


@transactional
def correct_price(
    item: Item,
    *,
    valid_from: date,
    pack_price: Decimal,
    document_no: str,
    reason: str,
    by: Actor,
    at: datetime,
) -> None:
    """Put a wrongly recorded price right; what was ordered keeps the price it froze (R-CAT-2).

    Raises:
        PriceUnknown: no price begins on that day.
        CorrectionReasonMissing: the reason is empty.
    """
    by.need(Permission.CATALOGUE_MANAGE)
    price = _price_from(item, valid_from)
    if price is None:
        raise PriceUnknown(code=item.item_code, day=valid_from)
    if not reason.strip():
        raise CorrectionReasonMissing
    audit.record(
        "correct_price",
        by=by,
        at=at,
        subject_type="price",
        subject_id=price.id,
        subject=f"{item.item_code} {valid_from}",
        before={"pack_price": price.pack_price, "document_no": price.document_no},
        after={"pack_price": pack_price, "document_no": document_no, "reason": reason.strip()},
    )
    price.pack_price, price.document_no = pack_price, document_no


def _price_from(item: Item, valid_from: date) -> Price | None:
    return db.session.scalars(
        select(Price).where(Price.item_id == item.id, Price.valid_from == valid_from)
    ).first()


@transactional
def make_edition(
    name: str, *, valid_from: date, copy_of: Edition | None = None, by: Actor, at: datetime
) -> Edition:
    """Begin a new edition, with the items of another one or empty (R-CAT-1).

    Raises:
        EditionThere: the name is taken.
    """
    by.need(Permission.CATALOGUE_MANAGE)
    if db.session.scalars(select(Edition).where(Edition.edition == name)).first() is not None:
        raise EditionThere(edition=name)
    edition = Edition(edition=name, valid_from=valid_from, recorded_at=at)
    db.session.add(edition)
    db.session.flush()
    items = [] if copy_of is None else _items_of(copy_of)
    insert_rows(_EDITION_ITEMS, [{"edition_id": edition.id, "item_id": item_id} for item_id in items])
    audit.record(
        "make_edition",
        by=by,
        at=at,
        subject_type="edition",
        subject_id=edition.id,
        subject=name,
        after={
            "valid_from": valid_from,
            "copy_of": "" if copy_of is None else copy_of.edition,
            "items": len(items),
        },
    )
    return edition


def _items_of(edition: Edition) -> list[int]:
    return list(db.session.scalars(select(EditionItem.item_id).where(EditionItem.edition_id == edition.id)))


@transactional
def put_editions(rows: Sequence[NumberedRow], *, by: Actor, at: datetime) -> Stored:
    """Add items to editions (formats.md kind ``editions``: edition, valid_from, item_code), all or none (R-CAT-1).

    An edition that is not there is made; the first day of one that is may be moved by a file that says so in all
    its rows. Items are only added: take one out on the edition's page.

    Raises:
        RowsRefused: unknown item, or rows of one edition with different first days.
    """
    by.need(Permission.CATALOGUE_MANAGE)
    ids = _item_ids(row["item_code"] for _, row in rows)
    days: dict[str, date] = {}
    problems, stored = Problems(), Stored()
    for number, row in rows:
        first = days.setdefault(row["edition"], row["valid_from"])
        if first != row["valid_from"]:
            problems.add(number, "valid_from", EditionDays(edition=row["edition"], day=first))
        if row["item_code"] not in ids:
            problems.add(number, "item_code", UnknownCode(code=row["item_code"]))
    problems.raise_if_any()
    editions: dict[str, int] = {}
    moved: list[dict[str, Any]] = []
    for edition in db.session.scalars(select(Edition).where(Edition.edition.in_(days))):
        name = edition.edition
        editions[name] = edition.id
        if edition.valid_from != days[name]:
            moved.append({"id": edition.id, "valid_from": days[name]})
            _audit_day(name, edition.valid_from, days[name], by=by, at=at)
    made = [name for name in days if name not in editions]
    editions.update(zip(made, reserve_ids(_EDITIONS, len(made)), strict=True))
    insert_rows(
        _EDITIONS,
        [
            {"id": editions[name], "edition": name, "valid_from": days[name], "recorded_at": at}
            for name in made
        ],
    )
    for name in made:
        _audit_day(name, None, days[name], by=by, at=at)
    update_rows(_EDITIONS, moved)
    stored.updated = len(moved)
    there = {
        (row.edition_id, row.item_id)
        for row in db.session.execute(
            select(EditionItem.edition_id, EditionItem.item_id).where(
                EditionItem.edition_id.in_(editions.values())
            )
        )
    }
    new = [
        {"edition_id": editions[row["edition"]], "item_id": ids[row["item_code"]]}
        for _, row in rows
        if (editions[row["edition"]], ids[row["item_code"]]) not in there
    ]
    insert_rows(_EDITION_ITEMS, new)
    db.session.expire_all()
    stored.created = len(new)
    stored.unchanged = len(rows) - len(new) - stored.updated
    if new:
        audit.record(
            "put_editions",
            by=by,
            at=at,
            subject_type="edition",
            subject="; ".join(days),
            after={"items_added": len(new)},
        )
    return stored


def _audit_day(edition: str, before: date | None, first: date, *, by: Actor, at: datetime) -> None:
    audit.record(
        "put_editions",
        by=by,
        at=at,
        subject_type="edition",
        subject=edition,
        before=None if before is None else {"valid_from": before},
        after={"valid_from": first},
    )


@transactional
def take_out_of_edition(edition: Edition, item: Item, *, by: Actor, at: datetime) -> None:
    """Take an item out of an edition; orders made before keep it (R-CAT-1)."""
    by.need(Permission.CATALOGUE_MANAGE)
    delete_rows(
        _EDITION_ITEMS,
        (_EDITION_ITEMS.c.edition_id == edition.id) & (_EDITION_ITEMS.c.item_id == item.id),
    )
    audit.record(
        "take_out_of_edition",
        by=by,
        at=at,
        subject_type="edition",
        subject_id=edition.id,
        subject=edition.edition,
        before={"item_code": item.item_code},
    )


@transactional
def note_provenance(rows: Sequence[Mapping[str, Any]], *, by: Actor, at: datetime) -> int:
    """Note where the shipped items' facts come from: year of the batch, how the pack size was inferred, regions.

    Args:
        rows: ``item_code``, ``batch_year``, ``pack_size_basis``, ``supply_regions``, ``source`` as text.
        by: who.
        at: when.

    Returns:
        How many items were changed. Unknown item codes are left out: the provenance file may be larger.
    """
    by.need(Permission.CATALOGUE_MANAGE)
    ids = _item_ids(row["item_code"] for row in rows)
    values = [
        {
            "item": ids[row["item_code"]],
            "year": int(row["batch_year"]) if row.get("batch_year") else None,
            "basis": row.get("pack_size_basis") or "",
            "regions": row.get("supply_regions") or "",
            "origin": row.get("source") or "",
        }
        for row in rows
        if row["item_code"] in ids
    ]
    if values:
        db.session.connection().execute(
            update(_ITEMS)
            .where(_ITEMS.c.id == bindparam("item"))
            .values(
                batch_year=bindparam("year"),
                pack_size_basis=bindparam("basis"),
                supply_regions=bindparam("regions"),
                source=bindparam("origin"),
            ),
            values,
        )
        audit.record("note_provenance", by=by, at=at, subject_type="item", after={"items": len(values)})
    return len(values)
