"""The chain of the audit: it holds for what was recorded, and every kind of tampering is found and named."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy.exc
from flask import Flask
from sqlalchemy import delete, func, select, text, update

from clinic_orders.actions import audit
from clinic_orders.actions.files import FileFacts, store_file
from clinic_orders.actions.sealing import seal_audit
from clinic_orders.actions.transaction import transaction
from clinic_orders.actions.undoing import undo_batch
from clinic_orders.models.audit import AuditEntry, AuditLink
from clinic_orders.models.base import db
from clinic_orders.models.exchange import BatchRecord, RecordChange
from clinic_orders.queries.audit_chain import Head, broken_places, count_unsealed, head
from clinic_orders.rules.audit_chain import content_digest
from clinic_orders.rules.parties import SYSTEM

AT = datetime(2026, 3, 2, 1, 30, tzinfo=UTC)
DAY = timedelta(days=1)


def write(count: int, at: datetime = AT) -> None:
    with transaction():
        for number in range(count):
            audit.record(
                "open_account", by=SYSTEM, at=at, subject_type="user", subject=f"u{number}", after={"name": "王保田", "n": number}
            )  # fmt: skip


def found(*witnesses: Head) -> list[tuple[str, str]]:
    return [(broken.subject, broken.message % broken.facts) for broken in broken_places(*witnesses)]


def without_triggers() -> None:
    """What somebody does who has the database in their hands."""
    if db.engine.dialect.name == "postgresql":
        for table in ("audit_entry", "audit_link"):
            db.session.execute(text(f"ALTER TABLE {table} DISABLE TRIGGER USER"))
        return
    for name in db.session.scalars(text("SELECT name FROM sqlite_master WHERE type = 'trigger'")).all():
        if name.startswith("audit_"):
            db.session.execute(text(f"DROP TRIGGER {name}"))


def entry_ids() -> list[int]:
    return list(db.session.scalars(select(AuditLink.entry_id).order_by(AuditLink.position)))


@pytest.mark.both_databases
def test_what_was_recorded_is_sealed_once_and_holds(app: Flask) -> None:
    write(3)
    assert count_unsealed() == 3
    assert seal_audit(by=SYSTEM, at=AT) == 3
    assert seal_audit(by=SYSTEM, at=AT) == 0
    earlier = head()
    write(2, AT + DAY)
    assert seal_audit(by=SYSTEM, at=AT + DAY) == 2
    assert (head().position, count_unsealed()) == (5, 0)
    assert found() == found(earlier) == []


@pytest.mark.both_databases
@pytest.mark.parametrize("model", [AuditEntry, AuditLink])
@pytest.mark.parametrize("deed", ["update", "delete"])
def test_the_database_itself_refuses_to_change_or_remove(
    app: Flask, model: type[AuditEntry | AuditLink], deed: str
) -> None:
    write(1)
    seal_audit(by=SYSTEM, at=AT)
    column = "subject" if model is AuditEntry else "content"
    statement = delete(model) if deed == "delete" else update(model).values({column: "x"})
    with pytest.raises(sqlalchemy.exc.DBAPIError, match="append-only"), db.session.begin_nested():
        db.session.execute(statement)
    assert found() == []


def _change(ids: list[int]) -> None:
    db.session.execute(update(AuditEntry).where(AuditEntry.id == ids[1]).values(after={"name": "别人"}))


def _remove(ids: list[int]) -> None:
    db.session.execute(delete(AuditEntry).where(AuditEntry.id == ids[1]))


def _remove_with_its_link(ids: list[int]) -> None:
    _remove(ids)
    db.session.execute(delete(AuditLink).where(AuditLink.position == 2))


def _insert(_ids: list[int]) -> None:
    write(1, AT - 2 * DAY)


def _insert_and_let_it_be_sealed(_ids: list[int]) -> None:
    write(1, AT - 2 * DAY)
    seal_audit(by=SYSTEM, at=AT + DAY)


def _reorder(_ids: list[int]) -> None:
    for old, new in ((2, 99), (3, 2), (99, 3)):
        db.session.execute(update(AuditLink).where(AuditLink.position == old).values(position=new))


def _swap_entries(ids: list[int]) -> None:
    for old, new in ((ids[1], -1), (ids[2], ids[1]), (-1, ids[2])):
        db.session.execute(update(AuditEntry).where(AuditEntry.id == old).values(id=new))


@pytest.mark.both_databases
@pytest.mark.parametrize(
    ("tamper", "places", "word"),
    [
        (_change, ["#2"], "was changed"),
        (_remove, ["#2"], "was removed"),
        (_remove_with_its_link, ["#2"], "Links 2 to 2 were removed"),
        (_insert, ["–"], "inserted afterwards"),
        (_insert_and_let_it_be_sealed, ["#5"], "inserted afterwards"),
        (_reorder, ["#2", "#3", "#4"], "reordered"),
        (_swap_entries, ["#2", "#3"], "was changed"),
    ],
)
def test_tampering_is_found_and_named(
    app: Flask, tamper: Callable[[list[int]], None], places: list[str], word: str
) -> None:
    write(4)
    seal_audit(by=SYSTEM, at=AT)
    without_triggers()
    tamper(entry_ids())
    problems = found()
    assert [place for place, _ in problems] == places
    assert all(word in message for _, message in problems)


def _import(count: int = 3) -> int:
    """A file that made so many distributors, and the number of its batch."""
    rows = [(n + 1, {"code": f"D{n}", "name": f"配送企业{n}", "phone": "", "in_service_from": AT.date()}) for n in range(count)]  # fmt: skip
    stored = store_file("distributors", rows, FileFacts("d.csv", "0" * 64, count), by=SYSTEM, at=AT)
    assert stored.batch_id is not None
    return stored.batch_id


def _rewrite(batch_id: int) -> None:
    first = select(func.min(BatchRecord.id)).where(BatchRecord.batch_id == batch_id).scalar_subquery()
    db.session.execute(update(BatchRecord).where(BatchRecord.id == first).values(name="别的企业"))


def _take_out(batch_id: int) -> None:
    last = select(func.max(BatchRecord.id)).where(BatchRecord.batch_id == batch_id).scalar_subquery()
    db.session.execute(delete(BatchRecord).where(BatchRecord.id == last))


def _put_in(batch_id: int) -> None:
    db.session.add(
        BatchRecord(
            batch_id=batch_id, table_name="distributor", record_id=99, name="x", change=RecordChange.CREATED
        )
    )
    db.session.flush()


@pytest.mark.both_databases
@pytest.mark.parametrize("tamper", [_rewrite, _take_out, _put_in])
def test_what_a_file_did_to_records_is_sealed_with_its_entry(
    app: Flask, tamper: Callable[[int], None]
) -> None:
    batch_id = _import()
    entries = list(db.session.scalars(select(AuditEntry).where(AuditEntry.batch_id == batch_id)))
    assert "store_file" in {entry.deed for entry in entries}
    assert len(entries) > 1
    seal_audit(by=SYSTEM, at=AT)
    assert found() == []
    tamper(batch_id)
    ((place, message),) = found()
    assert f"import {batch_id} did to its records was changed" in message
    assert place.startswith("#")


@pytest.mark.both_databases
def test_a_file_that_is_undone_is_sealed_anew(app: Flask) -> None:
    batch_id = _import()
    seal_audit(by=SYSTEM, at=AT)
    undo_batch(batch_id, by=SYSTEM, at=AT)
    # Undoing writes down what goes; until its entry is sealed, nothing is said about it.
    assert found() == []
    seal_audit(by=SYSTEM, at=AT)
    assert found() == []
    _rewrite(batch_id)
    assert len(found()) == 1


@pytest.mark.both_databases
def test_an_entry_from_before_imports_were_named_keeps_its_hash(app: Flask) -> None:
    entry = {"id": 1, "deed": "submit_order"}
    assert content_digest(entry | {"batch_id": None}) == content_digest(entry)
    assert content_digest(entry | {"batch_id": 3}) != content_digest(entry)


@pytest.mark.both_databases
def test_a_history_that_was_written_anew_does_not_match_the_head_that_was_kept(app: Flask) -> None:
    write(3)
    seal_audit(by=SYSTEM, at=AT)
    kept = head()
    without_triggers()
    ids = entry_ids()
    db.session.execute(delete(AuditLink))
    db.session.execute(delete(AuditEntry).where(AuditEntry.id == ids[2]))
    seal_audit(by=SYSTEM, at=AT)
    assert found() == []
    assert [place for place, _ in found(kept)] == ["#3"]
    write(1)
    seal_audit(by=SYSTEM, at=AT)
    assert [place for place, _ in found(kept)] == ["#3"]


@pytest.mark.both_databases
def test_writers_and_sealers_at_once_leave_one_whole_chain(committed_app: Flask) -> None:
    errors: list[BaseException] = []

    def work(deed: Callable[[], object]) -> None:
        try:
            with committed_app.app_context():
                for _ in range(5):
                    deed()
                    db.session.remove()
        except BaseException as error:
            errors.append(error)

    deeds: list[Callable[[], object]] = [lambda: write(3), lambda: seal_audit(by=SYSTEM, at=AT)]
    threads = [threading.Thread(target=work, args=(deed,)) for deed in deeds * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with committed_app.app_context():
        seal_audit(by=SYSTEM, at=AT)
        assert db.session.scalar(select(func.count()).select_from(AuditLink)) == 30
        assert found() == []
