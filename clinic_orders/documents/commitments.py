"""The signed commitment letter 承诺书 as a paper (R-ROSTER-4): its clauses, who signed when on which device."""

from __future__ import annotations

from clinic_orders.documents import render
from clinic_orders.models.applications import Application
from clinic_orders.rules.applications import letter_text, rate_words


def commitment_pdf(found: Application, *, county: str) -> bytes:
    """The letter as it was signed.

    Args:
        found: an application whose letter is signed.
        county: the name of its county.

    Raises:
        PapersOff: Pango or a Chinese font is missing.
        LetterVersionUnknown: the version was never in force.

    """
    letter = letter_text(found.letter_version)
    rate = rate_words(found.markup_rate)
    return render(
        "commitment_letter",
        {
            "kind": "business",
            "a": found,
            "county": county,
            "letter": letter,
            "clauses": [(one.number, one.text.format(rate=rate), one.rules) for one in letter.clauses],
            "mark": "演示数据 · 无效力" if found.demo else "",
        },
    )
