"""docs/features.md promises only what is there: every page, file and test that it names exists."""

from __future__ import annotations

import ast
import csv
import re
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "docs" / "features.md").read_text(encoding="utf-8")
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in TEXT.splitlines()
    if re.match(r"\| \d+ \|", line)
]
NAMED = re.compile(r"`([^`]+)`")


def test_there_are_thirty_each_with_a_place_and_a_test():
    assert [int(row[0]) for row in ROWS] == list(range(1, 31))
    for number, what, state, where, shown in ROWS:
        assert what, f"{number} says nothing"
        assert state == "whole" or state.startswith("partly: "), f"{number} is {state!r}"
        assert NAMED.findall(where), f"{number} names no page and no file"
        assert any(name.startswith("tests/") for name in NAMED.findall(shown)), f"{number} names no test"


def test_every_page_file_and_test_that_is_named_exists():
    with (ROOT / "tests" / "structure" / "access.csv").open(encoding="utf-8") as table:
        pages = {row["endpoint"] for row in csv.DictReader(table)}
    missing = []
    for name in NAMED.findall(TEXT):
        path, _, test = name.partition("::")
        if "/" not in name and name != "Makefile":
            missing += [] if name in pages else [name]
        elif not (ROOT / path).exists() or (test and test not in _tests(ROOT / path)):
            missing.append(name)
    assert not missing, f"docs/features.md names what is not there: {missing}"


def _tests(path: Path) -> set[str]:
    return {
        node.name
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef)
    }
