"""Settings that are not what they may be end every command with one sentence that names them, and status 2."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from clinic_orders.app import create_app
from clinic_orders.cli import run
from clinic_orders.config import BadSetting, load_settings

ROOT = Path(__file__).resolve().parents[2]
NUMBERS = ("", "x", "-1", "1.5", "²", "9" * 40)
SWITCHES = ("maybe", "2", "开")
ADDRESSES = (
    "orders.example.cn",
    "ftp://orders.example.cn",
    "https://",
    "https://a:b",
    "http://[",
    "javascript:1",
)
DATABASES = (
    "rubbish",
    "mysql://db/orders",
    "postgresql://geheim:geheim@db/orders",
    "postgresql+psycopg://u@db:x/orders",
    "://",
)
RATES = ("", "often", "30", "30 per fortnight", "-1 per minute")
BAD = {
    "INSTANCE": ("/proc/version", "/proc/nowhere/else", "x" * 5000),
    "DATABASE_URL": DATABASES,
    "REPLICA_URL": (*DATABASES, "sqlite:////tmp/orders.sqlite3"),
    "REPLICA_LAG": (*NUMBERS, "86401"),
    "POOLER": SWITCHES,
    "SECURE_COOKIES": SWITCHES,
    "SESSION_HOURS": (*NUMBERS, "0"),
    "SESSION_DAYS": (*NUMBERS, "0", "367"),
    "LOGIN_LIMIT": RATES,
    "API_LIMIT": RATES,
    "PUBLIC_LIMIT": RATES,
    "RATE_LIMIT_STORAGE": ("", "nowhere", "carrier-pigeon://loft", "redis://localhost:x"),
    "TRUSTED_PROXIES": (*NUMBERS, "10"),
    "ALIPAY_ADDRESS": ADDRESSES,
    "ALIPAY_GATEWAY": ADDRESSES,
    "ATTACHMENT_MB": (*NUMBERS, "0", "61"),
    "SECOND_STEP": ("", "required"),
    "LOG_FORMAT": ("", "xml"),
    "LOG_LEVEL": ("", "LOUD"),
    "AUDIT_HEADS": ("/proc/version", "x" * 5000),
    "WEBHOOK_NETWORKS": ("intranet", "10.1.2.3/16", "10.0.0.0/8;127.0.0.0/8", "10.0.0.0/33", "x" * 5000),
    "WEBHOOK_PORTS": (*NUMBERS, "0", "65536", "443,", "443;8443"),
    "TODAY": ("2026", "2026-02-30", "31.12.2026", "today", "2026-11-20T10:00"),
}  # fmt: skip
ANY = {
    "SECRET_KEY": "whatever it is, it signs",
    "COMPLAINT_PHONE": "printed as it is",
    "METRICS_TOKEN": "compared as it is",
}
"""Settings that may be any text, and why."""


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder without settings, and an environment without any."""
    for name in list(os.environ):
        if name.startswith("CLINIC_ORDERS_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_every_setting_of_the_readme_is_tried_here():
    named = set(re.findall(r"CLINIC_ORDERS_([A-Z_]+)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named == set(BAD) | set(ANY)


@pytest.mark.parametrize(("name", "text"), [(name, text) for name, texts in BAD.items() for text in texts])
def test_a_setting_that_is_none_ends_the_command_with_one_sentence(
    elsewhere, monkeypatch, capsys, name, text
):
    monkeypatch.setenv(f"CLINIC_ORDERS_{name}", text)
    with pytest.raises(SystemExit) as left:
        run(create_app, ["db", "check"])
    said = capsys.readouterr()
    assert left.value.code == 2
    assert said.out == ""
    assert said.err.startswith(f"Error: CLINIC_ORDERS_{name} must be ")
    assert said.err.count("\n") == 1
    assert len(said.err) < 600
    assert "geheim" not in said.err


def test_the_console_itself_says_it_without_a_traceback(elsewhere):
    done = subprocess.run(
        [sys.executable, "-m", "clinic_orders", "serve"],
        env={**os.environ, "PYTHONPATH": str(ROOT), "CLINIC_ORDERS_TODAY": "soon"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == "Error: CLINIC_ORDERS_TODAY must be YYYY-MM-DD, not 'soon'\n"


def test_a_file_of_settings_that_is_no_text_is_named(elsewhere):
    (elsewhere / ".env").write_bytes(b"CLINIC_ORDERS_LOG_LEVEL=\xff\xfe\n")
    with pytest.raises(BadSetting, match=r"\.env can't be read"):
        load_settings({})


def test_an_instance_that_cannot_be_written_is_named(elsewhere):
    (elsewhere / "instance").mkdir()
    (elsewhere / "instance" / "secret_key").mkdir()
    with pytest.raises(BadSetting, match="CLINIC_ORDERS_INSTANCE"):
        load_settings({})


def test_what_a_setting_may_be_is_taken(elsewhere):
    words = {
        "DATABASE_URL": "postgresql+psycopg://orders:secret@db:5433/orders",
        "REPLICA_URL": " postgresql+psycopg://orders@replica/orders ",
        "REPLICA_LAG": "0",
        "POOLER": "yes",
        "SECURE_COOKIES": "off",
        "SESSION_HOURS": " 8 ",
        "PUBLIC_LIMIT": "5 per second; 1000/hour",
        "ALIPAY_ADDRESS": "https://orders.example.cn:8443",
        "LOG_LEVEL": "warning",
        "WEBHOOK_NETWORKS": "10.20.0.0/16, ::1/128",
        "WEBHOOK_PORTS": "443, 9443",
        "TODAY": "2026-11-20",
    }
    settings = load_settings({f"CLINIC_ORDERS_{name}": text for name, text in words.items()})
    assert settings.database_url == words["DATABASE_URL"]
    assert settings.replica_url == words["REPLICA_URL"].strip()
    assert (settings.replica_lag, settings.session_hours) == (0, 8)
    assert (settings.pooler, settings.secure_cookies) == (True, False)
    assert (settings.public_limit, settings.alipay_address) == (
        words["PUBLIC_LIMIT"],
        words["ALIPAY_ADDRESS"],
    )
    assert (settings.log_level, settings.today) == ("WARNING", date(2026, 11, 20))
    assert [str(one) for one in settings.webhook_networks] == ["10.20.0.0/16", "::1/128"]
    assert settings.webhook_ports == (443, 9443)
