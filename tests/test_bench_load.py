"""The measurements under load run and tell what they should; nothing here holds a time against a clock."""

import json
import subprocess
import sys
import tempfile
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import func, select

from clinic_orders.cli.benchmark.load.browser import Page, Sample, Wrong
from clinic_orders.cli.benchmark.load.copies import add_copies
from clinic_orders.cli.benchmark.load.crowd import percentiles
from clinic_orders.cli.throwaway_postgres import SETTINGS, kept_cluster
from clinic_orders.models.base import db
from clinic_orders.models.orders import Order, OrderLine
from clinic_orders.queries.integrity import sums
from tests.factories import NOW, make_order, make_world

ROOT = Path(__file__).parent.parent


def page(text):
    return Page(200, "", text)


def test_a_form_sends_what_a_browser_would():
    form = page(
        '<form action="/a"><input name="x" value="0"></form>'
        '<form method="post" action="/b"><input type="hidden" name="key" value="k1"><input name="packs" value="3">'
        '<input type="checkbox" name="dup" value="7"><input type="checkbox" name="on" value="1" checked>'
        '<select name="way"><option value="">-</option><option value="cash" selected>-</option></select>'
        '<textarea name="codes"></textarea><input name="packs" value="4"><button name="do" value="go"></button></form>'
    ).form("/b")
    assert form == [
        ("key", "k1"), ("packs", "3"), ("on", "1"), ("way", "cash"), ("codes", ""), ("packs", "4"),
    ]  # fmt: skip


def test_a_page_without_the_form_is_told():
    with pytest.raises(Wrong, match="/nowhere"):
        page("<form action='/a'></form>").form("/nowhere")


def test_the_slowest_of_a_hundred_is_told_and_every_error_counted():
    samples = [
        Sample("reading", "a", 0, number / 1000, "500" if number == 50 else "") for number in range(200)
    ]
    found = percentiles(samples)
    assert (found["p50"], found["p95"], found["p99"], found["most"]) == (100, 190, 198, 199)
    assert (found["requests"], found["errors"]) == (200, 1)


@pytest.mark.both_databases
def test_copied_orders_are_whole_received_and_older_than_any_duplicate(app):
    world = make_world()
    numbers = {make_order(world), make_order(world, (3, 4), institution=world.second_clinic)}
    add_copies(db.session.connection(), 5, letter="A")
    add_copies(db.session.connection(), 8, letter="a")
    orders = db.session.scalars(select(Order)).all()
    assert len(orders) == 8
    assert len({order.institution_id for order in orders}) > 2
    assert {order.order_no for order in orders if (NOW - order.submitted_at).days < 90} == numbers
    # The last pass copies only what is missing: five orders of three lines, three of two.
    assert db.session.scalar(select(func.count()).select_from(OrderLine)) == 5 * 3 + 3 * 2
    assert all(line.accepted_packs == line.packs for line in db.session.scalars(select(OrderLine)))
    assert not sums.problems()


@pytest.fixture
def folder_for_all():
    """A folder that the database's own user may enter; those of pytest are for their maker alone."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


@pytest.mark.postgres
def test_a_kept_server_holds_its_databases_until_the_next_start(folder_for_all):
    folder = folder_for_all
    with kept_cluster(folder, SETTINGS) as server:
        server.create(name="whole")
    with kept_cluster(folder, SETTINGS) as server:
        server.drop("copy")
        server.create(template="whole", name="copy")
        with psycopg.connect(server.url("copy").replace("+psycopg", "")) as connection:
            assert connection.execute("SELECT current_database()").fetchone() == ("copy",)


def test_the_command_measures_the_parts_with_users(tmp_path):
    done = subprocess.run(
        [
            *(
                sys.executable,
                "-m",
                "clinic_orders",
                "bench",
                "load",
                "--database",
                "sqlite",
                "--format",
                "json",
            ),
            *("--part", "mixed", "--part", "saturation", "--part", "rush"),
            *("--size", "small", "--months", "1", "--users", "10", "--think", "0.1", "--warm", "1"),
            *("--seconds", "4", "--rounds", "1", "--institutions", "30", "--within", "1"),
        ],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "CLINIC_ORDERS_INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    told = json.loads(done.stdout)["databases"]["sqlite"]
    mixed, saturation, rush = (told[part] for part in ("mixed", "saturation", "rush"))
    assert mixed["in_all"]["errors"] == 0, mixed["wrong"]
    assert all(part["requests"] for part in mixed["kinds"].values())
    assert len(mixed["roles"]) >= 4
    assert saturation["pages_ratio"]["ratio"]["median"] > 0
    assert saturation["orders_ratio"]["ratio"]["median"] > 0
    assert saturation["lines"] == 12
    assert rush["met"], rush
    assert rush["sent"] > rush["acknowledged"] == 30
    assert rush["stored"]["lines"] == 360
