"""The job that forgets persons whose term is over (decision 0056)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime

from flask import current_app

from clinic_orders.actions import privacy
from clinic_orders.exchange.attachments import path_of
from clinic_orders.jobs.job import Outcome, each
from clinic_orders.queries import privacy as questions
from clinic_orders.rules.parties import SYSTEM


def forget_persons(as_of: date, at: datetime, outcome: Outcome) -> None:
    """Make closed accounts numbers, erase the persons of old applications and trainings, and old log-ins."""
    instance = current_app.extensions["settings"].instance

    def with_files(deed: Callable[[int], list[str]]) -> Callable[[int], None]:
        def forget(record_id: int) -> None:
            # Removed after the deed: a file without a record harms nobody, a record without its file would.
            for name in deed(record_id):
                path_of(instance, name).unlink(missing_ok=True)

        return forget

    each(
        questions.persons_to_forget(as_of),
        lambda user: privacy.forget_person(user, by=SYSTEM, at=at),
        outcome,
    )
    each(
        questions.applications_to_forget(as_of),
        with_files(lambda one: privacy.forget_application(one, by=SYSTEM, at=at)),
        outcome,
    )
    each(
        questions.trainings_to_forget(as_of),
        with_files(lambda one: privacy.forget_training(one, by=SYSTEM, at=at)),
        outcome,
    )
    erased = privacy.forget_devices(by=SYSTEM, at=at)
    outcome.rows_read += erased
    outcome.changed += erased
