"""The form of an acceptance as it was typed: kept whole over every answer of the page, checked by the action.

A line is closed (as it was sent) or open (somebody pressed "something is wrong"); everything works without a
script, so each press of a button sends the whole form and gets the whole form back.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal

from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from clinic_orders.actions.receiving import LineAcceptance
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.queries.scanning import items_of
from clinic_orders.rules.delivery import (
    AcceptanceDoesNotAddUp,
    ShortShelfLifeNeedsReason,
    is_expired,
    is_short_dated,
)
from clinic_orders.rules.errors import N_, RuleBroken
from clinic_orders.rules.money import line_amount, total
from clinic_orders.rules.quantities import PacksRefused, parse_packs
from clinic_orders.rules.reasons import RejectReason, reason_label
from clinic_orders.rules.scanning import Scan, ScanKind, read_scans
from clinic_orders.rules.tracing import parse_trace_code
from clinic_orders.web.scanning import Note

REASONS = [(reason.value, reason_label(reason)) for reason in RejectReason]
_MAX_TYPED = 200
_MAX_SCANNED = 12_000


class CodeNotHere(RuleBroken):
    """A code that was typed or scanned is not on this delivery note."""

    message = N_("The code %(code)s is not on this delivery note. Check the pack, or put it aside.")


@dataclass(slots=True)
class LineEntry:
    """One batch of the form.

    Attributes:
        line: the batch that was shipped.
        is_open: whether its boxes are shown.
        typed: packs accepted, as typed.
        reason, reason_text: why the others are not, and the text of "other".
        near: why packs near expiry are accepted.
        expired, short: what the expiry date says today.
        checked: codes of the delivery note that were scanned.
        added: codes that were scanned and that the distributor has not noted.
        error: what is wrong, in words; ``error_at`` names the box.

    """

    line: ShipmentLine
    is_open: bool
    typed: str
    reason: str
    reason_text: str
    near: str
    expired: bool
    short: bool
    checked: tuple[str, ...] = ()
    added: tuple[str, ...] = ()
    refusal: RuleBroken | None = None
    error_at: str = ""

    @property
    def id(self) -> int:
        """The batch's number in field names."""
        return self.line.id

    @property
    def item(self) -> Item:
        """The item of the batch."""
        return self.line.order_line.item

    @property
    def accepted(self) -> int:
        """Packs that would be accepted; what is no number counts as none for the sums on the page."""
        try:
            return parse_packs(self.typed, minimum=0, maximum=self.line.shipped_packs)
        except PacksRefused:
            return 0

    @property
    def lacks_codes(self) -> bool:
        """Whether packs of the batch have no code yet."""
        return len(self.line.codes) + len(self.added) < self.line.shipped_packs

    @property
    def is_number(self) -> bool:
        """Whether the typed packs can be counted."""
        try:
            parse_packs(self.typed, minimum=0, maximum=self.line.shipped_packs)
        except PacksRefused:
            return False
        return True

    @property
    def rejected(self) -> int:
        """Packs that would not be accepted."""
        return self.line.shipped_packs - self.accepted

    @property
    def amount(self) -> Decimal:
        """What the accepted packs cost in yuan (R-PAY-1)."""
        return line_amount(self.line.order_line.pack_price, self.accepted)

    def found(self) -> LineAcceptance:
        """The line for the action.

        Raises:
            PacksRefused: the typed packs are no number between 0 and what was shipped.

        """
        packs = parse_packs(self.typed, minimum=0, maximum=self.line.shipped_packs)
        reason = self.reason
        if reason == RejectReason.OTHER.value and self.reason_text.strip():
            reason = f"{reason}:{self.reason_text.strip()}"
        rejected = self.line.shipped_packs - packs
        return LineAcceptance(
            accepted=packs,
            rejected=rejected,
            reason=reason if rejected else "",
            short_expiry_reason=self.near.strip(),
            codes=self.checked + self.added,
        )

    def refuse(self, refusal: RuleBroken) -> None:
        """Note what is wrong and which box it is about; the line opens so that the box is there."""
        self.refusal = refusal
        if isinstance(refusal, ShortShelfLifeNeedsReason):
            self.error_at = f"near-{self.id}"
            return
        self.is_open = True
        numbers = isinstance(refusal, PacksRefused | AcceptanceDoesNotAddUp)
        self.error_at = f"a-{self.id}" if numbers or not self.rejected else f"why-{self.id}"


