"""How many web processes and threads: the order page and whole orders through ``clinic-orders serve`` of several shapes.

    python -m scripts.worker_settings [--rounds 3] [--seconds 4] [--database sqlite|postgresql]

Shapes take turns, so that what else runs on the machine touches all of them; each is told as its share of the best rate of
its round (least / middle / greatest), with the time that nineteen of twenty requests stay under.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import random
import statistics
import tempfile
import threading
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path

from clinic_orders.cli.throwaway_postgres import DURABLE, cluster
from clinic_orders.models.base import db
from tests.conftest import make_app, upgrade
from tests.crashes.load import Cast, cast
from tests.crashes.site import Site
from tests.crashes.visitors import Visitor
from tests.people import PASSWORD

SHAPES = ((1, 1), (1, 4), (2, 1), (2, 4), (2, 8), (4, 2), (4, 4))
VISITORS = 8


def order(visitor: Visitor, members: Cast, chance: random.Random) -> None:
    """Three quantities typed, checked and sent: three requests and the page between."""
    form = visitor.page("/order").form("/order")
    assert form is not None
    typed = {f"q-{code}": str(chance.randint(1, 9)) for code in chance.sample(members.codes, k=3)}
    visitor.send("/order", form.filled(**typed, do="check"))
    check = visitor.page("/order/check").form("/order/send")
    assert check is not None
    visitor.send("/order/send", check.fields)


def rate(visitors: list[Visitor], deed: Callable[[Visitor], object], seconds: float) -> tuple[float, float]:
    """Deeds in a second by all of them together, and the milliseconds that 95 of 100 stay under."""
    times: list[float] = []
    until = time.monotonic() + seconds

    def work(visitor: Visitor) -> None:
        while (began := time.monotonic()) < until:
            deed(visitor)
            times.append(time.monotonic() - began)

    threads = [threading.Thread(target=work, args=[visitor]) for visitor in visitors]
    began = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    taken = time.monotonic() - began
    return len(times) / taken, sorted(times)[int(len(times) * 0.95)] * 1000


def main() -> None:
    """Measure and print a table."""
    wanted = argparse.ArgumentParser()
    wanted.add_argument("--rounds", type=int, default=3)
    wanted.add_argument("--seconds", type=float, default=4.0)
    wanted.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    asked = wanted.parse_args()
    found: dict[str, dict[tuple[int, int], list[tuple[float, float]]]] = defaultdict(
        lambda: defaultdict(list)
    )
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="clinic-orders-workers-")))
        url = f"sqlite:///{folder}/orders.sqlite3"
        if asked.database == "postgresql":
            server = stack.enter_context(cluster(DURABLE))
            url = server.url(server.create())
        with make_app(url, instance=folder) as app:
            upgrade(app)
            members = cast(app, VISITORS)
            with app.app_context():
                db.engine.dispose()
        for _ in range(asked.rounds):
            for shape in SHAPES:
                site = Site(url, folder / "instance", workers=shape[0], threads=shape[1])
                try:
                    site.start_server()
                    site.wait_until_it_answers()
                    visitors = [Visitor(site.address) for _ in members.clinics]
                    for visitor, code in zip(visitors, members.clinics, strict=True):
                        visitor.log_in(code, PASSWORD)
                        visitor.page("/order")
                    chance = random.Random(1)
                    found["page"][shape].append(rate(visitors, lambda one: one.page("/order"), asked.seconds))
                    found["order"][shape].append(
                        rate(visitors, lambda one, by=chance: order(one, members, by), asked.seconds)
                    )
                finally:
                    site.end()
    print(
        f"{asked.database}, {os.cpu_count()} processors, load {os.getloadavg()[0]:.1f}, {VISITORS} visitors at once"
    )
    for what, shapes in found.items():
        best = [max(rates[turn][0] for rates in shapes.values()) for turn in range(asked.rounds)]
        for shape, rates in shapes.items():
            shares = sorted(one[0] / top for one, top in zip(rates, best, strict=True))
            middle = statistics.median(one[0] for one in rates)
            slow = statistics.median(one[1] for one in rates)
            print(
                f"{what:6} {shape[0]} x {shape[1]}: {shares[0]:.2f} / {statistics.median(shares):.2f} / {shares[-1]:.2f} "
                f"of the best; {middle:6.1f} a second, 95 % under {slow:5.0f} ms"
            )


if __name__ == "__main__":
    main()
