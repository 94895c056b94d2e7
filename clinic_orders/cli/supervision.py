"""``clinic-orders check``: what is found as of a day, without storing it (formats.md section 3)."""

from __future__ import annotations

import csv
import json
import sys
from collections.abc import Sequence
from datetime import datetime

import click

from clinic_orders.cli.context import Console, pass_console
from clinic_orders.models.base import reading_only
from clinic_orders.queries.checks import Scope
from clinic_orders.queries.checks import check as find
from clinic_orders.rules.findings import CheckRule, Finding

_COLUMNS = ("rule", "grade", "institution", "distributor", "key", "period", "figures", "formula")


def _flat(finding: Finding) -> list[str]:
    """A finding as one row of text; its figures as ``name=value`` joined by "; "."""
    whole = finding.as_json()
    figures = "; ".join(
        f"{name}={' '.join(value) if isinstance(value, list) else value}"
        for name, value in finding.written_figures().items()
    )
    return [
        "" if value is None else str(value) for value in ({**whole, "figures": figures}[c] for c in _COLUMNS)
    ]


def _neutral(text: str) -> str:
    """A text that no spreadsheet takes for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text


def _write_csv(findings: Sequence[Finding]) -> None:
    out = csv.writer(sys.stdout, lineterminator="\n")
    out.writerow(_COLUMNS)
    out.writerows([_neutral(text) for text in _flat(finding)] for finding in findings)


def _write_text(findings: Sequence[Finding]) -> None:
    for finding in findings:
        rule, grade, institution, distributor, key, period, figures, _ = _flat(finding)
        who = " ".join(part for part in (institution, distributor) if part)
        click.echo(f"{rule:20} {grade:16} {who:24} {key or '–':28} {period:10}  {figures}")
    click.echo(f"{len(findings)} findings", err=True)


@click.command("check")
@click.option("--as-of", type=click.DateTime(["%Y-%m-%d"]), required=True, help="The day, in China.")
@click.option(
    "--rule",
    "rules",
    multiple=True,
    type=click.Choice([rule.value for rule in CheckRule]),
    help="Only this check; may be given several times.",
)
@click.option("--format", "form", type=click.Choice(["json", "csv", "text"]), default="text")
@pass_console
def check_command(console: Console, as_of: datetime, rules: tuple[str, ...], form: str) -> None:
    """Compute the findings as of a day; nothing is stored."""
    with console.app.app_context(), reading_only():
        wanted = [CheckRule(rule) for rule in rules] or None
        findings = find(Scope(as_of.date()), wanted)
    if form == "json":
        document = {"as_of": as_of.date().isoformat(), "findings": [one.as_json() for one in findings]}
        click.echo(json.dumps(document, ensure_ascii=False))
    elif form == "csv":
        _write_csv(findings)
    else:
        _write_text(findings)


COMMANDS = (check_command,)
