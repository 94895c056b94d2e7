"""Write tests/structure/access.csv: which role may open which page, as the guards say.

    python scripts/make_access.py

Run it after adding a page or changing a guard, read the difference, and commit it: the table is what a bureau
signs off. tests/structure/test_access.py requests every page as every role and compares.
"""

from __future__ import annotations

import csv
import io
import sys
import tempfile
from pathlib import Path

from flask import Flask

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from clinic_orders.app import create_app  # noqa: E402
from clinic_orders.config import Settings  # noqa: E402
from clinic_orders.rules.parties import GRANTS, Permission, Role  # noqa: E402

TABLE = ROOT / "tests" / "structure" / "access.csv"
ROLES = tuple(role for role in Role if role is not Role.SYSTEM)
COLUMNS = ("endpoint", "methods", "guard", *(role.value for role in ROLES), "anonymous")
# Flask's own door to the static files.
WITHOUT_GUARD = frozenset({"static"})


def rows_of(app: Flask) -> list[dict[str, str]]:
    """A row for every endpoint and what each role may do there, as its guard says.

    Raises:
        ValueError: an endpoint has no guard.

    """
    methods: dict[str, set[str]] = {}
    for rule in app.url_map.iter_rules():
        if rule.endpoint not in WITHOUT_GUARD:
            found = methods.setdefault(rule.endpoint, set())
            found.update((rule.methods or set()) - {"HEAD", "OPTIONS"})
    return [_row(app, endpoint, methods[endpoint]) for endpoint in sorted(methods)]


def _row(app: Flask, endpoint: str, methods: set[str]) -> dict[str, str]:
    guard = getattr(app.view_functions[endpoint], "__guard__", None)
    row = {"endpoint": endpoint, "methods": " ".join(sorted(methods))}
    if guard == "public":
        return (
            row
            | {"guard": "public"}
            | dict.fromkeys((role.value for role in ROLES), "public")
            | {"anonymous": "public"}
        )
    if not isinstance(guard, Permission):
        raise ValueError(f"{endpoint} has no guard: put @needs(Permission.…) or @public on it")
    answers = {role.value: "allowed" if guard in GRANTS[role] else "refused" for role in ROLES}
    if getattr(app.view_functions[endpoint], "__bearer__", False):
        # No session opens it: it asks for a token, which carries no more than its account's role.
        return row | {"guard": f"token {guard.value}"} | answers | {"anonymous": "token"}
    return row | {"guard": guard.value} | answers | {"anonymous": "log in"}


def as_text(rows: list[dict[str, str]]) -> str:
    """The table as CSV."""
    file = io.StringIO()
    writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return file.getvalue()


def main() -> None:
    """Write the table."""
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(
            database_url=f"sqlite:///{folder}/none.sqlite3",
            instance=Path(folder),
            secret_key="not used",
            testing=True,
        )
        text = as_text(rows_of(create_app(settings)))
    TABLE.write_text(text, encoding="utf-8")
    print(f"{TABLE.relative_to(ROOT)}: {text.count(chr(10)) - 1} pages")


if __name__ == "__main__":
    main()
