"""Takes the pictures of README and docs/guide: the demonstration, served for the purpose, seen by Chromium.

A picture is a row of SHOTS: its file under docs/guide/pictures/, whose eyes (a role of demo-logins.txt, or none),
the path, how wide the screen is, and what is done there before it is taken. The rows are taken in their order,
since what one person does the next one sees. ``scripts/screenshots.py order bureau`` keeps only those pictures whose
name begins so; everything is done all the same.
"""

from __future__ import annotations

import io
import os
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

ROOT = Path(__file__).resolve().parent.parent
FOLDER = ROOT / "docs" / "guide" / "pictures"
PHONE, DESK = 390, 1280
# A picture shows what somebody sees first, not the whole of a long page.
HEIGHT = {PHONE: 800, DESK: 860}
COLOURS = 64
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
]


class Shot(NamedTuple):
    """One picture.

    Attributes:
        name: of the file, without its ending.
        role: whose account; None for nobody's.
        path: where.
        width: of the screen in CSS pixels.
        first: what is done on the page before the picture is taken.
        paper: the first paper whose address matches this is shown instead of the page.

    """

    name: str
    role: str | None
    path: str
    width: int
    first: Callable[[Page], None] | None = None
    paper: str = ""


def follow(address: str) -> Callable[[Page], None]:
    """Go on to the first link of the page whose address matches."""

    def go(page: Page) -> None:
        links = page.locator("main a[href]").evaluate_all("all => all.map(a => a.getAttribute('href'))")
        page.goto(next(link for link in links if re.search(address, link)), wait_until="networkidle")

    return go


def press(words: str) -> Callable[[Page], None]:
    """Press the button of these words."""

    def go(page: Page) -> None:
        page.get_by_role("button", name=re.compile(words)).first.click()
        page.wait_for_load_state("networkidle")

    return go


def fill_in(page: Page) -> None:
    """Write packs beside the first medicines that can be ordered."""
    boxes = page.locator("main [name^='q-']:visible")
    for place, packs in enumerate(("20", "6", "12", "8", "30")):
        boxes.nth(place).fill(packs)
    boxes.nth(5).focus()
    page.wait_for_timeout(1500)  # The draft is saved 0.8 seconds after the last key.
    page.evaluate("document.activeElement.blur(); window.scrollTo(0, 0)")


def look_for(words: str) -> Callable[[Page], None]:
    """Type into the search box and press Enter."""

    def go(page: Page) -> None:
        page.fill("main [name=q]", words)
        page.press("main [name=q]", "Enter")
        page.wait_for_load_state("networkidle")

    return go


def in_turn(*steps: Callable[[Page], None]) -> Callable[[Page], None]:
    """One step after the other."""

    def go(page: Page) -> None:
        for step in steps:
            step(page)

    return go


def batch_and_expiry(page: Page) -> None:
    """Fill the first lines of the form of a shipment as a storekeeper would."""
    for box, words in (("batch_no", "B261102"), ("expiry", "2028-10-31")):
        for field in page.locator(f"[name={box}]:visible").all()[:2]:
            field.fill(words)


def import_a_file_with_a_fault(page: Page) -> None:
    """Give the form of import a price list, two of whose rows are wrong."""
    rows = (ROOT / "catalog" / "recommended_338" / "prices.csv").read_text(encoding="utf-8").splitlines()[:12]
    rows[5] = re.sub(r",(\d+\.\d\d),", r",\g<1>125,", rows[5], count=1)
    rows[8] = rows[8].replace("-01-01", "-02-30")
    page.set_input_files(
        "main input[type=file]",
        {"name": "价格-2026-12.csv", "mimeType": "text/csv", "buffer": "\n".join(rows).encode()},
    )
    press("试导入")(page)


def open_order(page: Page) -> None:
    """The order page of the draft that was sent to the hospital: taken back, so that it can be written in."""
    page.goto("/order", wait_until="networkidle")
    take_back = page.get_by_role("button", name=re.compile("收回|取回"))
    if take_back.count():
        take_back.first.click()
        page.wait_for_load_state("networkidle")


