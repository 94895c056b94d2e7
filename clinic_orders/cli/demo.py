"""``clinic-orders demo``: fill an empty database with the demonstration prefecture and print who logs in how."""

from __future__ import annotations

import csv
import json
import os
import random
import sys
from collections import Counter
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import click
from flask_migrate import upgrade as alembic_upgrade

from clinic_orders import clock
from clinic_orders.actions import accounts, catalogue
from clinic_orders.actions.alarms import report_no_distributor
from clinic_orders.actions.demonstration import mark_all_as_demo
from clinic_orders.actions.divisions import load_divisions
from clinic_orders.actions.payables import keep_payables
from clinic_orders.cli.context import Console, Failed, pass_console
from clinic_orders.cli.demo_sales import write_down_sales
from clinic_orders.cli.schema import current_migration, refuse_not_newest
from clinic_orders.exchange.demonstration import (
    SCALES,
    Demonstration,
    expected_rows,
    files,
    make_demonstration,
    person,
)
from clinic_orders.exchange.demonstration.applying import make_applications
from clinic_orders.exchange.demonstration.assessing import make_assessments, make_exits, make_trainings
from clinic_orders.exchange.demonstration.cases import make_cases
from clinic_orders.exchange.demonstration.clues import make_clues
from clinic_orders.exchange.demonstration.duties import close_months, make_duties
from clinic_orders.exchange.demonstration.inspections import make_complaints, make_inspections
from clinic_orders.exchange.demonstration.monitoring import publish as publish_watched
from clinic_orders.exchange.demonstration.monitoring import watch_prices
from clinic_orders.exchange.demonstration.publicity import open_to_the_public
from clinic_orders.exchange.divisions import CATALOG, read_divisions
from clinic_orders.exchange.importing import Report, import_file, import_rows
from clinic_orders.exchange.tables import KINDS
from clinic_orders.jobs import figures
from clinic_orders.jobs.job import Outcome
from clinic_orders.jobs.orders import keep_stock_levels
from clinic_orders.queries import demonstration as questions
from clinic_orders.queries.checks import checked_rules
from clinic_orders.queries.ordering import buyer, items_on
from clinic_orders.rules.days import day_in_china, start_of_day
from clinic_orders.rules.ladder import CaseState
from clinic_orders.rules.parties import SYSTEM, Actor, Role

RECOMMENDED = CATALOG / "recommended_338"


def rows_of(path: Path) -> list[dict[str, str]]:
    """The rows of a shipped file."""
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def all_stored(report: Report) -> None:
    """The shipped and invented rows must go in whole; anything refused is a fault of ours, said plainly."""
    if report.errors:
        first = report.errors[0]
        raise Failed(f"{report.kind}: row {first.row}, {first.column}: {first.refusal}")


def load_catalogue(at: datetime) -> None:
    """The shipped items, prices, edition and example policies, through the same door as any file."""
    for kind, path in (
        ("catalogue", RECOMMENDED / "catalogue.csv"),
        ("prices", RECOMMENDED / "prices.csv"),
        ("editions", RECOMMENDED / "editions.csv"),
        ("policies", CATALOG / "policies_example.csv"),
    ):
        all_stored(import_file(kind, path, path.name, by=SYSTEM, at=at))
    catalogue.note_provenance(rows_of(RECOMMENDED / "provenance.csv"), by=SYSTEM, at=at)


def _open_accounts(
    world: Demonstration, seed: int, at: datetime
) -> list[tuple[str, accounts.NewAccount, str]]:
    """One account per role, and who it is; the hospital's pharmacist serves in a village clinic too."""
    dice = random.Random(seed + 7)  # noqa: S311 - invented names.
    clinic, hospital = (
        questions.institution_id(world.show_clinic),
        questions.institution_id(world.show_hospital),
    )
    distributor = questions.distributor_id(world.show_distributor)
    clinic_name, hospital_name = questions.name_of(world.show_clinic), questions.name_of(world.show_hospital)
    distributor_name = world.rows["distributors"][0]["name"]
    wanted: list[tuple[str, str, str, Role, str, dict[str, Any]]] = [
        ("institution", "village", "王保田", Role.INSTITUTION, clinic_name, {"institution_id": clinic}),
        ("hospital", "hospital", person(dice), Role.HOSPITAL, hospital_name, {"institution_id": hospital}),
        (
            "distributor",
            "distributor",
            "刘敏",
            Role.DISTRIBUTOR,
            distributor_name,
            {"distributor_id": distributor},
        ),
        ("county", "county", person(dice), Role.COUNTY, "县医疗保障局", {"county_code": world.show_county}),
        ("city", "city", person(dice), Role.CITY, "市医疗保障局", {}),
        ("operator", "operator", person(dice), Role.OPERATOR, "运维", {}),
        # Severe letters are signed by two: the second officer logs in too.
        ("second", "second", person(dice), Role.CITY, "市医疗保障局（第二人）", {}),
    ]
    made = []
    for word, username, name, role, where, scope in wanted:
        account = accounts.open_account(
            username,
            name,
            role,
            by=SYSTEM,
            at=at,
            must_change_password=False,
            valid_from=day_in_china(at) - timedelta(days=365),
            demo=True,
            **scope,
        )
        made.append((word, account, where))
    second = next(
        place
        for place in world.places
        if place.supervisor == world.show_hospital and place.code != world.show_clinic
    )
    accounts.assign_role(
        made[1][1].user_id,
        Role.INSTITUTION,
        institution_id=questions.institution_id(second.code),
        valid_from=day_in_china(at) - timedelta(days=365),
        by=SYSTEM,
        at=at,
    )
    return made


