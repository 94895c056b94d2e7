"""Work behind the scenes as a command of its own: every piece whose turn it is, until told to stop."""

from __future__ import annotations

import signal
import threading
from types import FrameType
from typing import Protocol

from clinic_orders.cli.context import Console


class Worker(Protocol):
    """Takes one kind of work up, one piece after the other."""

    @property
    def stop(self) -> threading.Event:
        """Set when the process is to end; the work at hand is given back."""

    def run_waiting(self) -> int:
        """Take up everything whose turn it is; how much was claimed here."""


def run_out(console: Console, work: Worker) -> int:
    """Take up everything whose turn it is, and give back what is in hand when the process is told to end."""

    def stop(_signal: int, _frame: FrameType | None) -> None:
        work.stop.set()

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
    with console.app.app_context():
        return work.run_waiting()