SHOTS = (
    Shot("log-in-phone", None, "/account/log-in", PHONE),
    # A village doctor: the phone first.
    Shot("order-phone", "institution", "/order", PHONE, fill_in),
    Shot("order-search-phone", "institution", "/order", PHONE, look_for("amxl")),
    Shot("order-check-phone", "institution", "/order/check", PHONE),
    Shot("receive-phone", "institution", "/receiving/", PHONE, follow(r"/receiving/PS[^/]+$")),
    Shot("payables-phone", "institution", "/payables/", PHONE),
    Shot("pay-phone", "institution", "/payments/new", PHONE),
    Shot("my-orders-phone", "institution", "/orders", PHONE),
    Shot("my-order-phone", "institution", "/orders", PHONE, follow(r"/orders/CG[^/]+$")),
    Shot("more-phone", "institution", "/more", PHONE),
    Shot("duties-phone", "institution", "/duties/", PHONE),
    Shot("order-desk", "institution", "/order", DESK),
    Shot("order-asked-phone", "institution", "/order", PHONE, press("请卫生院|代我|替我")),
    # Its hospital.
    Shot("villages", "hospital", "/villages", DESK),
    Shot("review", "hospital", "/villages", DESK, follow(r"/order/review/")),
    Shot("payables", "hospital", "/payables/", DESK),
    Shot("catalogue", "hospital", "/catalogue/", DESK, look_for("amxl")),
    # A distributor.
    Shot("distribution-day", "distributor", "/distribution/", DESK),
    Shot(
        "distribution-answer",
        "distributor",
        "/distribution/?show=answer",
        DESK,
        follow(r"/distribution/orders/CG[^/]+$"),
    ),
    Shot(
        "distribution-ship",
        "distributor",
        "/distribution/?show=ship",
        DESK,
        in_turn(follow(r"/ship$"), batch_and_expiry),
    ),
    Shot("delivery-note", "distributor", "/distribution/shipments?show=received", DESK, None, r"/note\.pdf$"),
    Shot("distribution-receivables", "distributor", "/distribution/receivables", DESK),
    Shot("payments", "distributor", "/payments/", DESK),
    # The bureau.
    Shot("bureau-desk", "city", "/bureau/", DESK),
    Shot("bureau-dashboard", "city", "/dashboard/", DESK),
    Shot("bureau-statistics", "city", "/statistics/?state=closed", DESK, follow(r"/statistics/\d{4}-\d\d$")),
    Shot("bureau-case", "city", "/cases/?state=answered", DESK, follow(r"/cases/AJ[^/.]+$")),
    Shot("bureau-clues", "city", "/clues/", DESK),
    Shot("bureau-applications", "city", "/applications/", DESK),
    Shot("public-phone", None, "/public/", PHONE),
    Shot("application-phone", None, "/apply/", PHONE),
    Shot("bureau-orders", "county", "/bureau/orders/", DESK),
    Shot("bureau-roster", "city", "/roster/", DESK),
    Shot("bureau-institution", "city", "/roster/", DESK, follow(r"/roster/institutions/\d+$")),
    Shot("bureau-relations", "city", "/roster/relations", DESK),
    Shot("bureau-editions", "city", "/editions/", DESK),
    Shot("bureau-prices", "city", "/editions/prices", DESK),
    Shot("bureau-policy", "city", "/policy/", DESK),
    Shot("bureau-files", "city", "/files/prices/", DESK, import_a_file_with_a_fault),
    Shot("bureau-accounts", "city", "/accounts/", DESK),
    # Who keeps it running.
    Shot("operator-accounts", "operator", "/accounts/issue", DESK),
    Shot("operator-audit", "operator", "/audit/", DESK),
    Shot("operator-jobs", "operator", "/jobs/", DESK),
    # At last, for it stays with the account.
    Shot("order-phone-big", "institution", "/more", PHONE, in_turn(press("大字"), open_order)),
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


def logged_in(browser: Browser, address: str, shot: Shot, log_ins: dict[str, tuple[str, str]]) -> Page:
    """A page of its own cookies, with the person of the picture logged in."""
    context = browser.new_context(
        base_url=address,
        viewport={"width": shot.width, "height": HEIGHT[shot.width]},
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


def picture_of_paper(page: Page, address: str) -> bytes:
    """The first side of the paper behind the first link that matches."""
    links = page.locator("main a[href]").evaluate_all("all => all.map(a => a.getAttribute('href'))")
    answer = page.request.get(next(link for link in links if re.search(address, link)))
    if not answer.ok:
        sys.exit(f"{answer.url} answered {answer.status}")
    program = shutil.which("pdftoppm")
    if program is None:
        sys.exit("pdftoppm is missing: apt-get install poppler-utils")
    command = [program, "-png", "-r", "80", "-f", "1", "-l", "1", "-"]
    return subprocess.run(command, input=answer.body(), capture_output=True, check=True).stdout


def keep(name: str, picture: bytes) -> None:
    """Write the picture with few colours: pages are flat, and the repository stays small."""
    with Image.open(io.BytesIO(picture)) as image:
        small = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
        small.save(FOLDER / f"{name}.png", optimize=True)
    print(f"{(FOLDER / name).relative_to(ROOT)}.png")


def main(wanted: list[str]) -> None:
    """Take the pictures, all or those whose names begin with one of the words."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    with served_demonstration() as (address, log_ins), sync_playwright() as playwright:
        program = os.environ.get("CHROMIUM", "/usr/bin/chromium")
        browser = playwright.chromium.launch(executable_path=program, args=FLAGS)
        pages: dict[tuple[str | None, int], Page] = {}
        failed: list[str] = []
        for shot in SHOTS:
            who = (shot.role, shot.width)
            if who not in pages:
                pages[who] = logged_in(browser, address, shot, log_ins)
            page = pages[who]
            answer = page.goto(shot.path, wait_until="networkidle")
            if answer is None or answer.status >= 400:
                failed.append(f"{shot.name}: {shot.path} answered {answer.status if answer else 'nothing'}")
                continue
            if shot.first:
                shot.first(page)
            if wanted and not any(shot.name.startswith(word) for word in wanted):
                continue
            keep(shot.name, picture_of_paper(page, shot.paper) if shot.paper else page.screenshot())
        browser.close()
    if failed:
        sys.exit("\n".join(failed))


if __name__ == "__main__":
    main(sys.argv[1:])