def _raise_alarms(world: Demonstration, at: datetime) -> None:
    """The clinic that logs in has told its county of two items that nobody delivers, so that the list shows what it is for."""
    on = day_in_china(at)
    who = buyer(questions.institution_id(world.show_clinic), on=on)
    if who is None:
        return
    delivered = {
        row["item_code"] for row in world.rows["delivery-relations"] if row["scope"] == world.show_county
    }
    gaps = [item for item in items_on(on, every=True).items if item.code not in delivered]
    report_no_distributor(who, {item.id: item.name for item in gaps[:2]}, by=SYSTEM, at=at)


def _make_cases(
    world: Demonstration, made: list[tuple[str, accounts.NewAccount, str]], at: datetime
) -> dict[str, int]:
    """Cases at different stages, by the state in which they stand."""
    officers = {word: Actor(account.name, Role.CITY, user_id=account.user_id) for word, account, _ in made}
    found = make_cases(
        world.as_of,
        quarters_end=world.last_quarter.last_day,
        officer=officers["city"],
        second=officers["second"],
        logging_in={
            "institution": questions.institution_id(world.show_clinic),
            "hospital": questions.institution_id(world.show_hospital),
            "distributor": questions.distributor_id(world.show_distributor),
        },
        now=at,
    )
    return {state.value: found[state] for state in CaseState if found[state]}


def _officer(made: list[tuple[str, accounts.NewAccount, str]], wanted: str = "city") -> Actor:
    """The city's officer who logs in, or the second one."""
    account = next(account for word, account, _ in made if word == wanted)
    return Actor(account.name, Role.CITY, user_id=account.user_id)


def _county_officer(world: Demonstration, made: list[tuple[str, accounts.NewAccount, str]]) -> Actor:
    """The county's officer who logs in."""
    account = next(account for word, account, _ in made if word == "county")
    return Actor(account.name, Role.COUNTY, user_id=account.user_id, county_code=world.show_county)


def _report_and_close(world: Demonstration, officer: Actor, at: datetime, *, every: bool) -> list[str]:
    """Stocking lists, planned volume, closed months, and what the night would reckon; the closed months."""
    make_duties(world, officer=officer, now=at)
    closed = close_months(world, every=every, officer=officer, now=at)
    outcome = Outcome()
    figures.reckon_months(day_in_china(at), at, outcome)
    figures.reckon_stages(day_in_china(at), at, outcome)
    if outcome.failures:
        raise Failed(f"reckoning failed: {outcome.failures}")
    return [str(month) for month in closed]


def _make_clues(
    world: Demonstration, made: list[tuple[str, accounts.NewAccount, str]], instance: Path, at: datetime
) -> dict[str, int]:
    """Clues on trace codes at different stages, by the state in which they stand."""
    return make_clues(
        instance,
        officer=_officer(made),
        institution=(questions.institution_id(world.show_clinic), world.show_clinic),
        now=at,
    )


def _keep(path: Path, made: list[tuple[str, accounts.NewAccount, str]]) -> str:
    """Write the log-ins where only the owner reads them, and answer the same lines for the screen."""
    lines = "".join(
        f"{word}\t{account.username}\t{account.password}\t{account.name}，{where}\n"
        for word, account, where in made
    )
    path.parent.mkdir(parents=True, exist_ok=True)
    with os.fdopen(
        os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
    ) as file:
        file.write(lines)
    return lines


