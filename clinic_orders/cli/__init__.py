"""The console. Exit status: 0 done, 1 refused or failed (message on stderr), 2 wrong usage or settings (formats.md section 1)."""

from __future__ import annotations

import importlib
import pkgutil
import sqlite3
import sys
from collections.abc import Callable

import click
import psycopg
from flask import Flask
from flask_babel import gettext
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeoutError

from clinic_orders.cli.context import Console
from clinic_orders.cli.database_troubles import explain
from clinic_orders.config import BadSetting
from clinic_orders.rules.errors import RuleBroken


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
def console() -> None:
    """Ordering and supervision of centrally procured medicines (三进)."""


def _commands() -> None:
    """Every module of this package that has COMMANDS adds them to the console."""
    for info in sorted(pkgutil.iter_modules(__path__), key=lambda info: info.name):
        module = importlib.import_module(f"{__name__}.{info.name}")
        for command in getattr(module, "COMMANDS", ()):
            console.add_command(command)


def run(make_app: Callable[[], Flask], arguments: list[str] | None = None) -> None:
    """Run a command and leave with its exit status.

    Args:
        make_app: makes the application when a command needs it; given by the front door, since the console
            stands below the application and may not import it.
        arguments: what was typed; default is the command line.

    """
    _commands()
    session = Console(make_app)
    try:
        code = console.main(args=arguments, prog_name="clinic-orders", obj=session, standalone_mode=False)
    except click.exceptions.Abort:
        sys.exit(130)
    except click.UsageError as error:
        error.show()
        sys.exit(2)
    except BadSetting as error:
        # Said without translations, which only an application has.
        click.echo(f"Error: {error}", err=True)
        sys.exit(2)
    except click.ClickException as error:
        error.show()
        sys.exit(1)
    except RuleBroken as error:
        with session.app.app_context():
            click.echo(str(gettext(error.message)) % error.facts, err=True)
        sys.exit(1)
    except (DBAPIError, PoolTimeoutError, sqlite3.Error, psycopg.Error) as error:
        explain(session, error)
        sys.exit(1)
    sys.exit(code if isinstance(code, int) else 0)
