"""The head of the audit's chain is kept outside once a day, and what was kept finds a history that was written anew."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import delete, select, update

from clinic_orders import jobs
from clinic_orders.actions.sealing import seal_audit
from clinic_orders.cli import run
from clinic_orders.config import load_settings
from clinic_orders.exchange.audit_heads import HeadNotReadable, folder_of, keep_head, kept_heads
from clinic_orders.models.audit import AuditEntry, AuditLink
from clinic_orders.models.base import db
from clinic_orders.queries.audit_chain import Head, broken_places, lost_heads
from clinic_orders.rules.parties import SYSTEM
from tests.queries.test_audit_chain import without_triggers, write

NIGHT = datetime(2026, 3, 2, 17, 25, tzinfo=UTC)
DAY = timedelta(days=1)


@pytest.fixture
def nights(app: Flask, clock_at: Callable[[datetime], None]) -> Callable[[int], jobs.Outcome]:
    """Lets so many nights pass, each with its deeds; answers what the last night's job counted."""
    settings = app.extensions["settings"]
    for old in folder_of(settings).glob("*"):
        old.unlink()
    passed = 0

    def pass_nights(count: int) -> jobs.Outcome:
        nonlocal passed
        for _ in range(count):
            at = NIGHT + passed * DAY
            clock_at(at)
            write(3, at)
            done = jobs.run_now("keep-audit-head")
            passed += 1
        return done  # type: ignore[return-value]

    return pass_nights


def rewrite_history() -> None:
    """Take an old entry away, change another, and rebuild the chain so that it holds in itself."""
    without_triggers()
    ids = list(db.session.scalars(select(AuditEntry.id).order_by(AuditEntry.id)))
    db.session.execute(delete(AuditLink))
    db.session.execute(delete(AuditEntry).where(AuditEntry.id == ids[1]))
    db.session.execute(update(AuditEntry).where(AuditEntry.id == ids[4]).values(actor_name="别人"))
    seal_audit(by=SYSTEM, at=NIGHT)
    db.session.commit()


@pytest.mark.both_databases
def test_a_history_written_anew_with_its_chain_is_found_by_the_next_night(app, nights):
    quiet = nights(3)
    assert (quiet.rows_read, quiet.changed, quiet.failures) == (2, 1, 0)
    rewrite_history()
    assert list(broken_places()) == [], "in itself the new chain holds: nothing in the database shows it"
    found = nights(1)
    assert (found.rows_read, found.failures) == (3, 3)
    assert len(lost_heads(kept_heads(folder_of(app.extensions["settings"])))) == 3


@pytest.mark.both_databases
def test_a_chain_cut_off_at_its_end_is_found_by_the_heads_that_were_kept(app, nights):
    nights(2)
    without_triggers()
    db.session.execute(delete(AuditLink).where(AuditLink.position > 1))
    assert len(lost_heads(kept_heads(folder_of(app.extensions["settings"])))) == 2
    places = [broken.subject for broken in broken_places(*kept_heads(folder_of(app.extensions["settings"])))]
    assert places[:2] == ["#2", "#2"]


def test_a_day_has_one_head_which_is_never_replaced(app, tmp_path):
    first = keep_head(tmp_path / "heads", Head(1, "a" * 64), day=NIGHT.date(), at=NIGHT)
    assert keep_head(tmp_path / "heads", Head(9, "b" * 64), day=NIGHT.date(), at=NIGHT) is None
    assert list(kept_heads(tmp_path / "heads")) == [Head(1, "a" * 64)]
    assert [path.name for path in (tmp_path / "heads").iterdir()] == ["audit-head-2026-03-02.json"]
    assert first.stat().st_mode & 0o377 == 0


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"position": "1", "digest": "x"}', '{"position": 1, "digest": "zz"}']
)
def test_a_file_that_was_tampered_with_is_named(tmp_path, content):
    (tmp_path / "audit-head-2026-03-02.json").write_text(content)
    with pytest.raises(HeadNotReadable):
        list(kept_heads(tmp_path))


def test_the_console_keeps_the_head_and_verifies_the_chain_against_what_was_kept(
    committed_app, clock_at, capsys, tmp_path
):
    def console(*words: str) -> int:
        with pytest.raises(SystemExit) as left:
            run(lambda: committed_app, list(words))
        return left.value.code

    for day in (0, 1):
        clock_at(NIGHT + day * DAY)
        with committed_app.app_context():
            write(3, NIGHT + day * DAY)
        assert console("audit", "head", "--keep") == 0
    printed = capsys.readouterr().out.split()[-1]
    assert printed.startswith("6:")
    assert console("audit", "verify") == console("db", "check") == 0
    assert "2 个链头都在链上" in capsys.readouterr().out
    kept = sorted(folder_of(committed_app.extensions["settings"]).iterdir())
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / kept[0].name).write_bytes(kept[0].read_bytes())
    with committed_app.app_context():
        rewrite_history()
    for where in (str(elsewhere), str(kept[1])):
        assert console("audit", "verify", where) == 1
    assert console("audit", "verify", "--head", printed, str(elsewhere)) == 1
    assert "与另行记下的链头不符" in capsys.readouterr().out
    assert console("db", "check") == 1


def test_the_folder_can_be_set_and_stands_in_the_instance_otherwise(tmp_path):
    plain = load_settings({"CLINIC_ORDERS_INSTANCE": str(tmp_path)})
    assert folder_of(plain) == tmp_path / "audit-heads"
    elsewhere = load_settings(
        {"CLINIC_ORDERS_INSTANCE": str(tmp_path), "CLINIC_ORDERS_AUDIT_HEADS": "/srv/heads"}
    )
    assert folder_of(elsewhere) == Path("/srv/heads")
