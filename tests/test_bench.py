"""The measurements run and tell every ratio. Nothing here holds a time against a clock."""

import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from clinic_orders.app import create_app
from clinic_orders.cli.benchmark.api import measure_api
from clinic_orders.cli.benchmark.checks import LAID_OUT
from clinic_orders.cli.benchmark.floors import FLOORS
from clinic_orders.cli.benchmark.measuring import CLOCK, PROCESSOR, Comparison, Rounds, Seconds, Spread
from clinic_orders.cli.benchmark.peers import PEERS, Peer, running
from clinic_orders.cli.benchmark.submission import SubmissionRounds
from clinic_orders.cli.benchmark.world import application, fill

ROOT = Path(__file__).parent.parent

FAKE_PEER = """\
import json, sys
print(json.dumps({"peer": "fake", "versions": {}, "does_more": "", "does_less": ""}), flush=True)
for asked in sys.stdin:
    print(json.dumps([0.5] * int(asked)), flush=True)
"""


def bench(tmp_path, *arguments, what="web"):
    return subprocess.run(
        [sys.executable, "-m", "clinic_orders", "bench", what, "--rounds", "1", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "CLINIC_ORDERS_INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout


def test_the_command_tells_every_ratio_on_sqlite(tmp_path):
    text = bench(tmp_path, "--database", "sqlite")
    ratio = r"\d+\.\d\d / \d+\.\d\d / \d+\.\d\d x by processor time \(goal <= %s x: (met|MISSED)\)"
    assert re.search(
        r"order page, 338 items against its template rendered from ready data:\n +" + ratio % 2, text
    )
    assert re.search(
        r"order of 12 lines sent against the same inserts by SQLAlchemy Core:\n +" + ratio % 6, text
    )
    assert "KB after gzip (goal <= 50 KB: met)" in text
    assert "fewer than 3 rounds" in text


@pytest.mark.postgres
def test_the_command_tells_every_ratio_on_postgresql_as_json(tmp_path):
    found = json.loads(bench(tmp_path, "--database", "postgresql", "--format", "json"))
    part = found["databases"]["postgresql"]
    assert part["page"]["rows"] == 338
    assert part["page"]["gzip_met"]
    assert part["submission"]["rows_written"]["order_line"] == 12
    assert {comparison["goal"] for comparison in part["comparisons"]} == {"<= 2", "<= 6"}
    assert all(comparison["ratio"]["median"] > 0 for comparison in part["comparisons"])


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_the_allocation_is_measured_and_the_pages_with_it(tmp_path, database):
    told = bench(tmp_path, "--database", database, "--size", "small", "--format", "json", what="payments")
    part = json.loads(told)["databases"][database]
    assert part["rows"]["institutions"] == 10 + 153 + 50
    assert part["comparison"]["goal"] == "<= 5"
    assert part["comparison"]["ratio"]["median"] > 0
    assert [page["name"] for page in part["pages"]] == ["distributor", "county", "institution"]
    assert all(0 < page["statements"] < 30 for page in part["pages"])


def test_the_floor_inserts_the_same_rows_and_leaves_none(tmp_path):
    with application(create_app, f"sqlite:///{tmp_path}/bench.sqlite3", tmp_path) as app:
        world = fill(app)
        submission = SubmissionRounds(world)
        before = submission.copier.last_keys()
        form, _ = submission._form(world.clinics[0])
        world.clinics[0].visitor.send("/order/send", form, leads_to="/order/sent/")
        rows = submission.copier.rows_since(before)
        written = submission.copier.last_keys()
        fresh = submission.copier._fresh(rows)
        assert [(table.name, len(values)) for table, values in fresh] == [
            (table.name, len(values)) for table, values in rows
        ]
        orders = {row["id"] for table, values in fresh if table.name == "purchase_order" for row in values}
        lines = [row for table, values in fresh if table.name == "order_line" for row in values]
        assert {row["order_id"] for row in lines} == orders
        assert submission.copier.insert_again(rows).wall > 0
        # The audit is append-only: the copies in it stay.
        left = {table.name: key for table, key in submission.copier.last_keys().items()}
        audited = left.pop("audit_entry")
        assert left == {table.name: key for table, key in written.items() if table.name in left}
        assert audited > next(key for table, key in written.items() if table.name == "audit_entry")


def test_a_peer_is_asked_for_orders_and_ends_with_the_block(tmp_path, monkeypatch):
    script = tmp_path / "fake_order.py"
    script.write_text(FAKE_PEER)
    monkeypatch.setattr("clinic_orders.cli.benchmark.peers.SCRIPTS", tmp_path)
    peer = Peer("fake", "a fake", (), goal=1, orders=2)
    with running(peer, Path(sys.executable), tmp_path / "data") as found:
        assert found.place(2) == [0.5, 0.5]
        assert found.facts["peer"] == "fake"
    assert found._process.poll() == 0


def test_every_peer_has_its_script():
    assert all(peer.script.exists() for peer in PEERS)


def test_calls_of_programs_are_held_against_their_floors(tmp_path):
    with application(create_app, f"sqlite:///{tmp_path / 'api.sqlite3'}", tmp_path / "api") as app:
        found = [one.as_dict() for one in measure_api(fill(app), 1)]
    assert [one["name"].split(",")[0] for one in found] == ["GET /orders", "POST /orders"]
    assert all(one["ratio"]["min"] > 1 and one["by"] == PROCESSOR for one in found)


def test_ratios_are_times_against_a_floor_and_rates_against_a_peer():
    rounds = Rounds()
    for ours, floor in ((1.0, 4.0), (2.0, 4.0), (6.0, 4.0)):
        rounds.add(Seconds(ours, ours), Seconds(floor, floor))
    rounds.close()
    times = Comparison("ours", "floor", 1, True, rounds)
    assert times.ratios(CLOCK) == [0.75]
    assert times.is_met
    rates = Comparison("ours", "peer", 10, False, rounds, both=False)
    assert rates.ratios(CLOCK) == [pytest.approx(4 / 3)]
    assert not rates.is_met
    assert rates.as_dict()["other"] is None
    assert Spread.of([3, 1, 2]) == Spread(1, 2, 3)


@pytest.mark.postgres
def test_files_are_held_against_bulk_load_and_library_on_both_databases(tmp_path):
    text = subprocess.run(
        [sys.executable, "-m", "clinic_orders", "bench", "files", "--rounds", "1", "--rows", "2000", "--format", "json"],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "CLINIC_ORDERS_INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout  # fmt: skip
    found = json.loads(text)["databases"]
    assert [part["goal"] for part in found["sqlite"]["comparisons"]] == [">= 0.25", ">= 0.5"]
    assert [part["floor"] for part in found["postgresql"]["comparisons"]] == ["PostgreSQL's COPY"]
    for part in found.values():
        assert part["peaks"]["2000"] < 1.3 * part["peaks"]["1000"]


def checks_of(tmp_path, database, *more):
    arguments = [
        "--scale",
        "0.005",
        "--rounds",
        "1",
        "--months",
        "3",
        "--database",
        database,
        "--format",
        "json",
        *more,
    ]
    found = subprocess.run(
        [sys.executable, "-m", "clinic_orders", "bench", "checks", *arguments],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", "CLINIC_ORDERS_INSTANCE": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    return json.loads(found)["databases"][database]


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_the_checks_are_measured_on_months_with_something_to_find(tmp_path, database):
    (part,) = checks_of(tmp_path, database)
    assert part["months"] == 3
    assert part["rows"]["sale lines"] > 3 * 19 * 255
    # A check that finds nothing is not measured: making findings costs, too, and so does whatever they rest on.
    found = part["findings"]
    assert [name for name, rules in found.items() if not rules.get(name)] == []
    assert found["monitored_rise"].keys() == {"monitored_rise", "monitored_changes"}
    # They are a part of what is looked at, not everything and not one of everything.
    assert found["delivery_rate"] == {"delivery_rate": 1}
    assert found["report_missing"]["report_missing"] == 2
    measured = {one["name"] for one in part["comparisons"]}
    assert measured - found.keys() == {
        f"{LAID_OUT}, against a running sum",
        f"{LAID_OUT}, against plain sums",
    }
    assert found.keys() == {rule.value for rule in FLOORS}
    assert all(one["ratio"]["median"] > 0 for one in (*part["comparisons"], part["night"]))
    # What has no floor is told in absolute times, on the findings of that month.
    once = part["desk"]["once_ms"]
    assert once["closing the month"]["clock"] > 0
    assert not once.keys() & {rule.value for rule in FLOORS}
    assert {page["path"] for page in part["desk"]["pages"]} == {"/bureau/", "/dashboard/"}


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_a_kept_world_is_filled_once_and_measured_part_by_part(tmp_path, database):
    # PostgreSQL's server runs as somebody else where these tests are root's.
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        Path(folder).chmod(0o755)
        assert checks_of(tmp_path, database, "--keep", folder, "--fill") == []
        (kept,) = (Path(folder) / database).glob("*.json")
        filled = kept.stat().st_mtime_ns
        only = ("--part", "late_acceptance", "--part", "night")
        (part,) = checks_of(tmp_path, database, "--keep", folder, *only)
        assert [one["name"] for one in part["comparisons"]] == ["late_acceptance"]
        assert part["night"]["ratio"]["median"] > 0
        assert part["desk"] is None
        assert kept.stat().st_mtime_ns == filled


@pytest.mark.parametrize("database", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def test_codes_and_their_clues_are_measured_at_each_length_of_history(tmp_path, database, request):
    # PostgreSQL's server may run as somebody else, who cannot enter the folders of a test.
    kept = tempfile.mkdtemp(prefix="clinic-orders-bench-", dir="/tmp")
    request.addfinalizer(lambda: shutil.rmtree(kept))
    arguments = [
        "--codes", "20000", "--months", "1", "--months", "2", "--database", database, "--keep", kept,
    ]  # fmt: skip
    parts = json.loads(bench(tmp_path, *arguments, "--format", "json", what="traces"))["databases"][database]
    assert [part["months"] for part in parts] == [1, 2]
    assert parts[0]["rows"]["codes on sales"] < parts[1]["rows"]["codes on sales"]
    for part in parts:
        assert part["findings"] > 0
        assert [one["goal"] for one in part["comparisons"]] == ["<= 2", "<= 2"]
        assert all(one["ratio"]["median"] > 0 for one in part["comparisons"])
    # What is kept is measured again, at its whole length and without filling.
    again = json.loads(bench(tmp_path, *arguments, "--format", "json", what="traces"))["databases"][database]
    assert [(part["months"], part["rows"]) for part in again] == [(2, parts[1]["rows"])]
