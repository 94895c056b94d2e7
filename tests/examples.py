"""How many random worlds a property test draws on a database, where each costs tenths of a second."""

from __future__ import annotations

import os


def examples(number: int) -> int:
    """All of them in continuous integration, where they are the same each time, and in ``make test-all``; else half.

    Elsewhere every run draws new ones, so that what today's half leaves out comes another day.

    Args:
        number: of a whole run.

    """
    whole = "CI" in os.environ or "EVERY_EXAMPLE" in os.environ
    return number if whole else number // 2
