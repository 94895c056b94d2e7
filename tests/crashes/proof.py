"""What must be true when everything was killed and started again: each acknowledged deed once, nothing by half."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from flask import Flask
from sqlalchemy import func, select

from clinic_orders import clock
from clinic_orders.actions.sealing import seal_audit
from clinic_orders.models.audit import AuditEntry
from clinic_orders.models.base import db
from clinic_orders.models.catalogue import Item
from clinic_orders.models.deliveries import Shipment, ShipmentLine
from clinic_orders.models.exchange import ImportBatch
from clinic_orders.models.jobs import JobRun, RunState
from clinic_orders.models.orders import EventKind, Order, OrderEvent, OrderLine, Submission
from clinic_orders.models.payments import Payment
from clinic_orders.models.sales import SaleLine
from clinic_orders.queries.integrity import problems
from clinic_orders.rules.parties import SYSTEM
from tests.crashes.load import Ledger


def faults(app: Flask, ledger: Ledger) -> list[str]:
    """Everything that is not as it was acknowledged; empty if all is well."""
    with app.app_context():
        seal_audit(by=SYSTEM, at=clock.now())
        found = [f"db check: {problem.check} {problem.subject} {problem.detail}" for problem in problems()]
        for part in (_orders, _deliveries, _payments, _files, _jobs, _audit):
            found += part(ledger)
        db.session.remove()
    return found


def _orders(ledger: Ledger) -> Iterator[str]:
    lines = db.session.execute(
        select(Submission.key, Item.item_code, func.sum(OrderLine.packs))
        .select_from(Submission)
        .join(Order, Order.submission_id == Submission.id)
        .join(OrderLine, OrderLine.order_id == Order.id)
        .join(Item, Item.id == OrderLine.item_id)
        .group_by(Submission.key, Item.item_code)
    )
    stored: dict[str, dict[str, int]] = {}
    for key, code, packs in lines:
        stored.setdefault(key, {})[code] = packs
    for key, typed in ledger.orders.items():
        if stored.get(key) != typed:
            yield f"order {key}: typed {typed}, stored {stored.get(key)}"
    # What nobody was told of would have been ordered twice: whoever had no answer pressed again until there was one.
    yield from (f"order {key}: stored and not acknowledged" for key in stored.keys() - ledger.orders.keys())
    numbers = set(db.session.scalars(select(Order.order_no)))
    if numbers != ledger.order_numbers:
        yield f"orders: {sorted(numbers ^ ledger.order_numbers)}"
    sent = Counter(
        db.session.scalars(select(OrderEvent.order_id).where(OrderEvent.kind == EventKind.SUBMITTED))
    )
    if len(sent) != len(numbers) or any(count != 1 for count in sent.values()):
        yield f"{len(numbers)} orders were sent {sum(sent.values())} times"


def _deliveries(ledger: Ledger) -> Iterator[str]:
    answered = Counter(
        db.session.scalars(select(AuditEntry.subject).where(AuditEntry.deed == "answer_order"))
    )
    yield from (f"{number} was answered {count} times" for number, count in answered.items() if count != 1)
    yield from (f"{number} was not answered" for number in ledger.answered - answered.keys())
    rows = db.session.execute(
        select(
            Order.order_no,
            Order.packs,
            Shipment.receipt_no,
            Shipment.packs,
            Shipment.accepted_at,
            func.sum(ShipmentLine.accepted_packs),
        )
        .join(Shipment, Shipment.order_id == Order.id)
        .join(ShipmentLine, ShipmentLine.shipment_id == Shipment.id)
        .group_by(Order.order_no, Order.packs, Shipment.receipt_no, Shipment.packs, Shipment.accepted_at)
    ).all()
    shipped = Counter(row[0] for row in rows)
    yield from (f"{number} was shipped {count} times" for number, count in shipped.items() if count != 1)
    receipts = {number: receipt for number, _, receipt, *_ in rows}
    for number, receipt in ledger.shipped.items():
        if receipts.get(number) != receipt:
            yield f"{number} was shipped as {receipt}, stored is {receipts.get(number)}"
    for number, ordered, receipt, packs, accepted_at, accepted in rows:
        if packs != ordered:
            yield f"{number}: {packs} of {ordered} packs were shipped"
        if receipt in ledger.received and (accepted_at is None or accepted != packs):
            yield f"{receipt}: {accepted} of {packs} packs were accepted"


def _payments(ledger: Ledger) -> Iterator[str]:
    stored = dict(db.session.execute(select(Payment.form_key, Payment.amount)).all())
    for key, amount in ledger.payments.items():
        if stored.get(key) != amount:
            yield f"payment {key}: entered {amount}, stored {stored.get(key)}"
    yield from (
        f"payment {key}: stored and not acknowledged" for key in stored.keys() - ledger.payments.keys()
    )
    count = db.session.scalar(select(func.count()).select_from(Payment))
    if count != len(stored):
        yield f"{count} payments under {len(stored)} keys"


def _files(ledger: Ledger) -> Iterator[str]:
    stored = Counter(db.session.scalars(select(SaleLine.sale_no)))
    wanted = Counter(number for numbers in ledger.files for number in numbers)
    if stored != wanted:
        yield f"sales: {len(stored - wanted)} too many, {len(wanted - stored)} too few"
    batches = list(db.session.scalars(select(ImportBatch.created)))
    if batches != [len(numbers) for numbers in ledger.files]:
        yield f"files: {batches} rows were stored, {[len(numbers) for numbers in ledger.files]} acknowledged"


def _jobs(_ledger: Ledger) -> Iterator[str]:
    good = (
        select(JobRun.job, JobRun.scheduled_at, func.count())
        .where(JobRun.state == RunState.DONE, JobRun.trigger == "schedule")
        .group_by(JobRun.job, JobRun.scheduled_at)
        .having(func.count() > 1)
    )
    for job, slot, count in db.session.execute(good):
        yield f"{job} ran {count} times for {slot}"


def _audit(_ledger: Ledger) -> Iterator[str]:
    """Every deed stands in the audit once, and no deed stands there that was not done."""
    done = {
        "ship": select(func.count()).select_from(Shipment),
        "accept_shipment": select(func.count()).where(Shipment.accepted_at.is_not(None)),
        "record_payment": select(func.count()).select_from(Payment),
    }
    told = Counter(db.session.scalars(select(AuditEntry.deed).where(AuditEntry.deed.in_(done))))
    files = Counter(
        db.session.scalars(select(AuditEntry.subject_id).where(AuditEntry.subject_type == "import_batch"))
    )
    stored = list(db.session.scalars(select(ImportBatch.id)))
    yield from (
        f"file {number} stands {files[number]} times in the audit" for number in stored if files[number] != 1
    )
    for deed, question in done.items():
        count = db.session.scalar(question)
        if told[deed] != count:
            yield f"{deed} was done {count} times and stands {told[deed]} times in the audit"
