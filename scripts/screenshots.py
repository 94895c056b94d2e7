"""Takes the pictures of README and docs/guide: the demonstration, served for the purpose, seen by Chromium.

A picture is a row of SHOTS: its file under docs/guide/, whose eyes (a role of demo-logins.txt, or none), the
path, and how wide the screen is. ``scripts/screenshots.py order desk`` takes those whose name begins so.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "guide"
PHONE, DESK = 390, 1280
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]


class Shot(NamedTuple):
    """One picture."""

    name: str
    role: str | None
    path: str
    width: int


SHOTS = (
    Shot("log-in-phone", None, "/account/log-in", PHONE),
    Shot("start-phone", "institution", "/", PHONE),
    Shot("start-hospital", "hospital", "/", DESK),
    Shot("start-distributor", "distributor", "/", DESK),
    Shot("start-county", "county", "/", DESK),
    Shot("start-city", "city", "/", DESK),
)


@contextmanager
def served_demonstration() -> Iterator[tuple[str, dict[str, tuple[str, str]]]]:
    """The small demonstration on a fresh database: its address, and user name and password by role."""
    command = [sys.executable, "-m", "clinic_orders"]
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("CLINIC_ORDERS_")},
            "CLINIC_ORDERS_INSTANCE": folder,
        }
        for arguments in (["db", "upgrade"], ["demo", "--size", "small"]):
            subprocess.run(
                [*command, *arguments], cwd=ROOT, env=environment, check=True, stdout=subprocess.DEVNULL
            )
        port = free_port()
        server = subprocess.Popen(
            [*command, "serve", "--port", str(port), "--workers", "1", "--no-scheduler"],
            cwd=ROOT,
            env=environment,
        )
        try:
            address = f"http://127.0.0.1:{port}"
            wait_for(address)
            yield address, read_log_ins(Path(folder) / "demo-logins.txt")
        finally:
            server.terminate()
            server.wait(30)


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
        return port


def wait_for(address: str) -> None:
    for _ in range(300):
        try:
            urllib.request.urlopen(f"{address}/account/log-in").close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    sys.exit("The server did not start.")


def read_log_ins(path: Path) -> dict[str, tuple[str, str]]:
    """Role → (user name, password); a line holds role, user name and password, parted by tabs."""
    rows = [line.split("\t") for line in path.read_text(encoding="utf-8").splitlines() if "\t" in line]
    found: dict[str, tuple[str, str]] = {}
    for row in rows:
        found.setdefault(row[0], (row[1], row[2]))
    return found


def page_for(browser: Browser, address: str, shot: Shot, log_ins: dict[str, tuple[str, str]]) -> Page:
    context = browser.new_context(
        base_url=address,
        viewport={"width": shot.width, "height": 780 if shot.width == PHONE else 860},
        device_scale_factor=2 if shot.width == PHONE else 1,
        locale="zh-CN",
        timezone_id="Asia/Shanghai",
    )
    page = context.new_page()
    if shot.role:
        username, password = log_ins[shot.role]
        page.goto("/account/log-in")
        page.fill("input[name=username]", username)
        page.fill("input[name=password]", password)
        page.press("input[name=password]", "Enter")
        page.wait_for_load_state("networkidle")
    return page


def main(wanted: list[str]) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    chosen = [shot for shot in SHOTS if not wanted or any(shot.name.startswith(word) for word in wanted)]
    with served_demonstration() as (address, log_ins), sync_playwright() as playwright:
        program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        for shot in chosen:
            page = page_for(browser, address, shot, log_ins)
            answer = page.goto(shot.path, wait_until="networkidle")
            if answer is None or answer.status >= 400:
                sys.exit(f"{shot.name}: {shot.path} answered {answer.status if answer else 'nothing'}")
            page.screenshot(path=FOLDER / f"{shot.name}.png")
            page.context.close()
            print(f"docs/guide/{shot.name}.png")
        browser.close()


if __name__ == "__main__":
    main(sys.argv[1:])
