"""What the facts of the audit say: codes, states, reasons, days and amounts in the reader's words."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any, Final

from flask_babel import gettext, ngettext

from clinic_orders.models.audit import AuditEntry
from clinic_orders.rules.applications import ApplicationState, DecisionKind, Opinion
from clinic_orders.rules.assessment import Indicator
from clinic_orders.rules.clues import (
    CheckWay,
    ClueState,
    ClueVerdict,
    ExclusionGround,
    Measure,
    SelfCheckAnswer,
)
from clinic_orders.rules.complaints import ComplaintKind, ComplaintState
from clinic_orders.rules.exits import ExitState
from clinic_orders.rules.findings import Grade
from clinic_orders.rules.import_jobs import ImportState
from clinic_orders.rules.inspection.steps import Choice
from clinic_orders.rules.ladder import AnswerKind, CaseState
from clinic_orders.rules.letters import LetterKind
from clinic_orders.rules.ordering import ResponseState
from clinic_orders.rules.parties import InstitutionKind, OrderMode, Role
from clinic_orders.rules.payments import PaymentMethod
from clinic_orders.rules.policy_parameters import CHOICE_LABELS, PARAMETERS
from clinic_orders.rules.price_labels import ProductStatus
from clinic_orders.web.deed_fields import FIELDS
from clinic_orders.web.display import MISSING, day, has_label, label, moment, price, yuan
from clinic_orders.web.distribution_words import close_reason_words
from clinic_orders.web.file_words import kind_name
from clinic_orders.web.policy_words import said_text
from clinic_orders.web.reasons import loss_reason, reject_reason, return_reason, reversal_reason
from clinic_orders.web.record_names import RECORD_FIELDS

SHOWN_LINES: Final = 4
"""So many lines of an order or shipment stand on the page; the file has all."""
# Row numbers say nothing to people; the subject names the record.
_UNSAID: Final = frozenset(
    {"institution_id", "distributor_id", "hospital_id", "user_id", "item_id", "shipment_line_id"}
)
# Facts that name a county, a distributor or an institution by its code.
_CODED: Final = frozenset(
    {
        "county_code",
        "distributor",
        "hospital",
        "supervisor_code",
        "headquarters_code",
        "institution_code",
        "lead_hospital_code",
    }
)
# Kinds of records whose subject is made of codes and days.
_CODED_SUBJECTS: Final = frozenset(
    {"relation", "delivery_relation", "mandate", "commitment", "price", "suspension"}
)
# Which list the word of a fact is from, where it stands in one; the first list that has it counts.
_LISTS: Final[Mapping[str, tuple[type[StrEnum], ...]]] = {
    "role": (Role,),
    "kind": (InstitutionKind,),
    "mode": (OrderMode,),
    "method": (PaymentMethod,),
    "state": (ResponseState, ComplaintState),
    "import_state": (ImportState,),
    "answer": (AnswerKind,),
    "case_state": (CaseState,),
    "choice": (Choice,),
    "complaint_kind": (ComplaintKind,),
    "grade": (Grade,),
    "application_state": (ApplicationState,),
    "exit_state": (ExitState,),
    "opinion": (Opinion,),
    "decision": (DecisionKind,),
    "letter": (LetterKind,),
    "clue_state": (ClueState,),
    "ground": (ExclusionGround,),
    "indicator": (Indicator,),
    "measure": (Measure,),
    "self_check": (SelfCheckAnswer,),
    "status": (ProductStatus,),
    "verdict": (ClueVerdict,),
    "way": (CheckWay,),
}
# The list of reasons that a deed takes its own from.
_REASONS: Final[Mapping[str, Callable[[str], str]]] = {
    "answer_order": close_reason_words,
    "answer_order_in_full": close_reason_words,
    "close_short": close_reason_words,
    "request_return": return_reason,
    "put_returns": return_reason,
    "accept_shipment": reject_reason,
    "record_loss": loss_reason,
    "take_back_entry": reversal_reason,
}
_YUAN: Final = frozenset({"amount", "owed", "total"})
_PRICES: Final = frozenset({"pack_price", "price"})
_LANGUAGES: Final = {"zh_CN": "中文", "en": "English"}


@dataclass(frozen=True, slots=True)
class Change:
    """One fact of an entry: its name, what it was and what it is; "" where there was or is nothing."""

    field: str
    before: str
    after: str


def codes_in(entry: AuditEntry) -> Iterator[str]:
    """The codes of counties, distributors and institutions that an entry's facts and its subject name."""
    if entry.subject_type in _CODED_SUBJECTS:
        yield from entry.subject.split()
    for facts in (entry.before, entry.after):
        for name, value in (facts or {}).items():
            if name in _CODED and isinstance(value, str) and value:
                yield value


