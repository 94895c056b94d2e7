"""Settings from the environment (``CLINIC_ORDERS_…``, with a ``.env`` file), with safe defaults: one frozen record."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from datetime import date
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from urllib.parse import urlsplit

from dotenv import dotenv_values
from limits import parse_many
from limits.errors import ConfigurationError
from limits.storage import storage_from_string
from sqlalchemy import make_url
from sqlalchemy.exc import ArgumentError

PREFIX = "CLINIC_ORDERS_"
_YES = frozenset({"1", "true", "yes", "on"})
_NO = frozenset({"0", "", "false", "no", "off"})
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# Where the web processes of one server count together; the name is prometheus-client's.
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
SQLITE, POSTGRESQL = ("sqlite", "sqlite+pysqlite"), "postgresql+psycopg"
_FORMS = {
    "sqlite": "sqlite:////folder/file.sqlite3",
    POSTGRESQL: "postgresql+psycopg://user:password@host/name",
}
ALIPAY = "https://openapi.alipay.com/gateway.do"


@dataclass(frozen=True, slots=True)
class Settings:
    """Everything an operator may set.

    Attributes:
        database_url: SQLAlchemy address; default is a SQLite file in the instance folder.
        replica_url: a PostgreSQL that follows the first one by streaming; statistics, bulletins and exports are read
            there. Empty: there is none.
        replica_lag: so many seconds it may be behind; if it is further behind, the first database is read.
        pooler: whether PgBouncer or its like stands before PostgreSQL and gives connections out by transaction.
        instance: folder for the database, the secret key and files.
        secret_key: signs sessions; generated into the instance folder (mode 600) if not given.
        secure_cookies: cookies only over HTTPS; switch on behind TLS.
        session_hours: a session ends after this many hours without a page.
        session_days: a session ends after this many days in any case ("keep me logged in" on a phone: 30).
        login_limit: log-in attempts per address, in Flask-Limiter's words.
        public_limit: public pages per address, in the same words.
        api_limit: calls of one token, in the same words.
        rate_limit_storage: where attempts are counted; memory counts per process.
        trusted_proxies: how many proxies of one's own stand before the server; so many of the last entries of
            X-Forwarded-For and X-Forwarded-Proto are believed. 0: nobody's word about the visitor's address.
        complaint_phone: the bureau's telephone for complaints, printed on price tags; empty: left out.
        today: a fixed day for the demonstration and tests; honoured by nothing else.
        alipay_address: our own address as Alipay reaches it, such as https://orders.example.cn; empty: nobody pays by
            link. The accounts of the distributors lie in ``instance/alipay/<code of the distributor>/``.
        alipay_gateway: Alipay's gateway; another one for its sandbox.
        attachment_mb: the largest file that an answer to a letter may bring, in megabytes.
        metrics_token: who shows it may read ``/metrics``; empty: there is no such page.
        log_format: json or text, how the server and the scheduler write their log.
        log_level: from which level on they write.
        audit_heads: folder into which the head of the audit's chain is written every day; best one that another machine
            keeps.
        webhook_networks: networks to which webhooks may send although they are not public, such as the bureau's own;
            loopback addresses (127.0.0.0/8) allow plain http to this machine, for development.
        webhook_ports: to which ports webhooks may send.
        second_step: offered, or demanded of the bureaus and the operator (a code from the phone at each log-in).
        testing: set by the tests only.

    """

    database_url: str
    instance: Path
    secret_key: str = field(repr=False)
    replica_url: str = field(default="", repr=False)
    replica_lag: int = 60
    pooler: bool = False
    secure_cookies: bool = False
    session_hours: int = 12
    session_days: int = 30
    login_limit: str = "30 per minute"
    public_limit: str = "120 per minute"
    api_limit: str = "600 per minute"
    rate_limit_storage: str = "memory://"
    trusted_proxies: int = 0
    complaint_phone: str = ""
    today: date | None = None
    alipay_address: str = ""
    alipay_gateway: str = ALIPAY
    attachment_mb: int = 10
    metrics_token: str = field(default="", repr=False)
    log_format: str = "json"
    log_level: str = "INFO"
    second_step: str = "offered"
    audit_heads: Path | None = None
    webhook_networks: tuple[IPv4Network | IPv6Network, ...] = ()
    webhook_ports: tuple[int, ...] = (443, 8443)
    testing: bool = False


class BadSetting(ValueError):
    """A setting is not what it may be; the message names it and says what it may be. The console leaves with 2.

    What could hold a password is not repeated.
    """


def _secret(instance: Path) -> str:
    """The instance's own key: read it, or make it once so that only the owner can read it."""
    path = instance / "secret_key"
    try:
        if not path.exists():
            instance.mkdir(parents=True, exist_ok=True)
            try:
                descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            except FileExistsError:
                pass
            else:
                with os.fdopen(descriptor, "w") as file:
                    file.write(secrets.token_urlsafe(48))
        return path.read_text().strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(
            f"{PREFIX}INSTANCE must be a folder in which {path} can be made and read: {error}"
        ) from error


