"""Other systems' orders of 12 lines, for comparison: installed on request, run by their own interpreters."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from clinic_orders.cli.context import Failed

SCRIPTS: Final = Path(__file__).resolve().parents[3] / "scripts" / "peers"


@dataclass(frozen=True, slots=True)
class Peer:
    """A system to compare with.

    Attributes:
        name: its folder's name.
        title: what is timed, for people.
        packages: what is installed, by name and version, from wherever pip is set to look.
        goal: how many times its rate ours should be at least.
        orders: how many orders make a round; they are slow.

    """

    name: str
    title: str
    packages: tuple[str, ...]
    goal: float
    orders: int

    @property
    def script(self) -> Path:
        """What its interpreter runs."""
        return SCRIPTS / f"{self.name}_order.py"


PEERS: Final = (
    Peer(
        "tryton",
        "Tryton's purchase by its server API",
        (
            "trytond==8.2.1",
            "trytond-purchase==8.2.0",
            "trytond-stock==8.2.1",
            "proteus==8.2.0",
            "psycopg[binary]",
            "psycopg-pool",
        ),
        goal=10,
        orders=4,
    ),
    Peer(
        "oscar",
        "django-oscar's basket and order",
        ("django-oscar[sorl-thumbnail]==4.2.1", "whoosh", "django-haystack"),
        goal=5,
        orders=6,
    ),
)


def install(peer: Peer, folder: Path, say: Callable[[str], None]) -> Path:
    """The interpreter of the peer's own environment, made and filled the first time.

    Raises:
        Failed: it could not be installed; the message is the installer's.

    """
    environment = folder / peer.name
    python = environment / "bin" / "python"
    wanted = environment / "installed.txt"
    if wanted.exists() and wanted.read_text() == "\n".join(peer.packages):
        return python
    say(f"installing {', '.join(peer.packages)} into an environment of their own")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.rmtree(environment, ignore_errors=True)
    uv = shutil.which("uv")
    if uv is not None:
        _run([uv, "venv", "--quiet", "--python", sys.executable, environment])
        _run([uv, "pip", "install", "--quiet", "--python", python, *peer.packages])
    else:
        _run([sys.executable, "-m", "venv", environment])
        _run([python, "-m", "pip", "install", "--quiet", *peer.packages])
    wanted.write_text("\n".join(peer.packages))
    return python


def _run(command: Sequence[str | Path]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise Failed(f"{command[0]} failed:\n{done.stderr.strip()[-2000:]}")


class Running:
    """A peer that waits to be asked for orders. ``facts`` is what it says of itself."""

    def __init__(self, peer: Peer, process: subprocess.Popen[str]) -> None:
        self.peer = peer
        self._process = process
        self.facts: dict[str, Any] = self._read()

    def place(self, orders: int) -> list[float]:
        """The seconds of each of so many orders, one after the other."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{orders}\n")
        self._process.stdin.flush()
        seconds: list[float] = self._read()
        return seconds

    def _read(self) -> Any:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line:
            raise Failed(
                f"{self.peer.name} ended with status {self._process.wait()}; its messages stand above"
            )
        return json.loads(line)


@contextmanager
def running(peer: Peer, python: Path, folder: Path) -> Iterator[Running]:
    """Start a peer with a database of its own in the folder; it ends with the block."""
    process = subprocess.Popen(
        [python, "-W", "ignore", peer.script, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=folder.parent,
    )
    try:
        found = Running(peer, process)
        found.place(1)
        yield found
    finally:
        assert process.stdin is not None
        process.stdin.close()
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()
