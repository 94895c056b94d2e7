"""How many there are of everything where every list is longer than a page."""

from __future__ import annotations

from datetime import date

MANY = 60
"""More than the longest page of a list."""
START = date(2026, 1, 1)
