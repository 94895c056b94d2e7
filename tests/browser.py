"""Debian's Chromium, driven by Playwright; it reaches this machine only and reports what goes wrong on its pages."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1",
]


class Chromium:
    """A running browser; ``launch`` starts another one with flags of its own."""

    def __init__(self, browser: Browser, launch: Callable[[list[str]], Browser]) -> None:
        self.browser = browser
        self._launch = launch

    @staticmethod
    @contextmanager
    def running() -> Iterator[Chromium]:
        """Start it, end it."""
        program = Path(os.environ.get("CHROMIUM", "/usr/bin/chromium"))
        if not program.exists():
            raise RuntimeError(
                f"The tests need a Chromium at {program}: run `make test`, or `apt-get install chromium`, "
                "or name another one in CHROMIUM."
            )
        with sync_playwright() as playwright:

            def launch(flags: list[str]) -> Browser:
                return playwright.chromium.launch(executable_path=program, args=flags)

            browser = launch(FLAGS)
            try:
                yield Chromium(browser, launch)
            finally:
                browser.close()

    @contextmanager
    def another(self, *flags: str) -> Iterator[Chromium]:
        """A second one beside it, with these flags as well."""
        browser = self._launch([*FLAGS, *flags])
        try:
            yield Chromium(browser, self._launch)
        finally:
            browser.close()

    @contextmanager
    def contexts(self, base_url: str) -> Iterator[Contexts]:
        """Contexts for one test; their faults fail it."""
        opened = Contexts(self.browser, base_url)
        try:
            yield opened
        finally:
            opened.close()
        assert not opened.faults, "\n".join(opened.faults)


class Contexts:
    """The browser contexts of one test and what went wrong in them."""

    def __init__(self, browser: Browser, base_url: str) -> None:
        self.browser = browser
        self.base_url = base_url
        self.faults: list[str] = []
        self._opened: list[BrowserContext] = []

    def new_page(
        self, *, width: int = 1440, height: int = 900, javascript: bool = True, **options: Any
    ) -> Page:
        """A page with cookies of its own, Chinese, in Shanghai. Paths are relative to the server: page.goto("/")."""
        context = self.browser.new_context(
            base_url=self.base_url,
            viewport={"width": width, "height": height},
            java_script_enabled=javascript,
            locale="zh-CN",
            timezone_id="Asia/Shanghai",
            **options,
        )
        context.set_default_timeout(15_000)
        context.on("request", self._watch_address)
        context.on("response", self._watch_status)
        context.on("weberror", lambda event: self.faults.append(f"script error: {event.error}"))
        context.on("console", self._watch_console)
        self._opened.append(context)
        return context.new_page()

    def close(self) -> None:
        """Close them all."""
        for context in self._opened:
            context.close()

    def _watch_address(self, request: Any) -> None:
        parts = urlsplit(request.url)
        if parts.scheme in {"http", "https", "ws", "wss"} and not request.url.startswith(self.base_url):
            self.faults.append(f"another machine was asked: {request.url}")

    def _watch_status(self, response: Any) -> None:
        if response.status >= 500:
            self.faults.append(f"{response.request.method} {response.url} → {response.status}")

    def _watch_console(self, message: Any) -> None:
        # A refusal page is an answer like any other to a test, though the browser notes its status as an error.
        if message.type == "error" and "Failed to load resource" not in message.text:
            self.faults.append(f"{message.page.url if message.page else '?'}: {message.text}")


_AXE = Axe()
# Only what is wrong comes back from the browser: whole results are megabytes on a long page.
_LOOK = """
axe.run({resultTypes: ["violations"]}).then(found => found.violations
    .filter(one => one.impact === "serious" || one.impact === "critical")
    .map(one => `${one.id} – ${one.help}: ${one.nodes.map(node => node.html.slice(0, 160)).join(" … ")}`))
"""


def serious_violations(page: Page) -> list[str]:
    """What axe finds seriously or critically wrong for people with disabilities on this page."""
    if page.evaluate("typeof window.axe") == "undefined":
        page.evaluate(_AXE.axe_script)
    return [f"{page.url}: {fault}" for fault in page.evaluate(_LOOK)]
