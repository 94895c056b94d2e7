"""The long form of the fuzz, by `make fuzz`: as many minutes as FUZZ_MINUTES says, on both databases, new rubbish each time."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time

import pytest

from clinic_orders.exchange.tables import KINDS
from tests.fuzz.files import import_rubbish
from tests.fuzz.walking import ROLES, walk_as
from tests.many_of_all import make_many

MINUTES = float(os.environ.get("FUZZ_MINUTES", "15"))
START = int(os.environ.get("FUZZ_SEED") or 0) or random.SystemRandom().randrange(10**9)


@pytest.mark.both_databases
def test_for_long(app, database):
    _, people = make_many()
    walks = [walk_as(app, role, people) for role in ROLES]
    until, number, told = time.monotonic() + MINUTES * 60 / 2, START, set()
    print(f"\n{database}: seed {START}, {sum(len(walk.addresses) for walk in walks)} addresses and forms")
    while time.monotonic() < until:
        for walk in walks:
            number += 1
            walk.run(50, number)
            for broken in walk.broken:
                if broken.cause not in told:
                    told.add(broken.cause)
                    print(
                        f"\n--- {broken.role}, seed {number}: {broken.what}\n{broken.error[-1500:]}",
                        flush=True,
                    )
    asked = sum(walk.asked for walk in walks)
    answers = {}
    for walk in walks:
        for status, count in walk.answers.items():
            answers[status] = answers.get(status, 0) + count
    files = 0
    for kind in sorted(KINDS):
        files += sum(import_rubbish(app, kind, int(MINUTES * 10), START))
    print(f"{database}: {files} files of {len(KINDS)} kinds")
    print(f"{database}: {asked} requests, {sorted(answers.items())}, {len(told)} kinds of faults")
    assert not told


def test_bombs_as_large_as_they_are_called(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.bombs", str(tmp_path), "whole"],
        capture_output=True,
        text=True,
        check=False,
    )
    print(done.stdout)
    assert done.returncode == 0, done.stderr
