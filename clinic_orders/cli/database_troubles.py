"""What the console says when the database did not do what was asked: which database, why, and what to do next."""

from __future__ import annotations

import logging
from typing import Final

from sqlalchemy.exc import DBAPIError, StatementError

from clinic_orders.cli.context import Console, Failed
from clinic_orders.cli.schema import place, refuse_not_newest, say
from clinic_orders.models.base import db
from clinic_orders.models.troubles import Trouble, trouble_of
from clinic_orders.rules.errors import N_

log = logging.getLogger(__name__)

_TROUBLES: Final = {
    Trouble.AWAY: N_(
        "The database %(where)s does not answer: %(why)s. See that it runs and that CLINIC_ORDERS_DATABASE_URL names "
        "its address, user and password rightly; then run the command again."
    ),
    Trouble.BUSY: N_(
        "The database %(where)s is held by somebody else: %(why)s. Nothing was stored half-way. Run the command again "
        "when the others have finished."
    ),
    Trouble.FULL: N_(
        "The disk of the database %(where)s is full: %(why)s. Nothing was stored half-way. Make room, then run the "
        "command again."
    ),
    Trouble.READ_ONLY: N_(
        "The database %(where)s can only be read: %(why)s. Nothing was stored. See that it is no replica, or that its "
        "file and folder belong to the user who runs this command."
    ),
}
_NO_FILE: Final = N_(
    "The file %(where)s cannot be opened: %(why)s. See that its folder exists and belongs to the user who runs this "
    "command, and that CLINIC_ORDERS_DATABASE_URL names it rightly."
)
_ANYTHING_ELSE: Final = N_("The database %(where)s has refused the command: %(why)s")


def explain(console: Console, error: Exception) -> None:
    """Say on standard error what is true of the database: its trouble, its schema, or its own words.

    What is neither a trouble nor the schema may be a mistake of the program: its traceback goes to the log.

    Args:
        console: the run in which it happened.
        error: as SQLAlchemy or a driver raised it.

    """
    with console.app.app_context():
        trouble = trouble_of(error)
        if trouble is None:
            try:
                refuse_not_newest()
            except Failed as refusal:
                refusal.show()
                return
            except DBAPIError as worse:
                # It can't even say its migration, which tells more than why the command failed.
                error, trouble = worse, trouble_of(worse)
        if trouble is None:
            log.error("the database has refused a command", exc_info=error)
        no_file = trouble is Trouble.AWAY and db.engine.dialect.name == "sqlite"
        message = _ANYTHING_ELSE if trouble is None else _NO_FILE if no_file else _TROUBLES[trouble]
        Failed(say(message, where=place(), why=own_words(error))).show()


def own_words(error: Exception) -> str:
    """What the database itself said, in one line, without the statement and what stood in it."""
    cause = error.orig if isinstance(error, StatementError) and error.orig is not None else error
    return " ".join(str(cause).split()).rstrip(".")