def changes(entry: AuditEntry, names: Mapping[str, str], *, whole: bool = False) -> list[Change]:
    """The facts of an entry side by side, in the order in which the deed wrote them.

    Args:
        entry: of the audit.
        names: code → name of the counties, distributors and institutions that it names.
        whole: every line of it; else the first few with their number.

    """
    old, new = entry.before or {}, entry.after or {}
    teller = _Teller(entry, names, whole)
    return [
        Change(
            field_name(name),
            teller.said(name, old[name]) if name in old else "",
            teller.said(name, new[name]) if name in new else "",
        )
        for name in [*old, *(name for name in new if name not in old)]
        if name not in _UNSAID
    ]


def field_name(name: str) -> str:
    """The translated name of a fact; its word where nobody has named it."""
    text = FIELDS.get(name) or RECORD_FIELDS.get(name)
    return gettext(text) if text else name


@dataclass(frozen=True, slots=True)
class _Teller:
    """Says the facts of one entry."""

    entry: AuditEntry
    names: Mapping[str, str]
    whole: bool

    def said(self, name: str, value: Any) -> str:
        """A stored fact for people; lists and tables on one line."""
        if value is None or value == "":
            return MISSING
        if isinstance(value, bool):
            return str(gettext("yes") if value else gettext("no"))
        if isinstance(value, Mapping):
            return self._many(name, [self._entry(name, key, inner) for key, inner in value.items()])
        if isinstance(value, list):
            return self._many(name, [self._item(name, inner) for inner in value])
        return self._text(name, value) if isinstance(value, str) else self._number(name, value)

    def _many(self, name: str, parts: list[str]) -> str:
        shown = parts if self.whole else parts[:SHOWN_LINES]
        rest = len(parts) - len(shown)
        text = "; ".join(shown)
        return f"{text} … {gettext('and %(num)s more', num=rest)}" if rest else text

    def _entry(self, name: str, key: str, value: Any) -> str:
        if name == "points" and key in set(Indicator):
            return f"{label(Indicator(key))} {MISSING if value is None else value}"
        # Quantities and reasons of an order's lines are kept by line number.
        word = gettext("line %(number)s", number=key) if key.isdigit() else field_name(key)
        return f"{word} {self.said(name if key.isdigit() else key, value)}"

    def _item(self, name: str, value: Any) -> str:
        if not isinstance(value, Mapping):
            return self.said(name, value)
        parts = []
        for key, inner in value.items():
            if key in _UNSAID or inner in (None, "", 0):
                continue
            if key == "line_no":
                parts.append(gettext("line %(number)s", number=inner))
            else:
                parts.append(f"{field_name(key)} {self.said(key, inner)}")
        return " ".join(parts)

    def _text(self, name: str, value: str) -> str:
        if name in _CODED:
            return self.names.get(value, value)
        for words in _LISTS.get(name, ()):
            if value in set(words) and has_label(words(value)):
                return label(words(value))
        if name == "kind":
            return kind_name(value)
        if name == "language":
            return _LANGUAGES.get(value, value)
        if name == "payment_rule" and value in CHOICE_LABELS:
            return str(gettext(CHOICE_LABELS[value]))
        if name == "value" and (about := PARAMETERS.get(self.entry.subject.partition(" ")[0])):
            return said_text(about, value)
        if name in {"reason", "reasons", "reject_reason"} and self.entry.deed in _REASONS:
            return _REASONS[self.entry.deed](value)
        if name in _YUAN | _PRICES | {"markup_rate"}:
            return self._amount(name, value)
        return _day_or_text(value)

    def _number(self, name: str, value: Any) -> str:
        if name == "lines":
            return str(ngettext("%(count)s line", "%(count)s lines", value, count=value))
        return self._amount(name, str(value)) if name in _YUAN | _PRICES else str(value)

    def _amount(self, name: str, value: str) -> str:
        try:
            number = Decimal(value)
        except InvalidOperation:
            return value
        if name == "markup_rate":
            return f"{(number * 100).normalize():f}%"
        amount = price(number) if name in _PRICES else yuan(number)
        return str(gettext("%(amount)s yuan", amount=amount))


def _day_or_text(value: str) -> str:
    if len(value) >= 10 and value[4:5] == "-" and value[7:8] == "-":
        try:
            return (
                day(date.fromisoformat(value)) if len(value) == 10 else moment(datetime.fromisoformat(value))
            )
        except ValueError:
            return value
    return value


def subject_said(entry: AuditEntry, names: Mapping[str, str]) -> str:
    """What the entry is about, for people: a parameter, a relation or a price in words, else as it was kept."""
    if entry.subject_type == "policy":
        name, _space, rest = entry.subject.partition(" ")
        if name in PARAMETERS:
            return " ".join([gettext(PARAMETERS[name].label), *(_policy_part(part) for part in rest.split())])
    if entry.subject_type in _CODED_SUBJECTS:
        return " ".join(names.get(part, _day_or_text(part)) for part in entry.subject.split()) or MISSING
    if entry.subject_type == "import_batch":
        # Several files have one name; the number tells which it was.
        return str(gettext("Import %(number)s: %(kind)s", number=entry.subject_id, kind=entry.subject))
    return entry.subject or MISSING


def _policy_part(part: str) -> str:
    if part in set(InstitutionKind):
        return f"· {label(InstitutionKind(part))}"
    return f"· {_day_or_text(part)}"
