"""Packs scanned at the counter: each adds a pack of its item to the sale, with its trace code."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date

from flask_babel import gettext

from clinic_orders.queries.scanning import Met, item_names, items_of, sightings
from clinic_orders.rules.parties import Actor
from clinic_orders.rules.scanning import ScanKind, read_scans
from clinic_orders.web.errors import say
from clinic_orders.web.scanning import Note, met_before


def scan_into(
    text: str, fields: Mapping[str, str], by: Actor, *, on: date
) -> tuple[dict[str, str], list[Note]]:
    """The boxes that change when codes are scanned, and what is to be said.

    A 69-code adds a pack too. Where pieces of an item are being sold, the number stays and only the code is noted: a
    pack that is opened has one code for all its pieces.

    Args:
        text: the codes.
        fields: the boxes of the draft.
        by: who sells; only their own papers are told of.
        on: today.

    """
    scans, problems = read_scans(text)
    notes: list[Note] = [("bad", say(problem)) for problem in problems]
    items = items_of(scans)
    names = item_names(items.values())
    seen = sightings([scan.code for scan in scans], by, on=on)
    changed: dict[str, str] = {}

    def value(name: str) -> str:
        return changed.get(name, fields.get(name, ""))

    for scan in scans:
        item = names.get(items.get(scan.code, 0))
        if item is None:
            text = gettext(
                "Nobody has told us yet of which item %(code)s is. Find the medicine by its name.",
                code=scan.code,
            )
            notes.append(("bad", text))
            continue
        packs, pieces, codes = f"p-{item.item_code}", f"u-{item.item_code}", f"t-{item.item_code}"
        if scan.kind is ScanKind.PACK:
            if scan.code in value(codes).split():
                notes.append(("warn", gettext("%(code)s is already scanned.", code=scan.code)))
                continue
            changed[codes] = f"{value(codes)} {scan.code}".strip()
        if not value(pieces).strip("0 "):
            typed = value(packs).strip()
            changed[packs] = str((int(typed) if typed.isascii() and typed.isdigit() else 0) + 1)
        notes.append(("ok", gettext("%(code)s: %(name)s", code=scan.code, name=item.generic_name)))
        notes += met_before(seen.get(scan.code, ()), now=(Met.SHIPPED, Met.ACCEPTED, Met.TAKEN_BACK))
    return changed, notes