def _number(name: str, text: str, least: int, most: int) -> int:
    """A whole number within its bounds."""
    typed = text.strip()
    if not (typed.isascii() and typed.isdecimal() and len(typed) < 9 and least <= int(typed) <= most):
        raise BadSetting(f"{PREFIX}{name} must be a number from {least} to {most}, not {text!r}")
    return int(typed)


def _switch(name: str, text: str) -> bool:
    """On or off."""
    word = text.strip().lower()
    if word not in _YES | _NO:
        raise BadSetting(f"{PREFIX}{name} must be 1 or 0, not {text!r}")
    return word in _YES


def _one_of(name: str, text: str, words: tuple[str, ...]) -> str:
    """One of the words a setting may have."""
    if text not in words:
        raise BadSetting(f"{PREFIX}{name} must be one of {', '.join(words)}, not {text!r}")
    return text


def _day(name: str, text: str) -> date | None:
    """A day, if there is one."""
    try:
        return date.fromisoformat(text) if text else None
    except ValueError as error:
        raise BadSetting(f"{PREFIX}{name} must be YYYY-MM-DD, not {text!r}") from error


def _database(name: str, text: str, drivers: tuple[str, ...]) -> str:
    """The address of a database of a kind that we speak with."""
    try:
        known = make_url(text).drivername in drivers
    except (ArgumentError, ValueError):
        known = False
    if not known:
        forms = " or ".join(_FORMS[driver] for driver in drivers if driver in _FORMS)
        raise BadSetting(f"{PREFIX}{name} must be the address of a database: {forms}")
    return text


def _rate(name: str, text: str) -> str:
    """So many attempts in a time, in the words of the library that counts them."""
    try:
        parse_many(text)
    except ValueError as error:
        raise BadSetting(f"{PREFIX}{name} must be like '30 per minute', not {text!r}") from error
    return text


def _counter(name: str, text: str) -> str:
    """Where attempts are counted: a store that can be spoken with here; nobody asks whether it is there."""
    if text.startswith("memory://"):
        return text
    try:
        storage_from_string(text)
    except (ConfigurationError, ValueError) as error:
        raise BadSetting(
            f"{PREFIX}{name} must be memory:// or another store whose client is installed, such as redis://host:6379"
        ) from error
    return text


def _web_address(name: str, text: str) -> str:
    """An address of the web, or none."""
    try:
        parts = urlsplit(text)
        known = parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        known = False
    if text and not known:
        raise BadSetting(f"{PREFIX}{name} must be an address such as https://orders.example.cn, not {text!r}")
    return text


def _networks(name: str, text: str) -> tuple[IPv4Network | IPv6Network, ...]:
    """Networks with commas between them, or none."""
    try:
        return tuple(ip_network(one.strip()) for one in text.split(",") if one.strip())
    except ValueError as error:
        raise BadSetting(
            f"{PREFIX}{name} must be networks such as 10.20.0.0/16,192.168.5.10/32, not {text[:300]!r}"
        ) from error


def _ports(name: str, text: str) -> tuple[int, ...]:
    """Ports with commas between them."""
    return tuple(_number(name, one, 1, 65_535) for one in text.split(","))


