"""What watches the server: is it alive, is it ready, what does it count, what does it write into its log."""

from __future__ import annotations

import configparser
import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from sqlalchemy import text

from clinic_orders.cli import run
from clinic_orders.models.base import db
from clinic_orders.rules.accounts import log_mark
from clinic_orders.rules.parties import Role
from scripts.province import program
from tests.people import PASSWORD, make_people

ROOT = Path(__file__).resolve().parents[1]
TOKEN = "a-long-token-of-the-watcher"


@pytest.fixture
def token(app, monkeypatch):
    settings = app.extensions["settings"]
    object.__setattr__(settings, "metrics_token", TOKEN)
    yield TOKEN
    object.__setattr__(settings, "metrics_token", "")


def test_a_process_that_lives_says_so_without_the_database(client, count_sql):
    with count_sql() as seen:
        assert client.get("/healthz", status=200).get_json() == {"status": "ok"}
    assert seen.count == 0


@pytest.mark.both_databases
def test_ready_means_a_database_with_this_programs_schema(client, app):
    assert client.get("/readyz", status=200).get_json() == {"status": "ok"}
    db.session.execute(text("UPDATE alembic_version SET version_num = '0001'"))
    assert client.get("/readyz", status=503).get_json()["reason"] == "the schema is not this program's"


def test_there_are_no_counters_without_the_token(client, app, token):
    client.get("/metrics", status=404)
    client.get("/metrics", headers={"Authorization": "Bearer another"}, status=404)
    client.get("/metrics", headers={"Authorization": f"Bearer {token}"}, status=200)


def test_without_a_token_in_the_settings_nobody_reads_them(client, app):
    client.get("/metrics", headers={"Authorization": "Bearer "}, status=404)


def counts(page: str, labels: str) -> float:
    found = [
        line for line in page.splitlines() if line.startswith(f"clinic_orders_requests_total{{{labels}}}")
    ]
    return float(found[0].rpartition(" ")[2]) if found else 0.0


def test_requests_are_counted_by_endpoint_and_never_by_address(client, app, token):
    before = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}, status=200).text
    client.get("/verify/secret-of-a-letter", status=404)
    client.get("/no-such-page/13812345678", status=404)
    found = client.get("/metrics", headers={"Authorization": f"Bearer {token}"}, status=200).text
    for labels in (
        'endpoint="verify.show",method="GET",status="404"',
        'endpoint="none",method="any",status="404"',
    ):
        assert counts(found, labels) == counts(before, labels) + 1
    assert "clinic_orders_disk_free_bytes" in found
    assert "clinic_orders_waiting_work" in found
    assert "secret-of-a-letter" not in found
    assert "13812345678" not in found


def test_a_request_has_a_number_and_a_strangers_number_is_not_taken(client, app):
    first = client.get("/healthz", status=200).headers["X-Request-ID"]
    second = client.get("/healthz", headers={"X-Request-ID": "forged-number"}, status=200)
    assert len(first) == 32
    assert second.headers["X-Request-ID"] not in {first, "forged-number"}


# A real server of its own.


