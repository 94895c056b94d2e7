"""Settings from the environment (``CLINIC_ORDERS_…``, with a ``.env`` file), with safe defaults: one frozen record."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from dotenv import dotenv_values

PREFIX = "CLINIC_ORDERS_"
_NO = frozenset({"0", "", "false", "no"})
LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL")
# Where the web processes of one server count together; the name is prometheus-client's.
METRICS_FOLDER = "PROMETHEUS_MULTIPROC_DIR"
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
    testing: bool = False


def _secret(instance: Path) -> str:
    """The instance's own key: read it, or make it once so that only the owner can read it."""
    path = instance / "secret_key"
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


def _count(name: str, text: str) -> int:
    """A number of proxies, 0 to 9."""
    if len(text.strip()) != 1 or not text.strip().isdecimal():
        raise ValueError(f"{PREFIX}{name} must be a number from 0 to 9, not {text!r}")
    return int(text)


def _one_of(name: str, text: str, words: tuple[str, ...]) -> str:
    """One of the words a setting may have."""
    if text not in words:
        raise ValueError(f"{PREFIX}{name} must be one of {', '.join(words)}, not {text!r}")
    return text


def load_settings(environ: dict[str, str] | None = None) -> Settings:
    """Read the settings from the environment and an optional ``.env`` file; the environment wins.

    Raises:
        ValueError: a setting has the wrong form; the message names it.

    """
    values: dict[str, str] = {key: value for key, value in dotenv_values(".env").items() if value is not None}
    values.update(os.environ if environ is None else environ)

    def get(name: str, default: str = "") -> str:
        return values.get(PREFIX + name, default)

    instance = Path(get("INSTANCE", "instance")).resolve()
    today = get("TODAY")
    try:
        fixed_day = date.fromisoformat(today) if today else None
    except ValueError as error:
        raise ValueError(f"{PREFIX}TODAY must be YYYY-MM-DD, not {today!r}") from error
    url = get("DATABASE_URL") or f"sqlite:///{instance / 'clinic-orders.sqlite3'}"
    if url.startswith("sqlite:///"):
        instance.mkdir(parents=True, exist_ok=True)
    return Settings(
        database_url=url,
        instance=instance,
        secret_key=get("SECRET_KEY") or _secret(instance),
        replica_url=get("REPLICA_URL").strip(),
        replica_lag=int(get("REPLICA_LAG", "60")),
        pooler=get("POOLER", "0") not in _NO,
        secure_cookies=get("SECURE_COOKIES", "0") not in _NO,
        session_hours=int(get("SESSION_HOURS", "12")),
        session_days=int(get("SESSION_DAYS", "30")),
        login_limit=get("LOGIN_LIMIT", "30 per minute"),
        public_limit=get("PUBLIC_LIMIT", "120 per minute"),
        rate_limit_storage=get("RATE_LIMIT_STORAGE", "memory://"),
        trusted_proxies=_count("TRUSTED_PROXIES", get("TRUSTED_PROXIES", "0")),
        complaint_phone=get("COMPLAINT_PHONE").strip()[:30],
        today=fixed_day,
        alipay_address=get("ALIPAY_ADDRESS"),
        alipay_gateway=get("ALIPAY_GATEWAY") or ALIPAY,
        attachment_mb=int(get("ATTACHMENT_MB", "10")),
        metrics_token=get("METRICS_TOKEN").strip(),
        log_format=_one_of("LOG_FORMAT", get("LOG_FORMAT", "json"), ("json", "text")),
        second_step=_one_of("SECOND_STEP", get("SECOND_STEP", "offered"), ("offered", "demanded")),
        audit_heads=Path(get("AUDIT_HEADS") or instance / "audit-heads").resolve(),
        log_level=_one_of("LOG_LEVEL", get("LOG_LEVEL", "INFO").upper(), LEVELS),
    )
