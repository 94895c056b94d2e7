"""Lines of a call and lines of a record: a program names them by item and batch, a deed by their numbers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from clinic_orders.actions.answering import LinesNotPossible
from clinic_orders.rules.api import FieldsWrong
from clinic_orders.rules.errors import N_, RuleBroken


class LineTwice(RuleBroken):
    """Two lines of a call mean the same line of the record."""

    message = N_("This line stands here twice.")


def placed(
    lines: Sequence[dict[str, Any]],
    find: Callable[[dict[str, Any]], int | None],
    unknown: Callable[[dict[str, Any]], RuleBroken],
) -> list[int]:
    """The number of the record's line for each line of the call.

    Raises:
        FieldsWrong: a line of the call means none, or one that another line means already.

    """
    found: list[int] = []
    problems: dict[str, RuleBroken] = {}
    for place, line in enumerate(lines):
        number = find(line)
        if number is None:
            problems[f"/lines/{place}/item_code"] = unknown(line)
        elif number in found:
            problems[f"/lines/{place}"] = LineTwice()
        else:
            found.append(number)
    if problems:
        raise FieldsWrong(problems)
    return found


def at_lines(
    refused: LinesNotPossible, numbers: Sequence[int], *, left_out: type[RuleBroken] | None = None
) -> FieldsWrong:
    """The same refusal by the places of the call's lines; what was left out is said of the list."""
    places = {number: place for place, number in enumerate(numbers)}
    problems: dict[str, RuleBroken] = {}
    for number, refusal in refused.problems.items():
        if number in places:
            problems[f"/lines/{places[number]}"] = refusal
        else:
            problems["/lines"] = refusal if left_out is None else left_out()
    return FieldsWrong(problems)
