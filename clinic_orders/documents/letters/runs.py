"""Runs of letters (``documents.paper_runs``): each letter from its kept text, in the order of their numbers."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Final

from clinic_orders.documents.letters.press import merged, set_letters
from clinic_orders.documents.paper_runs import Kind, Wanted, put_part, safe_name
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.queries import letter_runs as questions
from clinic_orders.rules.letters import LetterContent

IN_PART: Final = 100


def file_name(content: LetterContent, place: int) -> str:
    """What a letter is called in the ZIP: its place, number and addressee."""
    name = safe_name(f"{content.number or '草稿'}-{content.addressee}")
    return f"{place + 1:05}-{name}.pdf"


def make_part(folder: Path, part: int, first: int, texts: Sequence[str], address: str) -> int:
    """Print a part of a run into its folder; how many letters it has.

    Args:
        folder: of the run.
        part: its number from 0.
        first: the place of its first letter in the run.
        texts: canonical texts of its letters.
        address: our own address for the codes.

    """
    contents = [LetterContent.from_canonical(text) for text in texts]
    made = set_letters(contents, address=address)
    put_part(
        folder,
        part,
        merged(made, title=f"{part + 1}"),
        (
            (file_name(content, first + place), one.pdf)
            for place, (content, one) in enumerate(zip(contents, made, strict=True))
        ),
    )
    return len(made)


def _wanted(run: LetterRun) -> Wanted:
    address = run.address

    def load(some: Sequence[int]) -> tuple[Any, ...]:
        texts = questions.texts_of(some)
        return [texts[one] for one in some], address

    title = f"{run.first_day.isoformat()}—{run.last_day.isoformat()} 文书（{run.total}份）"
    return Wanted(title, list(run.letter_ids), load)


LETTER_RUNS: Final = Kind(LetterRun, "letter-runs", IN_PART, _wanted, make_part)
