"""create_app() puts the parts together and does nothing else."""

from __future__ import annotations

import gc
import importlib
import pkgutil
from pathlib import Path
from types import ModuleType
from typing import Any

from flask import Flask
from flask_babel import Babel
from flask_migrate import Migrate
from flask_wtf import CSRFProtect
from jinja2 import StrictUndefined
from werkzeug.middleware.proxy_fix import ProxyFix

from clinic_orders import api, models, web
from clinic_orders.config import Settings, load_settings
from clinic_orders.models.base import REPLICA, db, prepare_engine
from clinic_orders.web import (
    context,
    errors,
    front,
    guards,
    limits,
    metrics,
    received,
    replica,
    request_log,
    security,
    text,
)
from clinic_orders.web.public import keeping

ROOT = Path(__file__).resolve().parent.parent

csrf = CSRFProtect()
__all__ = ["create_app", "models"]


def create_app(settings: Settings | None = None) -> Flask:
    """The whole application, wired from its parts.

    Args:
        settings: read from the environment if not given.

    """
    settings = settings or load_settings()
    text.compile_texts()
    app = Flask(__name__, template_folder=str(ROOT / "templates"), static_folder="static")
    app.config.update(
        SECRET_KEY=settings.secret_key,
        SQLALCHEMY_DATABASE_URI=settings.database_url,
        SQLALCHEMY_ENGINE_OPTIONS=_engine_options(settings),
        SQLALCHEMY_BINDS=_replica(settings),
        # The prefix binds the cookie to this very host, over HTTPS.
        SESSION_COOKIE_NAME="__Host-session" if settings.secure_cookies else "session",
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_SECURE=settings.secure_cookies,
        SESSION_REFRESH_EACH_REQUEST=False,
        PERMANENT_SESSION_LIFETIME=settings.session_days * 86400,
        MAX_CONTENT_LENGTH=64 * 1024 * 1024,
        MAX_FORM_MEMORY_SIZE=4 * 1024 * 1024,
        MAX_FORM_PARTS=5000,
        WTF_CSRF_TIME_LIMIT=None,
        BABEL_DEFAULT_LOCALE="zh_CN",
        BABEL_DEFAULT_TIMEZONE="Asia/Shanghai",
        BABEL_TRANSLATION_DIRECTORIES=str(Path(__file__).parent / "translations"),
        RATELIMIT_STORAGE_URI=settings.rate_limit_storage,
        RATELIMIT_HEADERS_ENABLED=True,
        SEND_FILE_MAX_AGE_DEFAULT=31536000,
        TESTING=settings.testing,
    )
    app.jinja_env.undefined = StrictUndefined
    received.init_app(app)
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.extensions["settings"] = settings
    keeping.init_app(app)
    if settings.trusted_proxies:
        # Behind a proxy every visitor has the proxy's address, and the limit of log-in attempts would be shared by all.
        near = settings.trusted_proxies
        app.wsgi_app = ProxyFix(app.wsgi_app, x_for=near, x_proto=near, x_host=0)  # type: ignore[method-assign]
    db.init_app(app)
    with app.app_context():
        for engine in db.engines.values():
            prepare_engine(engine, pooled=settings.pooler)
    Migrate(app, db, directory=str(ROOT / "migrations"), render_as_batch=True)
    csrf.init_app(app)
    Babel(app, locale_selector=context.babel_locale)
    limits.init_app(app)
    front.init_front(app)
    for part in (guards, replica, request_log, metrics, security, errors, context):
        part.init_app(app)
    received.init_refusal(app)
    for module in _doors():
        app.register_blueprint(module.blueprint)
    api.init_app(app)
    for view in app.view_functions.values():
        # Neither is sent by a form: the one is verified by its signature, the other carries a token and no cookie.
        if getattr(view, "__signed__", False) or getattr(view, "__bearer__", False):
            csrf.exempt(view)
    # The start-up objects live for ever; taking them out of the collector's sight saves 60–150 ms pauses.
    gc.collect()
    gc.freeze()
    return app


def _engine_options(settings: Settings) -> dict[str, Any]:
    """The connection pool: PostgreSQL gets a bounded one, SQLite a connection per thread with a long wait."""
    # What stood in a failing statement is somebody's data and has no place in a log.
    shown: dict[str, Any] = {"hide_parameters": not settings.testing}
    if settings.database_url.startswith("sqlite"):
        return shown | {"connect_args": {"timeout": 15}}
    # A pooler gives each transaction another connection, on which a prepared statement would not be found again.
    more = {"connect_args": {"prepare_threshold": None}} if settings.pooler else {}
    return shown | {"pool_size": 5, "max_overflow": 5, "pool_recycle": 1800} | more


def _replica(settings: Settings) -> dict[str, Any]:
    """The second database; a page must not wait long for one that is away."""
    if not settings.replica_url:
        return {}
    options = _engine_options(settings)
    arguments = options.get("connect_args", {}) | {"connect_timeout": 3}
    return {REPLICA: options | {"url": settings.replica_url, "connect_args": arguments}}


def _doors() -> list[ModuleType]:
    """Every module of web/ that has a blueprint: a new file with one is a door at once."""
    found = []
    for info in sorted(pkgutil.iter_modules(web.__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{web.__name__}.{info.name}")
        if hasattr(module, "blueprint"):
            found.append(module)
    return found
