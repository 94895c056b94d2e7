"""Rubbish in files, the same each time: every kind refuses it or takes it whole; bombs stay within bounds of memory."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from clinic_orders.exchange.tables import KINDS
from tests.files_world import make_world
from tests.fuzz.files import import_rubbish

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.both_databases
def test_no_kind_of_file_breaks_or_stores_what_was_refused(app):
    make_world()
    taken = refused = 0
    for number, kind in enumerate(sorted(KINDS)):
        found = import_rubbish(app, kind, 12, number)
        taken, refused = taken + found[0], refused + found[1]
    assert refused > 100
    assert taken > 10, "some of the files must be good enough to be taken in"


def test_file_bombs_are_refused_within_little_memory(tmp_path):
    done = subprocess.run(
        [sys.executable, "-m", "tests.fuzz.bombs", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("refused") >= 9, done.stdout
