"""The long form of the fuzz, by `make fuzz`: so many minutes on each database as FUZZ_MINUTES says, new rubbish each time.

Two thirds of the time are forms and pages, one third is files. Every part ends with its time, so that a slow database
is asked less and not longer; each kind of file is tried once in any case.
"""

from __future__ import annotations

import os
import random
import resource
import subprocess
import sys
import time
import traceback
from collections import Counter
from collections.abc import Iterator

import pytest

from clinic_orders.exchange.tables import KINDS
from tests.fuzz.files import import_rubbish
from tests.fuzz.walking import ROLES, Broken, walk_as
from tests.many_of_all import make_many

MINUTES = float(os.environ.get("FUZZ_MINUTES", "15"))
START = int(os.environ.get("FUZZ_SEED") or 0) or random.SystemRandom().randrange(10**9)
REQUESTS = 50
"""So many of one role, then it is the next one's turn."""
FILES = 5
"""So many of one kind, likewise."""
MORE_MB = 400
"""So much may the process grow by while it asks: it keeps compiled templates and statements, but no requests."""
TELL_EVERY = 300
"""So many seconds apart it says how far it is and how large it has grown."""


class Faults:
    """What broke, each cause told once and at once."""

    def __init__(self) -> None:
        self.causes: set[str] = set()

    def tell(self, broken: Broken, number: int) -> None:
        if broken.cause in self.causes:
            return
        self.causes.add(broken.cause)
        print(f"\n--- {broken.role}, seed {number}: {broken.what}\n{broken.error[-1500:]}", flush=True)


def largest_mb() -> int:
    """The most memory this process has ever had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024


def numbers_until(end: float) -> Iterator[int]:
    """Seeds, until the time is over."""
    number = START
    while time.monotonic() < end:
        number += 1
        yield number


@pytest.mark.both_databases
def test_for_long(app, database):
    _, people = make_many()
    walks = [walk_as(app, role, people) for role in ROLES]
    begun, at_first, faults, told = time.monotonic(), largest_mb(), Faults(), 0
    print(f"\n{database}: seed {START}, {sum(len(walk.addresses) for walk in walks)} addresses and forms")
    for place, number in enumerate(numbers_until(begun + MINUTES * 40)):
        walk = walks[place % len(walks)]
        walk.run(REQUESTS, number)
        for broken in walk.broken:
            faults.tell(broken, number)
        walk.broken.clear()
        if time.monotonic() - begun > (told + 1) * TELL_EVERY:
            told += 1
            asked = sum(walk.asked for walk in walks)
            print(f"{database}: {asked} requests, {largest_mb()} MB at most", flush=True)
    answers: Counter[int] = Counter()
    for walk in walks:
        answers.update(walk.answers)
    print(
        f"{database}: {sum(walk.asked for walk in walks)} requests in {time.monotonic() - begun:.0f} s, "
        f"{sorted(answers.items())}",
        flush=True,
    )
    taken, refused = rubbish_of_every_kind(app, begun + MINUTES * 60, faults)
    print(f"{database}: {taken + refused} files of {len(KINDS)} kinds, {taken} of them taken in")
    print(
        f"{database}: {len(faults.causes)} kinds of faults, {time.monotonic() - begun:.0f} s; "
        f"{at_first} MB of memory at first, {largest_mb()} MB at most",
        flush=True,
    )
    assert not faults.causes
    assert largest_mb() < at_first + MORE_MB


def rubbish_of_every_kind(app, end: float, faults: Faults) -> tuple[int, int]:
    """A few files of each kind in turn until the time is over; how many were taken in and how many refused."""
    counts: Counter[str] = Counter()
    kinds = sorted(KINDS)
    number = START
    while number < START + len(kinds) or time.monotonic() < end:
        kind = kinds[(number - START) % len(kinds)]
        number += 1
        try:
            taken, refused = import_rubbish(app, kind, FILES, number)
        except Exception:
            faults.tell(Broken("import", kind, traceback.format_exc()), number)
            continue
        counts.update(taken=taken, refused=refused)
    return counts["taken"], counts["refused"]


def test_bombs_as_large_as_they_are_called(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.bombs", str(tmp_path), "whole"],
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
