"""``python -m tests.crashes``: the long rehearsal of crashes. Ends with 1 if anything was lost, doubled or left half done."""

from __future__ import annotations

import argparse
import contextlib
import sys
import tempfile
import time
from collections.abc import Iterator

from clinic_orders.cli.throwaway_postgres import Cluster
from tests.conftest import make_app, upgrade
from tests.crashes.rehearsal import durable_postgresql, rehearse


@contextlib.contextmanager
def database(kind: str) -> Iterator[tuple[str, Cluster | None]]:
    """An empty database of a kind."""
    if kind == "postgresql":
        with durable_postgresql() as found:
            yield found
        return
    with tempfile.TemporaryDirectory(prefix="clinic-orders-crash-") as folder:
        url = f"sqlite:///{folder}/orders.sqlite3"
        with make_app(url) as app:
            upgrade(app)
        yield url, None


def main() -> int:
    """Kill for as long as told, and say what was found."""
    wanted = argparse.ArgumentParser(prog="python -m tests.crashes", description=__doc__)
    wanted.add_argument("--database", choices=("sqlite", "postgresql"), default="postgresql")
    wanted.add_argument("--minutes", type=float, default=5.0)
    wanted.add_argument("--seed", type=int, default=1)
    wanted.add_argument("--clinics", type=int, default=6)
    wanted.add_argument("--between", type=int, nargs=2, default=(5, 30), help="deeds between two deaths")
    asked = wanted.parse_args()
    until = time.monotonic() + asked.minutes * 60
    with database(asked.database) as (url, server):
        found = rehearse(
            url,
            server,
            seed=asked.seed,
            go_on=lambda _deaths: time.monotonic() < until,
            clinics=asked.clinics,
            between=asked.between,
            told=lambda words: print(words, flush=True),
        )
    ledger = found.ledger
    print(
        f"{asked.database}, seed {asked.seed}, {found.seconds:.0f} s: {len(found.deaths)} deaths; acknowledged "
        f"{len(ledger.orders)} orders, {len(ledger.answered)} answers, {len(ledger.shipped)} shipments, "
        f"{len(ledger.received)} acceptances, {len(ledger.payments)} payments, {len(ledger.files)} files; "
        f"{len(found.faults)} faults"
    )
    for fault in found.faults:
        print(f"  {fault}")
    return 1 if found.faults else 0


if __name__ == "__main__":
    sys.exit(main())