def _folder(name: str, text: str | Path) -> Path:
    """A folder, or the place of one that is not there yet."""
    try:
        path = Path(text).resolve()
        known = path.is_dir() or not path.exists()
    except OSError:
        known = False
    if not known:
        raise BadSetting(f"{PREFIX}{name} must be a folder, not {str(text)[:300]!r}")
    return path


def _of_the_file() -> dict[str, str]:
    """What an optional ``.env`` says."""
    try:
        return {key: value for key, value in dotenv_values(".env").items() if value is not None}
    except (OSError, UnicodeDecodeError) as error:
        raise BadSetting(f"The file .env can't be read as UTF-8 text: {error}") from error


def load_settings(environ: dict[str, str] | None = None) -> Settings:
    """Read the settings from the environment and an optional ``.env`` file; the environment wins.

    Raises:
        BadSetting: a setting has the wrong form; the message names it.

    """
    values = _of_the_file()
    values.update(os.environ if environ is None else environ)

    def get(name: str, default: str = "") -> str:
        return values.get(PREFIX + name, default)

    instance = _folder("INSTANCE", get("INSTANCE", "instance"))
    url = get("DATABASE_URL") or f"sqlite:///{instance / 'clinic-orders.sqlite3'}"
    if url.startswith("sqlite:///"):
        try:
            instance.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise BadSetting(f"{PREFIX}INSTANCE must be a folder that can be made: {error}") from error
    replica = get("REPLICA_URL").strip()
    return Settings(
        database_url=_database("DATABASE_URL", url, (*SQLITE, POSTGRESQL)),
        instance=instance,
        secret_key=get("SECRET_KEY") or _secret(instance),
        replica_url=_database("REPLICA_URL", replica, (POSTGRESQL,)) if replica else "",
        replica_lag=_number("REPLICA_LAG", get("REPLICA_LAG", "60"), 0, 86_400),
        pooler=_switch("POOLER", get("POOLER", "0")),
        secure_cookies=_switch("SECURE_COOKIES", get("SECURE_COOKIES", "0")),
        session_hours=_number("SESSION_HOURS", get("SESSION_HOURS", "12"), 1, 8_784),
        session_days=_number("SESSION_DAYS", get("SESSION_DAYS", "30"), 1, 366),
        login_limit=_rate("LOGIN_LIMIT", get("LOGIN_LIMIT", "30 per minute")),
        public_limit=_rate("PUBLIC_LIMIT", get("PUBLIC_LIMIT", "120 per minute")),
        api_limit=_rate("API_LIMIT", get("API_LIMIT", "600 per minute")),
        rate_limit_storage=_counter("RATE_LIMIT_STORAGE", get("RATE_LIMIT_STORAGE", "memory://")),
        trusted_proxies=_number("TRUSTED_PROXIES", get("TRUSTED_PROXIES", "0"), 0, 9),
        complaint_phone=get("COMPLAINT_PHONE").strip()[:30],
        today=_day("TODAY", get("TODAY")),
        alipay_address=_web_address("ALIPAY_ADDRESS", get("ALIPAY_ADDRESS")),
        alipay_gateway=_web_address("ALIPAY_GATEWAY", get("ALIPAY_GATEWAY")) or ALIPAY,
        attachment_mb=_number("ATTACHMENT_MB", get("ATTACHMENT_MB", "10"), 1, 60),
        metrics_token=get("METRICS_TOKEN").strip(),
        log_format=_one_of("LOG_FORMAT", get("LOG_FORMAT", "json"), ("json", "text")),
        second_step=_one_of("SECOND_STEP", get("SECOND_STEP", "offered"), ("offered", "demanded")),
        webhook_networks=_networks("WEBHOOK_NETWORKS", get("WEBHOOK_NETWORKS")),
        webhook_ports=_ports("WEBHOOK_PORTS", get("WEBHOOK_PORTS", "443,8443")),
        audit_heads=_folder("AUDIT_HEADS", get("AUDIT_HEADS") or instance / "audit-heads"),
        log_level=_one_of("LOG_LEVEL", get("LOG_LEVEL", "INFO").upper(), LEVELS),
    )
