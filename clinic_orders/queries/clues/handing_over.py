"""What a transfer list says of a clue, as of the day on which it is made (R-TRACE-3)."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import date
from decimal import Decimal
from typing import Any

from sqlalchemy import select

from clinic_orders.models.base import db
from clinic_orders.models.clues import ClueAnswer, ClueEvent, ClueEvidence, TransferredClue
from clinic_orders.queries.clues.lists import CluesWanted, clues, parties_of
from clinic_orders.rules.clues import ClueStep
from clinic_orders.rules.days import day_in_china
from clinic_orders.rules.parties import Actor

_VERDICTS = (ClueStep.FIND_VIOLATION, ClueStep.SUSPECT_FRAUD)


def transferred(clue_ids: Collection[int]) -> set[int]:
    """Which of some clues were handed over already."""
    row = TransferredClue
    return set(db.session.scalars(select(row.clue_id).where(row.clue_id.in_(clue_ids))))


def _by_clue(rows: Iterable[Any]) -> dict[int, list[Any]]:
    found: dict[int, list[Any]] = {}
    for row in rows:
        found.setdefault(row.clue_id, []).append(row)
    return found


def rows_to_transfer(numbers: Collection[str], actor: Actor, *, on: date) -> dict[str, dict[str, Any]]:
    """By number what the list says: codes and words only, so that it reads the same years later.

    What was chosen and is not the actor's to see has an empty row; the deed refuses it.
    """
    wanted = set(numbers)
    seen = {
        row.number: row
        for row in clues(actor, on=on, wanted=CluesWanted(state="all"))
        if row.number in wanted
    }
    ids = [row.id for row in seen.values()]
    parties = parties_of(ids, on=on)
    events = _by_clue(
        db.session.scalars(
            select(ClueEvent)
            .where(ClueEvent.clue_id.in_(ids), ClueEvent.step.in_([ClueStep.CHECK, *_VERDICTS]))
            .order_by(ClueEvent.id)
        )
    )
    answers = _by_clue(
        db.session.scalars(select(ClueAnswer).where(ClueAnswer.clue_id.in_(ids)).order_by(ClueAnswer.id))
    )
    files = _by_clue(db.session.scalars(select(ClueEvidence).where(ClueEvidence.clue_id.in_(ids))))
    rows: dict[str, dict[str, Any]] = {number: {} for number in sorted(wanted)}
    for number, row in seen.items():
        happened = events.get(row.id, [])
        verdict = next((one for one in reversed(happened) if one.step in _VERDICTS), None)
        repaid = sum((one.repaid or Decimal(0) for one in answers.get(row.id, [])), Decimal(0))
        rows[number] = {
            "clue": number,
            "rule": row.rule.value if row.rule else "",
            "code": row.code,
            "item": row.item,
            "period": row.period,
            "institutions": [[one.code, one.name] for one in parties.get(row.id, []) if one.held],
            "verdict": row.verdict.value if row.verdict else "",
            "facts": verdict.note if verdict is not None else "",
            "decided_on": day_in_china(row.decided_at).isoformat() if row.decided_at else "",
            "checks": sum(one.step is ClueStep.CHECK for one in happened),
            "evidence": len(files.get(row.id, [])),
            "repaid": f"{repaid:.2f}" if repaid else "",
            "issued": f"{row.issued_batch} {row.issued_no}" if row.issued_batch else "",
        }
    return rows
