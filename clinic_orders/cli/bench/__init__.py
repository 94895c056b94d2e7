"""``clinic-orders bench``: how fast it is, as ratios against floors measured in the same run (docs/performance.md)."""

from __future__ import annotations

import click

from clinic_orders.cli.bench.api import api
from clinic_orders.cli.bench.checks import checks
from clinic_orders.cli.bench.files import files
from clinic_orders.cli.bench.letters import letters
from clinic_orders.cli.bench.load import load
from clinic_orders.cli.bench.payments import payments
from clinic_orders.cli.bench.public import public
from clinic_orders.cli.bench.scale import scale
from clinic_orders.cli.bench.traces import traces
from clinic_orders.cli.bench.web import web


@click.group("bench")
def bench() -> None:
    """Measure. Only ratios inside one run mean anything; the machine's own speed drifts."""


for _command in (web, payments, files, letters, checks, traces, public, api, load, scale):
    bench.add_command(_command)

COMMANDS = (bench,)