@dataclass(slots=True)
class AcceptanceForm:
    """All batches of a shipment with what was typed, and the sums that stand in the bar."""

    shipment: Shipment
    entries: list[LineEntry]
    min_shelf_months: int
    scan_error: RuleBroken | None = None
    scanned: str = ""
    notes: list[Note] = field(default_factory=list)
    scans: list[Scan] = field(default_factory=list)
    problems: list[tuple[str, RuleBroken]] = field(default_factory=list)

    @property
    def accepted(self) -> int:
        """Packs that would be accepted."""
        return sum(entry.accepted for entry in self.entries)

    @property
    def rejected(self) -> int:
        """Packs that would not."""
        return sum(entry.rejected for entry in self.entries)

    @property
    def owed(self) -> Decimal:
        """What would be owed in yuan (R-PAY-1)."""
        return total(entry.amount for entry in self.entries)

    @property
    def closed_owed(self) -> Decimal:
        """The part of the sum whose lines have no boxes on the page, for the running total."""
        return total(entry.amount for entry in self.entries if not entry.is_open)

    @property
    def closed_packs(self) -> int:
        """The packs of those lines."""
        return sum(entry.accepted for entry in self.entries if not entry.is_open)

    @property
    def is_as_sent(self) -> bool:
        """Whether nobody has said of any line that something is wrong."""
        return not any(entry.is_open for entry in self.entries)

    @property
    def codes(self) -> int:
        """How many trace codes are on the delivery note."""
        return sum(len(entry.line.codes) for entry in self.entries)

    @property
    def checked(self) -> list[str]:
        """The codes that were scanned."""
        return [code for entry in self.entries for code in entry.checked]

    def found(self) -> dict[int, LineAcceptance]:
        """The lines for the action; lines that are no numbers are noted in ``problems`` and left out."""
        lines: dict[int, LineAcceptance] = {}
        for entry in self.entries:
            try:
                lines[entry.id] = entry.found()
            except RuleBroken as refusal:
                entry.refuse(refusal)
        self._gather()
        return lines

    def refuse(self, problems: Mapping[int, RuleBroken]) -> None:
        """Note what the action refused, line by line."""
        for entry in self.entries:
            if entry.id in problems and entry.refusal is None:
                entry.refuse(problems[entry.id])
        self._gather()

    def _gather(self) -> None:
        self.problems = [(entry.error_at, entry.refusal) for entry in self.entries if entry.refusal]


def prefilled(shipment: Shipment, *, on: date, min_shelf_months: int) -> AcceptanceForm:
    """The form as it is first shown: everything accepted, expired goods rejected with their reason (R-DEL-2)."""
    return _form(shipment, MultiDict(), on=on, min_shelf_months=min_shelf_months)


def typed(
    shipment: Shipment, values: MultiDict[str, str], *, on: date, min_shelf_months: int
) -> AcceptanceForm:
    """The form as it was sent, with the button that was pressed carried out: open, close, scan."""
    form = _form(shipment, values, on=on, min_shelf_months=min_shelf_months)
    for entry in form.entries:
        if values.get("open") == str(entry.id):
            entry.is_open = True
        if values.get("close") == str(entry.id):
            _close(entry)
    if values.get("do") in {"scan", "accept", "all"} and values.get("code", "").strip():
        _scan(form, values["code"])
    return form


def _close(entry: LineEntry) -> None:
    entry.is_open = False
    entry.typed = "0" if entry.expired else str(entry.line.shipped_packs)
    entry.reason = RejectReason.SHORT_EXPIRY.value if entry.expired else ""
    entry.reason_text = ""


