"""``bench load``: many people at once on a prefecture, against the goals of a server that is in use."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path
from typing import Any, Final

import click

from clinic_orders.cli.bench.common import DATABASE, FORMAT, databases, machine, told_as_json
from clinic_orders.cli.benchmark.load.growth import measure_growth
from clinic_orders.cli.benchmark.load.measures import Asked, mixed, refuse_without, rush, saturation
from clinic_orders.cli.benchmark.load.prefecture import Prefecture, Wanted, prefecture
from clinic_orders.cli.benchmark.world import application
from clinic_orders.cli.context import Console, pass_console
from clinic_orders.exchange.demonstration import SCALES
from clinic_orders.rules.parties import Role

PARTS: Final = ("mixed", "saturation", "rush", "growth")


@click.command("load")
@click.option("--part", "parts", type=click.Choice(PARTS), multiple=True, help="Only this; default all.")
@click.option(
    "--keep",
    type=click.Path(path_type=Path, file_okay=False),
    help="A folder in which the filled databases stay for the next time; else they are made and thrown away.",
)
@click.option("--size", type=click.Choice(sorted(SCALES)), default="prefecture", show_default=True)
@click.option("--months", type=click.IntRange(1, 60), default=12, show_default=True, help="Of history.")
@click.option("--users", type=click.IntRange(4, 2000), default=200, show_default=True)
@click.option("--think", default=5.0, show_default=True, help="Seconds that a user thinks, on the mean.")
@click.option("--warm", default=20.0, show_default=True, help="Seconds before the clock starts.")
@click.option("--seconds", default=120.0, show_default=True, help="Of the mixed traffic.")
@click.option("--rounds", default=3, show_default=True, type=click.IntRange(1, 20))
@click.option("--institutions", default=3300, show_default=True, type=click.IntRange(1), help="Of the rush.")
@click.option("--within", default=60.0, show_default=True, help="Seconds in which they order.")
@click.option(
    "--orders", default=1_000_000, show_default=True, type=click.IntRange(2000), help="Of the growth."
)
@click.option("--workers", type=click.IntRange(1, 64), help="Web processes; default as serve chooses.")
@click.option("--scheduler/--no-scheduler", default=False, help="Whether the scheduler runs beside.")
@DATABASE
@FORMAT
@pass_console
def load(
    console: Console,
    /,
    parts: tuple[str, ...],
    keep: Path | None,
    size: str,
    months: int,
    orders: int,
    only: str | None,
    form: str,
    **more: Any,
) -> None:
    """Mixed traffic, the rates at saturation against floors, a rush of orders, an order among a million."""

    def say(text: str) -> None:
        click.echo(text, err=True)

    asked, chosen = Asked(**more), parts or PARTS
    found: dict[str, Any] = {"machine": machine(), "databases": {}}
    with contextlib.ExitStack() as stack:
        folder = keep or Path(
            stack.enter_context(tempfile.TemporaryDirectory(prefix="clinic-orders-load-", dir="/tmp"))
        )
        folder.mkdir(parents=True, exist_ok=True)
        # PostgreSQL's server runs as somebody else where this process is root's.
        folder.chmod(0o755)
        for name in databases(only):
            told: dict[str, Any] = {"load_before": round(os.getloadavg()[0], 1)}
            found["databases"][name] = told
            for part in chosen:
                say(f"{name}: {part}")
                if part == "growth":
                    told[part] = measure_growth(console.make_app, name, size, orders, asked.rounds, say)
                    continue
                wanted = Wanted(size, months, max(asked.users, asked.institutions), asked.users)
                with prefecture(console.make_app, name, (folder / name).resolve(), wanted, say) as there:
                    told[part] = _measure(console, part, there, asked, folder / f"{name}-serve.log", say)
            told["load_after"] = round(os.getloadavg()[0], 1)
    if told_as_json(found, form):
        return
    for name, told in found["databases"].items():
        click.echo(f"\n{name}, load of the machine {told['load_before']} before, {told['load_after']} after")
        for part in chosen:
            _TOLD[part](told[part])


def _measure(
    console: Console, part: str, there: Prefecture, asked: Asked, log: Path, say: Any
) -> dict[str, Any]:
    if part == "mixed":
        return mixed(there, asked, log, say)
    with application(console.make_app, there.url, there.instance) as app:
        if part == "saturation":
            return saturation(app, there, asked, say)
        refuse_without(there.of(Role.INSTITUTION, Role.HOSPITAL), asked.institutions)
        return rush(app, there, asked, log, say)


def _met(told: dict[str, Any]) -> str:
    return "met" if told["met"] else "MISSED"


def _times(word: str, told: dict[str, Any]) -> None:
    click.echo(
        f"    {word:<34}{told['requests']:>7} requests, {told['errors']} errors; "
        f"p50 {told['p50']:.0f}  p95 {told['p95']:.0f}  p99 {told['p99']:.0f}  greatest {told['most']:.0f} ms"
    )


def _tell_mixed(told: dict[str, Any]) -> None:
    roles = ", ".join(f"{count} {role}" for role, count in told["roles"].items())
    click.echo(
        f"  mixed traffic of {told['users']} users ({roles}), {told['requests_a_second']} requests/s"
        f" (goal: no error, p99 <= 1 s: {_met(told)})"
    )
    _times("in all", told["in_all"])
    for kind, part in told["kinds"].items():
        _times(kind, part)
    slowest = sorted(told["names"].items(), key=lambda pair: -pair[1]["p99"])[:8]
    click.echo("   the slowest by p99:")
    for name, part in slowest:
        _times(name, part)
    _times("log-ins, before the clock", told["log_ins"])
    _tell_wrong(told)


def _tell_saturation(told: dict[str, Any]) -> None:
    rates = {name: rate["median"] for name, rate in told["rates"].items()}
    for word, ours, floor, ratio in (
        ("pages", "pages", "ready", "pages_ratio"),
        (f"orders of {told['lines']} lines", "orders", "bare", "orders_ratio"),
    ):
        part = told[ratio]
        spread = part["ratio"]
        click.echo(
            f"  {word} at saturation: {rates[ours]:.1f}/s against {rates[floor]:.1f}/s "
            f"{'rendered from ready data' if floor == 'ready' else 'by bare SQL'}; "
            f"{spread['min']:.2f} / {spread['median']:.2f} / {spread['max']:.2f}"
            f" (goal >= {part['goal']:g}: {_met(part)})"
        )
    _tell_wrong(told)


def _tell_rush(told: dict[str, Any]) -> None:
    stored = told["stored"]
    click.echo(
        f"  {told['institutions']} institutions order within {told['within']:g} s (goal: all, once: {_met(told)}):"
    )
    click.echo(
        f"    {told['sent']} forms sent, {told['acknowledged']} institutions acknowledged, the last answer after "
        f"{told['seconds_until_the_last_answer']} s; stored {stored['submissions']} submissions with "
        f"{stored['orders']} orders and {stored['lines']} lines; db check: {told['db_check']}"
    )
    _times("sending", told["in_all"])
    _times(f"log-ins, {told['log_ins_a_second']}/s, before the clock", told["log_ins"])
    _tell_wrong(told)


def _tell_growth(told: dict[str, Any]) -> None:
    click.echo(
        f"  an order of 12 lines among {told['orders'][1]:,} orders against one among {told['orders'][0]:,}, turn by turn:"
    )
    for by, part in told["ratio"].items():
        click.echo(f"    {part['min']:.2f} / {part['median']:.2f} / {part['max']:.2f} x by {by}")
    click.echo(
        f"    {told['ms'][1]:.2f} ms against {told['ms'][0]:.2f} ms of processor time, "
        f"{told['statements'][1]} statements against {told['statements'][0]} (goal <= 1.2 x: {_met(told)})"
    )


def _tell_wrong(told: dict[str, Any]) -> None:
    for words, times in told["wrong"].items():
        click.echo(f"    wrong, {times} times: {words}")


_TOLD: Final = {
    "mixed": _tell_mixed,
    "saturation": _tell_saturation,
    "rush": _tell_rush,
    "growth": _tell_growth,
}
