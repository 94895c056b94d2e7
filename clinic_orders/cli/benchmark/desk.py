"""What the bureau waits for, in absolute times: the checks without a floor, storing the findings, closing, its two pages."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from flask import Flask

from clinic_orders import clock
from clinic_orders.actions.accounts import open_account
from clinic_orders.actions.findings import raise_findings
from clinic_orders.actions.statistics import close_month
from clinic_orders.cli.benchmark.allocation import Page
from clinic_orders.cli.benchmark.floors import FLOORS
from clinic_orders.cli.benchmark.measuring import Seconds, timed_with_server
from clinic_orders.cli.benchmark.supervised import Stage
from clinic_orders.cli.benchmark.visitor import Visitor
from clinic_orders.models.base import db
from clinic_orders.queries.checks import CHECKS, Scope, checked_rules
from clinic_orders.rules.days import Month
from clinic_orders.rules.findings import Finding
from clinic_orders.rules.parties import SYSTEM, Role

_PASSWORD: Final = "a bench of the desk 1"  # noqa: S105 - nobody else knows this database.
_PAGES: Final = (("desk", "/bureau/"), ("dashboard", "/dashboard/"))


def measure_desk(app: Flask, stage: Stage, rounds: int, say: Callable[[str], None]) -> dict[str, Any]:
    """All that has no floor: each once by the clock and in processor time of both ends, the pages several times."""
    month = Month.of(stage.on)
    found: list[Finding] = []
    once: dict[str, Seconds] = {}
    with app.app_context():
        for one in CHECKS:
            say(f"{stage.months} months: {one.RULES[0].value}, for its findings")
            took, findings = timed_with_server(partial(_all_of, one.find, Scope(stage.on)))
            found += findings
            if not FLOORS.keys() & set(one.RULES):
                once[one.RULES[0].value] = took
            db.session.rollback()
        say(f"{stage.months} months: storing {len(found)} findings, closing the month")
        at = clock.now()
        keep = partial(raise_findings, stage.on, found, checked_rules(), by=SYSTEM, at=at)
        once[f"storing {len(found)} findings"], _ = timed_with_server(keep)
        once["closing the month"], _ = timed_with_server(partial(close_month, month, by=SYSTEM, at=at))
        for role, county in ((Role.CITY, None), (Role.COUNTY, "410325")):
            open_account(
                _login(role, stage),
                role.value,
                role,
                password=_PASSWORD,
                must_change_password=False,
                by=SYSTEM,
                at=at,
                county_code=county,
            )
        db.session.remove()
    pages = []
    for role in (Role.CITY, Role.COUNTY):
        visitor = Visitor(app)
        visitor.log_in(_login(role, stage), _PASSWORD)
        pages += [Page(app, f"{what} of the {role.value}", path, visitor) for what, path in _PAGES]
    for page in pages:
        say(f"{stage.months} months: {page.name}")
        for _ in range(rounds):
            page.run()
    return {
        "once_ms": {
            name: {"clock": round(took.wall * 1000), "processor": round(took.cpu * 1000)}
            for name, took in once.items()
        },
        "pages": [page.as_dict() for page in pages],
    }


def _all_of(find: Callable[[Scope], Any], scope: Scope) -> list[Finding]:
    return list(find(scope))


def _login(role: Role, stage: Stage) -> str:
    return f"bench-{role.value}-{stage.months}"
