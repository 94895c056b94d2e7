"""What every command gets: the application, made only when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import click
from flask import Flask
from sqlalchemy.exc import ArgumentError

from clinic_orders.config import Settings


class Failed(click.ClickException):
    """The command could not do its work; the message says why and what to do. Exit status 1."""

    exit_code = 1


class Console:
    """One run of the console.

    Attributes:
        app: the application, made at the first use.
        settings: its settings.

    """

    def __init__(self, make_app: Callable[[], Flask]) -> None:
        self.make_app = make_app

    @cached_property
    def app(self) -> Flask:
        """The application.

        Raises:
            Failed: a setting that should be the address of a database is none; said without translations, which
                only an application has.

        """
        try:
            return self.make_app()
        except ArgumentError as error:
            raise Failed(
                f"CLINIC_ORDERS_DATABASE_URL or CLINIC_ORDERS_REPLICA_URL is no address of a database: {error} "
                "Write sqlite:////folder/file.sqlite3 or postgresql+psycopg://user:password@host/name."
            ) from error

    @property
    def settings(self) -> Settings:
        """The settings of the application."""
        settings: Settings = self.app.extensions["settings"]
        return settings


pass_console = click.make_pass_decorator(Console)
