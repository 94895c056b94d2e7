"""What the deeds, records and facts of the audit are called on screen. A new deed gets its line here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from flask_babel import gettext

from clinic_orders.rules.errors import N_
from clinic_orders.rules.parties import InstitutionKind, OrderMode, Role
from clinic_orders.web.display import MISSING, day, label, moment

DEEDS: dict[str, str] = {
    "accept_shipment": N_("Accepted goods"),
    "agree_return": N_("Agreed to a return"),
    "answer_order": N_("Answered an order"),
    "ask_hospital": N_("Asked the hospital to look at a draft"),
    "assign_role": N_("Gave a role"),
    "begin_payment_hold": N_("Stopped orders for overdue money"),
    "change_password": N_("Changed the password"),
    "choose_organisation": N_("Went on in another organisation"),
    "close_account": N_("Closed an account"),
    "close_alarm": N_("Settled an alarm"),
    "close_short": N_("Closed the rest of an order"),
    "confirm_payment": N_("Confirmed a payment"),
    "confirm_sent_back": N_("Confirmed goods sent back"),
    "correct_price": N_("Corrected a price"),
    "disown_order": N_("Said an order is not theirs"),
    "dispute_payment": N_("Disputed a payment"),
    "end_all_sessions": N_("Logged out everywhere"),
    "end_payment_hold": N_("Opened orders again"),
    "end_relation": N_("Ended a delivery relation"),
    "end_role": N_("Ended a role"),
    "give_mandate": N_("Gave a mandate"),
    "issue_account": N_("Issued an account"),
    "lift_suspension": N_("Lifted a suspension"),
    "load_divisions": N_("Loaded the divisions"),
    "lock_out": N_("Locked after wrong passwords"),
    "log_in": N_("Logged in"),
    "log_out": N_("Logged out"),
    "make_edition": N_("Began an edition"),
    "mark_all_as_demo": N_("Marked all as demonstration data"),
    "mark_delivered": N_("Noted a delivery"),
    "note_provenance": N_("Noted where figures come from"),
    "open_account": N_("Opened an account"),
    "put_agreed_volumes": N_("Recorded agreed volumes"),
    "put_commitments": N_("Recorded commitment letters"),
    "put_designated_pharmacies": N_("Recorded designated pharmacies"),
    "put_distributors": N_("Recorded distributors"),
    "put_editions": N_("Recorded an edition"),
    "put_institutions": N_("Recorded institutions"),
    "put_items": N_("Recorded items"),
    "put_mandates": N_("Recorded mandates"),
    "put_orders": N_("Recorded orders of the past"),
    "put_other_purchases": N_("Recorded purchases of non-selected products"),
    "put_payments": N_("Recorded payments"),
    "put_policies": N_("Set policy"),
    "put_prices": N_("Recorded prices"),
    "put_receipts": N_("Recorded receipts of the past"),
    "put_relations": N_("Recorded delivery relations"),
    "put_returns": N_("Recorded returns of the past"),
    "put_sales": N_("Recorded sales"),
    "put_settlements": N_("Recorded settlements"),
    "put_shelf_prices": N_("Recorded posted prices"),
    "put_stock_counts": N_("Recorded stock counts"),
    "put_supply_problems": N_("Recorded supply problems"),
    "put_trace_products": N_("Recorded products of trace codes"),
    "record_lapse": N_("Recorded a lapsed order"),
    "record_payment": N_("Recorded a payment"),
    "record_unknown_name": N_("Tried a log-in name that nobody has"),
    "refuse_return": N_("Refused a return"),
    "remind_of_payments": N_("Reminded of payments"),
    "reopen_account": N_("Opened an account again"),
    "report_no_distributor": N_("Reported that nobody delivers"),
    "request_return": N_("Asked to return goods"),
    "resend_emergency": N_("Sent an emergency order to another distributor"),
    "reset_password": N_("Set a first password"),
    "review_draft": N_("Looked at a draft"),
    "revoke_mandate": N_("Ended a mandate"),
    "run_job": N_("Ran a job by hand"),
    "set_big_print": N_("Chose the size of letters"),
    "set_language": N_("Chose the language"),
    "ship": N_("Shipped goods"),
    "store_file": N_("Stored a file"),
    "submit_draft": N_("Sent an order"),
    "suspend_institution": N_("Suspended an institution"),
    "take_back_draft": N_("Took a draft back"),
    "take_out_of_edition": N_("Took items out of an edition"),
    "uphold_payment": N_("Upheld a payment"),
    "void_shipment": N_("Cancelled a shipment"),
    "withdraw_order": N_("Withdrew an order"),
    "withdraw_payment": N_("Took a payment entry back"),
    "withdraw_return": N_("Withdrew a return"),
}

SUBJECTS: dict[str, str] = {
    "account": N_("Account"),
    "agreed_volume": N_("Agreed volume"),
    "alarm": N_("Alarm"),
    "commitment": N_("Commitment letter"),
    "delivery_relation": N_("Delivery relation"),
    "designated_pharmacy": N_("Designated pharmacy"),
    "distributor": N_("Distributor"),
    "divisions": N_("Divisions"),
    "draft": N_("Draft"),
    "edition": N_("Edition"),
    "goods_return": N_("Return"),
    "import_batch": N_("Imported file"),
    "institution": N_("Institution"),
    "item": N_("Item"),
    "job": N_("Job"),
    "mandate": N_("Mandate"),
    "order": N_("Order form"),
    "other_purchase": N_("Purchase of a non-selected product"),
    "payment": N_("A payment"),
    "payment_hold": N_("Payment hold"),
    "payment_reminder": N_("Payment reminder"),
    "policy": N_("Policy"),
    "price": N_("Price"),
    "relation": N_("Delivery relation"),
    "return": N_("Return"),
    "sale_line": N_("Line of a sale"),
    "settlement": N_("Settlement"),
    "shelf_price": N_("Posted price"),
    "shipment": N_("Shipment"),
    "stock_count": N_("Stock count"),
    "supply_problem": N_("Supply problem"),
    "suspension": N_("Suspension"),
    "trace_product": N_("Product of trace codes"),
}

FIELDS: dict[str, str] = {
    "as_of": N_("As of"),
    "acceptance_day": N_("Acceptance day for payment"),
    "accepted": N_("Accepted"),
    "accepted_at": N_("Accepted at"),
    "agreed_at": N_("Agreed at"),
    "amount": N_("Amount"),
    "batch_no": N_("Batch number"),
    "big_print": N_("Large letters"),
    "closed_packs": N_("Closed packs"),
    "code": N_("Code"),
    "confirmed": N_("Confirmed"),
    "copy_of": N_("Copy of"),
    "confirmed_packs": N_("Confirmed packs"),
    "counties": N_("Counties"),
    "county_code": N_("County"),
    "created": N_("Created"),
    "delivered_at": N_("Delivered at"),
    "disabled_at": N_("Closed at"),
    "document": N_("Document"),
    "due_on": N_("Due on"),
    "emergency": N_("Emergency"),
    "document_no": N_("Document"),
    "example": N_("Example"),
    "failed_logins": N_("Wrong passwords"),
    "item_code": N_("Item code"),
    "hospital": N_("Hospital"),
    "invoices": N_("Invoices"),
    "items": N_("Items"),
    "items_added": N_("Items added"),
    "kind": N_("Kind"),
    "language": N_("Language"),
    "lapsed_at": N_("Lapsed at"),
    "lines": N_("Lines"),
    "locked_until": N_("Locked until"),
    "mode": N_("Mode"),
    "name": N_("Name"),
    "note": N_("Note"),
    "order_no": N_("Order number"),
    "organisation": N_("Organisation"),
    "owed": N_("Owed"),
    "pack_price": N_("Price"),
    "packs": N_("Packs"),
    "payment_rule": N_("Payment rule"),
    "phone": N_("Telephone"),
    "price": N_("Price"),
    "quantity": N_("Packs"),
    "paid_on": N_("Paid on"),
    "reason": N_("Reason"),
    "reference": N_("Bank's number"),
    "disputed_at": N_("Disputed at"),
    "confirmed_at": N_("Confirmed at"),
    "upheld_at": N_("Upheld at"),
    "reasons": N_("Reasons"),
    "receipt_no": N_("Shipment number"),
    "refused_at": N_("Refused at"),
    "rejected": N_("Rejected"),
    "reject_reason": N_("Reason"),
    "return_no": N_("Return number"),
    "role": N_("Role"),
    "rows": N_("Rows"),
    "sent_back_at": N_("Sent back at"),
    "shipped_at": N_("Shipped at"),
    "state": N_("State"),
    "total": N_("Amount"),
    "townships": N_("Townships"),
    "unchanged": N_("Unchanged"),
    "updated": N_("Updated"),
    "valid_from": N_("Valid from"),
    "valid_to": N_("Valid to"),
    "value": N_("Value"),
    "villages": N_("Villages and neighbourhoods"),
    "voided_at": N_("Cancelled at"),
    "withdrawn": N_("Withdrawn packs"),
    "withdrawn_at": N_("Withdrawn at"),
    "agreed_packs": N_("Agreed packs"),
    "backup_item_code": N_("Backup item"),
    "base_units": N_("Base units"),
    "base_units_per_code": N_("Base units per code"),
    "cycle_end": N_("Last day of the cycle"),
    "insured": N_("Paid by insurance"),
    "justified": N_("Justified"),
    "other_product": N_("Product outside the catalogue"),
    "product_name": N_("Product"),
    "purchased_on": N_("Bought on"),
    "reported_packs": N_("Planned packs"),
    "sold_at": N_("Sold at"),
    "substitute_group": N_("Group"),
    "trace_codes": N_("Trace codes"),
    "verified_by": N_("Verified by"),
    # The roster's columns.
    "address": N_("Street address"),
    "distributor": N_("Distributor"),
    "ends_on": N_("Last day"),
    "first_day": N_("From which day on?"),
    "headquarters_code": N_("Headquarters of the chain"),
    "joined_on": N_("Member from"),
    "last_day": N_("Last day"),
    "lat": N_("Latitude"),
    "lead_hospital_code": N_("Lead hospital of the medical community"),
    "left_on": N_("Member to"),
    "lifted_on": N_("Lifted on"),
    "lng": N_("Longitude"),
    "markup_rate": N_("Promised markup rate"),
    "nhsa_code": N_("Insurance institution code"),
    "remote": N_("Remote place"),
    "scale": N_("Scale"),
    "signed_on": N_("Signed on"),
    "speciality": N_("Speciality"),
    "supervisor_code": N_("Supervising hospital"),
    "township": N_("Township or street"),
    "uscc": N_("Unified social credit code"),
    "version": N_("Version"),
    "village": N_("Village or neighbourhood"),
    "ended_at": N_("Ended at"),
    "receipts": N_("Receipts"),
}
# Row numbers say nothing to people; the subject names the record.
_UNSAID = frozenset({"institution_id", "distributor_id", "hospital_id", "user_id", "item_id"})


@dataclass(frozen=True, slots=True)
class Change:
    """One fact of an entry: its name, what it was and what it is; "" where there was or is nothing."""

    field: str
    before: str
    after: str


def deed_name(deed: str) -> str:
    """The translated name of a deed; its word where nobody has named it."""
    return gettext(DEEDS[deed]) if deed in DEEDS else deed


def subject_name(subject_type: str) -> str:
    """The translated name of a kind of record; its word where nobody has named it."""
    return gettext(SUBJECTS[subject_type]) if subject_type in SUBJECTS else subject_type


def changes(before: Mapping[str, Any] | None, after: Mapping[str, Any] | None) -> list[Change]:
    """The facts of an entry side by side, in the order in which the deed wrote them."""
    old, new = before or {}, after or {}
    names = [*old, *(name for name in new if name not in old)]
    return [
        Change(
            gettext(FIELDS[name]) if name in FIELDS else name,
            _said(name, old[name]) if name in old else "",
            _said(name, new[name]) if name in new else "",
        )
        for name in names
        if name not in _UNSAID
    ]


def _said(name: str, value: Any) -> str:
    """A stored fact for people: yes and no, days, roles; lists and tables on one line."""
    if value is None or value == "":
        return MISSING
    if isinstance(value, bool):
        return str(gettext("yes") if value else gettext("no"))
    if isinstance(value, Mapping):
        return "; ".join(
            f"{gettext(FIELDS[key]) if key in FIELDS else key} {_said(key, inner)}"
            for key, inner in value.items()
        )
    if isinstance(value, list):
        return ", ".join(_said(name, inner) for inner in value)
    if isinstance(value, str):
        return _said_text(name, value)
    return str(value)


def _said_text(name: str, value: str) -> str:
    if name == "role" and value in {role.value for role in Role}:
        return label(Role(value))
    if name == "kind" and value in {kind.value for kind in InstitutionKind}:
        return label(InstitutionKind(value))
    if name == "mode" and value in {mode.value for mode in OrderMode}:
        return label(OrderMode(value))
    if len(value) >= 10 and value[4:5] == "-" and value[7:8] == "-":
        try:
            return (
                day(date.fromisoformat(value)) if len(value) == 10 else moment(datetime.fromisoformat(value))
            )
        except ValueError:
            return value
    return value