@contextlib.contextmanager
def serving(instance: Path, **more: str):
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    environment = os.environ | {
        "CLINIC_ORDERS_INSTANCE": str(instance),
        "CLINIC_ORDERS_METRICS_TOKEN": TOKEN,
        **more,
    }
    instance.mkdir(exist_ok=True)
    program = [sys.executable, "-m", "clinic_orders"]
    log = instance / "log"
    subprocess.run([*program, "db", "upgrade"], env=environment, check=True, capture_output=True, cwd=ROOT)
    with log.open("wb") as written:
        server = subprocess.Popen(
            [*program, "serve", "--no-scheduler", "--workers", "2", "--port", str(port)],
            env=environment,
            stderr=written,
            stdout=subprocess.DEVNULL,
            cwd=ROOT,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            for _ in range(300):
                with contextlib.suppress(OSError):
                    get(address, "/healthz")
                    break
                time.sleep(0.1)
            yield address, server, log
        finally:
            if server.poll() is None:
                server.terminate()
            server.wait(40)


def get(address: str, path: str, **headers: str) -> str:
    asked = urllib.request.Request(address + path, headers=headers)
    with urllib.request.urlopen(asked, timeout=30) as answer:
        return answer.read().decode()


def test_a_served_program_counts_for_all_its_processes_logs_lines_and_ends_in_order(tmp_path):
    with serving(tmp_path) as (address, server, log):
        assert json.loads(get(address, "/readyz")) == {"status": "ok"}
        for _ in range(8):
            get(address, "/account/log-in?next=/orders/13812345678")
        counted = get(address, "/metrics", Authorization=f"Bearer {TOKEN}")
        assert (
            'clinic_orders_requests_total{endpoint="account.log_in",method="GET",status="200"} 8.0' in counted
        )
        server.send_signal(signal.SIGTERM)
        assert server.wait(40) == 0
    lines = [json.loads(line) for line in log.read_text().splitlines()]
    requests = [line for line in lines if line["event"] == "request"]
    assert len([line for line in requests if line["endpoint"] == "account.log_in"]) == 8
    assert all(len(line["request"]) == 32 and line["ms"] > 0 for line in requests)
    assert "13812345678" not in log.read_text()


def test_the_log_has_no_person_in_it(client, app, caplog):
    make_people()
    caplog.set_level("INFO")
    client.get("/account/log-in", status=200)
    client.submit("main form", username="V01", password=PASSWORD)
    client.get("/more?q=张三", status=200)
    assert "V01" not in caplog.text
    assert PASSWORD not in caplog.text
    assert "张三" not in caplog.text


def test_a_refused_page_is_logged_with_a_mark_that_only_the_console_can_read(client, app, caplog, capsys):
    user = make_people().users[Role.INSTITUTION]
    client.log_in(user)
    client.get("/accounts/", status=403)
    client.get("/orders/CG-1", status=404)
    client.log_out()
    client.post("/account/log-in", data={"username": "V01", "password": "x"}, status=401)
    lines = [record for record in caplog.records if record.msg == "request"]
    assert [(line.levelname, line.status, line.role) for line in lines] == [
        ("WARNING", 403, "institution"),
        ("WARNING", 404, "institution"),
        ("WARNING", 401, "nobody"),
    ]
    mark = log_mark(user.id, app.extensions["settings"].secret_key)
    assert [line.mark for line in lines] == [mark, mark, ""]
    for words, code, said in ((mark, 0, "V01"), ("0" * 16, 1, "")):
        with pytest.raises(SystemExit) as left:
            run(lambda: app, ["user", "of-mark", words])
        assert left.value.code == code
        assert said in capsys.readouterr().out


# The examples for systemd and nginx.


def units() -> list[Path]:
    return sorted((ROOT / "deploy" / "systemd").iterdir())


@pytest.mark.parametrize("unit", units(), ids=lambda unit: unit.name)
def test_a_unit_names_commands_that_exist(unit):
    parser = configparser.RawConfigParser(strict=False)
    parser.optionxform = str
    parser.read_string("\n".join(line for line in unit.read_text().splitlines() if not line.startswith("#")))
    assert parser.has_section("Unit")
    if unit.suffix == ".service":
        words = parser["Service"]["ExecStart"].partition("/clinic-orders ")[2].split()
        done = subprocess.run(
            [sys.executable, "-m", "clinic_orders", words[0], "--help"], capture_output=True, cwd=ROOT
        )
        assert done.returncode == 0, done.stderr


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="this machine has no systemd-analyze")
def test_systemd_understands_the_units(tmp_path):
    for unit in units():
        # The program of the example lies nowhere on this machine; systemd wants one that can be run.
        shown = unit.read_text().replace("/opt/clinic-orders/.venv/bin/clinic-orders", sys.executable)
        (tmp_path / unit.name).write_text(shown)
    done = subprocess.run(
        ["systemd-analyze", "verify", "--man=no", *[str(tmp_path / unit.name) for unit in units()]],
        capture_output=True,
        text=True,
    )
    ours = [line for line in done.stderr.splitlines() if "clinic-orders" in line]
    assert ours == []


def test_the_example_for_nginx_hands_on_what_the_program_believes():
    example = (ROOT / "deploy" / "nginx" / "clinic-orders.conf").read_text()
    for header in ("X-Forwarded-For $remote_addr", "X-Forwarded-Proto $scheme", "X-Request-ID $request_id"):
        assert f"proxy_set_header {header};" in example
    assert "$request_uri" not in example.partition("log_format")[2].partition(";")[0]


@pytest.mark.skipif(
    program("nginx") is None, reason="nginx is not installed, and make test could not install it"
)
def test_a_page_through_nginx_has_the_visitors_address_and_one_number_in_both_logs(tmp_path):
    example = (ROOT / "deploy" / "nginx" / "clinic-orders.conf").read_text()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    (tmp_path / "site").mkdir()
    with serving(tmp_path / "site", CLINIC_ORDERS_TRUSTED_PROXIES="1") as (address, _server, log):
        example = example.replace("/var/log/nginx", str(tmp_path)).replace(
            "listen 80;", "listen unix:unused;"
        )
        example = example.replace("listen 443 ssl", f"listen 127.0.0.1:{port}")
        example = example.replace("server 127.0.0.1:8000", f"server {address.removeprefix('http://')}")
        kept = "\n".join(line for line in example.splitlines() if "ssl_" not in line)
        (tmp_path / "nginx.conf").write_text(
            f"pid {tmp_path}/pid;\nerror_log {tmp_path}/error;\nevents {{}}\nhttp {{\n{kept}\n}}\n"
        )
        command = [program("nginx") or "nginx", "-p", str(tmp_path), "-c", str(tmp_path / "nginx.conf")]
        done = subprocess.run([*command, "-t"], capture_output=True)
        assert done.returncode == 0, done.stderr
        proxy = subprocess.Popen([*command, "-g", "daemon off;"], stderr=subprocess.DEVNULL)
        try:
            for _ in range(100):
                with contextlib.suppress(OSError):
                    socket.create_connection(("127.0.0.1", port), 1).close()
                    break
                time.sleep(0.1)
            asked = urllib.request.Request(
                f"http://127.0.0.1:{port}/account/log-in", headers={"X-Request-ID": "forged-by-a-visitor"}
            )
            with urllib.request.urlopen(asked, timeout=30) as answer:
                number = answer.headers["X-Request-ID"]
        finally:
            proxy.terminate()
            proxy.wait(20)
    assert number in (tmp_path / "clinic-orders.log").read_text()
    assert number in log.read_text()
    assert number != "forged-by-a-visitor"


def test_a_machine_that_asks_for_its_own_words_back_is_refused(client):
    assert client.open("/account/log-in", method="TRACE").status_code == 405
