"""Write the tables of docs/rules.md that come from the code: policy, steps, reasons, jobs, roles.

    python scripts/make_rules_doc.py

Run it after changing one of them and commit the difference; tests/structure/test_docs.py compares.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Iterable
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from clinic_orders.jobs import JOBS  # noqa: E402
from clinic_orders.rules.order_steps import TRANSITIONS  # noqa: E402
from clinic_orders.rules.parties import GRANTS, Permission, Role  # noqa: E402
from clinic_orders.rules.policy_parameters import PARAMETERS, Parameter  # noqa: E402
from clinic_orders.rules.reasons import LABELS  # noqa: E402

DOCUMENT = ROOT / "docs" / "rules.md"
_MARKED = re.compile(r"<!-- made: (\w+) -->\n.*?<!-- /made -->", re.DOTALL)


def _table(head: Iterable[str], rows: Iterable[Iterable[object]]) -> str:
    head = list(head)
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _default(about: Parameter) -> str:
    parts = [about.default or "not set"] if not about.by_kind else []
    parts += [f"{kind}: {value}" for kind, value in about.by_kind.items()]
    if about.by_kind and not about.default:
        parts.append("others not set")
    return "; ".join(parts)


def _confirmed(about: Parameter) -> str:
    if not about.confirmed:
        return "no"
    if about.unconfirmed_kinds:
        return f"yes, but {', '.join(sorted(about.unconfirmed_kinds))}"
    return "yes"


def policy() -> str:
    """Every policy parameter with its default and what that rests on."""
    return _table(
        ("parameter", "what", "form", "default", "rests on", "confirmed"),
        (
            (f"`{name}`", about.label, about.form.value, _default(about), about.rests_on, _confirmed(about))
            for name, about in PARAMETERS.items()
        ),
    )


def steps() -> str:
    """Who may take which step from which state."""
    return _table(
        ("step", "on", "from", "to", "who"),
        (
            (
                f"`{row.step.value}`",
                row.subject.value,
                "–" if row.before is None else row.before.value,
                row.after.value,
                ", ".join(sorted(side.value for side in row.sides)),
            )
            for row in TRANSITIONS
        ),
    )


def reasons() -> str:
    """The coded reasons of each list."""
    rows = []
    for kind, labels in LABELS.items():
        for code, (words, chinese) in labels.items():
            justified = getattr(code, "is_justified", None)
            rows.append(
                (
                    kind.__name__.removesuffix("Reason").lower(),
                    f"`{code.value}`",  # type: ignore[attr-defined]
                    words,
                    chinese,
                    "–" if justified is None else "yes" if justified else "no",
                )
            )
    return _table(("list", "code", "label", "in files", "justified"), rows)


def jobs() -> str:
    """The scheduled jobs."""
    return _table(
        ("job", "time", "what", "missed slots"),
        (
            (f"`{job.name}`", f"`{job.cron}`", job.title, "every one" if job.catch_up else "the newest")
            for job in JOBS
        ),
    )


def roles() -> str:
    """Which role carries which permission."""
    shown = [role for role in Role if role is not Role.SYSTEM]
    return _table(
        ("permission", *(role.value for role in shown)),
        (
            (f"`{permission.value}`", *("yes" if permission in GRANTS[role] else "" for role in shown))
            for permission in Permission
        ),
    )


TABLES: dict[str, Callable[[], str]] = {
    "policy": policy,
    "steps": steps,
    "reasons": reasons,
    "jobs": jobs,
    "roles": roles,
}


def filled(text: str) -> str:
    """The document with its marked tables made anew.

    Raises:
        KeyError: the document marks a table that nobody makes.

    """
    return _MARKED.sub(lambda found: f"<!-- made: {found[1]} -->\n{TABLES[found[1]]()}\n<!-- /made -->", text)


def main() -> None:
    """Write the document."""
    DOCUMENT.write_text(filled(DOCUMENT.read_text(encoding="utf-8")), encoding="utf-8")
    print(DOCUMENT.relative_to(ROOT))


if __name__ == "__main__":
    main()
