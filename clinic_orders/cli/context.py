"""What every command gets: the application, made only when it is needed."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import click
from flask import Flask

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
            BadSetting: a setting is not what it may be.

        """
        return self.make_app()

    @property
    def settings(self) -> Settings:
        """The settings of the application."""
        settings: Settings = self.app.extensions["settings"]
        return settings


pass_console = click.make_pass_decorator(Console)