@click.command("demo")
@click.option("--size", type=click.Choice(sorted(SCALES)), default="small", show_default=True)
@click.option(
    "--months", type=click.IntRange(1, 60), default=12, show_default=True, help="Months of history."
)
@click.option("--seed", default=1, show_default=True, help="The same seed and day give the same data.")
@click.option("--if-empty", is_flag=True, help="Say nothing and leave a database alone that is not empty.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
@pass_console
def demo(console: Console, size: str, months: int, seed: int, if_empty: bool, form: str) -> None:
    """Fill an empty database with invented institutions in real places (演示数据) and print the log-ins.

    A database without a schema gets it first.
    """
    settings = console.settings
    with console.app.app_context():
        if not current_migration():
            alembic_upgrade()
        refuse_not_newest()
        if not questions.is_empty():
            if if_empty:
                return
            raise Failed("the database is not empty; the demonstration only fills an empty one")
        now = clock.now()
        if settings.today is not None:
            now = start_of_day(settings.today) + timedelta(hours=10)
        today = day_in_china(now)
        divisions = read_divisions()
        load_divisions(divisions, by=SYSTEM, at=now)
        load_catalogue(now)
        world = make_demonstration(
            size,
            months=months,
            seed=seed,
            today=today,
            # The history ends as the day begins, so that it is the same at whatever hour it is made.
            now=start_of_day(today),
            divisions=divisions,
            items=rows_of(RECOMMENDED / "catalogue.csv"),
            prices={
                row["item_code"]: Decimal(row["pack_price"]) for row in rows_of(RECOMMENDED / "prices.csv")
            },
            policies=rows_of(CATALOG / "policies_example.csv"),
        )
        steps = expected_rows(world)
        # Only a terminal shows a bar; elsewhere click would leave a lonely label.
        bar = click.progressbar(
            length=steps, label="演示数据", file=sys.stderr, hidden=not sys.stderr.isatty()
        )
        with bar:
            for file in files(world):
                name = f"演示数据：{KINDS[file.kind].label} {file.name}".rstrip()
                # Nobody undoes a demonstration file by file; to keep what each did would double the time.
                known_at = file.reported_at or now
                all_stored(
                    import_rows(file.kind, file.rows, filename=name, traced=False, by=SYSTEM, at=known_at)
                )
                bar.update(min(len(file.rows), max(0, steps - bar.pos)))
            bar.update(max(0, steps - bar.pos))
        keep_payables(by=SYSTEM, at=now)
        mark_all_as_demo(by=SYSTEM, at=now)
        made = _open_accounts(world, seed, now)
        _raise_alarms(world, now)
        write_down_sales(world, now)
        cases = _make_cases(world, made, now)
        make_applications(
            world.show_county,
            settings.instance,
            officer=_officer(made),
            second=_officer(made, "second"),
            now=now,
        )
        clues = _make_clues(world, made, settings.instance, now)
        make_complaints(world.show_county, officer=_county_officer(world, made), now=now)
        make_inspections(world.show_clinic, officer=_officer(made), now=now)
        officer = _officer(made)
        for report in watch_prices(world, officer=officer, at=now):
            all_stored(report)
        publish_watched(world, officer=officer, at=now)
        open_to_the_public(world, officer=officer, at=now)
        closed = _report_and_close(world, _officer(made), now, every=size == "small")
        make_exits(world, officer=officer, now=now)
        make_trainings(world, now=now)
        assessed = make_assessments(world, officer=officer, now=now)
        keep_stock_levels(today, now, Outcome())
        figures.warn_of_missed_reports(today, now, Outcome())
        lines = _keep(settings.instance / "demo-logins.txt", made)
        totals = questions.counts()
        by_rule = Counter(found.rule for found in world.planted)
        planted = {rule.value: by_rule[rule.value] for rule in sorted(checked_rules())}
        quarters_end = world.last_quarter.last_day
        last_quarter = Counter(found.rule for found in world.planted_last_quarter)
    if form == "json":
        click.echo(
            json.dumps(
                {
                    "size": size,
                    "as_of": today.isoformat(),
                    "counts": totals,
                    "planted": {"as_of": world.as_of.isoformat(), "findings": planted},
                    "planted_last_quarter": {
                        "as_of": quarters_end.isoformat(),
                        "findings": dict(last_quarter),
                    },
                    "cases": cases,
                    "closed_months": closed,
                    "clues": clues,
                    "assessed_years": assessed,
                    "logins": [
                        {"role": word, "username": entry.username, "password": entry.password}
                        for word, entry, _ in made
                    ],
                },
                ensure_ascii=False,
            )
        )
        return
    click.echo("  ".join(f"{name} {count}" for name, count in totals.items()))
    click.echo(
        f"planted findings as of {world.as_of}:\n"
        + "\n".join(f"  {rule:<20}{number:>6}" for rule, number in planted.items())
    )
    if last_quarter:
        click.echo(
            f"planted findings that are judged at a quarter's end, as of {quarters_end}:\n"
            + "\n".join(f"  {rule:<20}{number:>6}" for rule, number in last_quarter.items())
        )
    click.echo("cases: " + "  ".join(f"{state} {number}" for state, number in cases.items()))
    click.echo(f"closed months: {'  '.join(closed)}")
    click.echo(lines, nl=False)


COMMANDS = (demo,)
