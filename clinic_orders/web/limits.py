"""How often one address may try; counted where the settings say (memory counts per process)."""

from __future__ import annotations

from flask import Flask, current_app
from flask_limiter import Limiter
from flask_limiter.util import get_remote_address

limiter = Limiter(get_remote_address)


def login_limit() -> str:
    """The limit of log-in attempts per address, from the settings."""
    limit: str = current_app.extensions["settings"].login_limit
    return limit


def init_app(app: Flask) -> None:
    """Attach the limiter; only pages that ask for it are limited."""
    limiter.init_app(app)
