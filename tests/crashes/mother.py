"""A process that starts the program's processes by forking, so that each is there at once and can be killed alone.

Nothing in it has asked the database yet, so what it forks begins as the program does. It reads lines of JSON, each the arguments of a ``clinic-orders`` command, and answers each with the number of the process
that carries it out. Every process leads a group of its own and ends with this one.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import sys
from pathlib import Path

from flask import Flask

from clinic_orders.app import create_app
from clinic_orders.cli import run


def _child(app: Flask, arguments: list[str], log: Path) -> None:
    os.setsid()
    set_parent_death_signal = 1
    ctypes.CDLL(None).prctl(set_parent_death_signal, signal.SIGKILL)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    written = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY)
    for number, target in ((0, nothing), (1, written), (2, written)):
        os.dup2(target, number)
    run(lambda: app, arguments)


def main() -> None:
    """Answer until the other side closes."""
    app, log = create_app(), Path(sys.argv[1])
    # Nobody waits for the dead: the system takes them away.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    for line in sys.stdin:
        number = os.fork()
        if number == 0:
            try:
                _child(app, json.loads(line), log)
            finally:
                os._exit(1)
        sys.stdout.write(f"{number}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
