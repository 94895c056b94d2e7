"""Every class that a template names is drawn by a style sheet: a name without a rule is a page without its shape."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
# What only tests and scripts look for.
UNDRAWN = {"hint-sum", "item-row", "tick-cell", "drawn", "clauses"}


def test_every_class_of_a_template_stands_in_a_style_sheet() -> None:
    sheets = "".join(path.read_text() for path in (ROOT / "clinic_orders/static").rglob("*.css"))
    drawn = set(re.findall(r"\.([A-Za-z][\w-]*)", sheets))
    named = {
        word
        for path in (ROOT / "templates").rglob("*.html")
        for value in re.findall(r'class="([a-z0-9 -]*)"', path.read_text())
        for word in value.split()
    }
    assert named - drawn == UNDRAWN