def _form(
    shipment: Shipment, values: MultiDict[str, str], *, on: date, min_shelf_months: int
) -> AcceptanceForm:
    opened = set(values.getlist("opened"))
    known_codes = {code.code: line.id for line in shipment.lines for code in line.codes}
    checked: dict[int, list[str]] = {}
    for code in dict.fromkeys(values.get("seen", "").split()):
        if code in known_codes:
            checked.setdefault(known_codes[code], []).append(code)
    entries = []
    for line in shipment.lines:
        expired = is_expired(line.expiry_date, on=on)
        entry = LineEntry(
            line=line,
            is_open=str(line.id) in opened,
            typed=values.get(f"a-{line.id}", "")[:_MAX_TYPED],
            reason=values.get(f"why-{line.id}", ""),
            reason_text=values.get(f"text-{line.id}", "")[: 2 * _MAX_TYPED],
            near=values.get(f"near-{line.id}", "")[: 2 * _MAX_TYPED],
            expired=expired,
            short=not expired and is_short_dated(line.expiry_date, on=on, min_shelf_months=min_shelf_months),
            checked=tuple(checked.get(line.id, ())),
            added=_added(line, values),
        )
        if not entry.is_open:
            _close(entry)
        entries.append(entry)
    return AcceptanceForm(shipment, entries, min_shelf_months)


def _added(line: ShipmentLine, values: MultiDict[str, str]) -> tuple[str, ...]:
    """The codes that were added to a line before; what somebody made up in the hidden box is left out."""
    found: dict[str, None] = {}
    for part in values.get(f"new-{line.id}", "")[:_MAX_SCANNED].split():
        with suppress(RuleBroken):
            found[parse_trace_code(part)] = None
    return tuple(found)[: line.shipped_packs]


def _scan(form: AcceptanceForm, text: str) -> None:
    """Mark the scanned codes on their lines; a code that has no place is shown again with what is wrong."""
    form.scans, problems = read_scans(text[:_MAX_SCANNED])
    items = items_of(form.scans)
    left = [str(problem.facts["typed"]) for problem in problems]
    form.scan_error = problems[0] if problems else None
    for scan in form.scans:
        try:
            _take(form, scan, items.get(scan.code))
        except RuleBroken as refusal:
            form.scan_error = form.scan_error or refusal
            left.append(scan.code)
    form.scanned = " ".join(left)


def _take(form: AcceptanceForm, scan: Scan, item_id: int | None) -> None:
    """Put one code on its line.

    Raises:
        CodeNotHere: it is not on the note, and no batch of its item lacks codes.

    """
    known = next(
        (entry for entry in form.entries if any(scan.code == code.code for code in entry.line.codes)), None
    )
    of_item = [entry for entry in form.entries if entry.item.id == item_id]
    name = known.item.generic_name if known else of_item[0].item.generic_name if of_item else ""
    if scan.code in form.checked or any(scan.code in entry.added for entry in form.entries):
        form.notes.append(("warn", gettext("%(code)s is already scanned.", code=scan.code)))
        return
    if scan.kind is ScanKind.PRODUCT and of_item:
        form.notes.append(("ok", gettext("%(code)s is %(name)s.", code=scan.code, name=name)))
        return
    same_batch = [entry for entry in of_item if not scan.batch_no or entry.line.batch_no == scan.batch_no]
    entry = known or next((entry for entry in same_batch if entry.lacks_codes), None)
    if entry is None:
        raise CodeNotHere(code=scan.code)
    if known:
        entry.checked += (scan.code,)
    else:
        entry.added += (scan.code,)
    form.notes.append(("ok", gettext("%(code)s: %(name)s", code=scan.code, name=name)))
    # A square code says batch and expiry itself; what is printed on the pack counts, not what the note says.
    if scan.batch_no and scan.batch_no != entry.line.batch_no:
        text = gettext(
            "%(name)s: the code on the pack says batch %(code)s, the delivery note %(note)s. Look at the pack.",
            name=name,
            code=scan.batch_no,
            note=entry.line.batch_no,
        )
        form.notes.append(("warn", text))
    if scan.expiry and scan.expiry != entry.line.expiry_date:
        text = gettext(
            "%(name)s: the code on the pack says good until %(code)s, the delivery note %(note)s. Look at the pack.",
            name=name,
            code=scan.expiry.isoformat(),
            note=entry.line.expiry_date.isoformat(),
        )
        form.notes.append(("warn", text))
