"""The three people of an order's life as they act in a browser. Methods are sentences; each page is looked at by axe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

from tests.browser import serious_violations

PASSWORD = "yi-ge-hao-mima-7"


@dataclass
class Person:
    """Somebody at a screen.

    Attributes:
        page: their browser page.
        scripts: whether it runs scripts; axe needs them.
        found: what axe found on the pages visited.
    """

    page: Any
    scripts: bool = True
    found: list[str] = field(default_factory=list)
    visited: list[str] = field(default_factory=list)

    def looks(self) -> None:
        """Look at the page as it stands."""
        self.visited.append(self.page.url)
        width = self.page.viewport_size["width"]
        if self.scripts:
            assert self.page.evaluate("document.documentElement.scrollWidth") <= width, (
                f"{self.page.url} is too wide"
            )
            self.found += serious_violations(self.page)

    def goes_to(self, path: str) -> None:
        """Open a page of the application."""
        self.page.goto(path)
        self.looks()

    def presses(self, words: str | re.Pattern[str]) -> None:
        """Press the button of these words and look at what comes."""
        self.page.get_by_role("button", name=words).first.click()
        self.page.wait_for_load_state("load")
        self.looks()

    def follows(self, words: str | re.Pattern[str]) -> None:
        """Follow the link of these words."""
        self.page.locator("main").get_by_role("link", name=words).first.click()
        self.page.wait_for_load_state("load")
        self.looks()

    def logs_in(self, username: str) -> None:
        """Log in with the name and the password of the tests."""
        self.goes_to("/account/log-in")
        self.page.fill("[name=username]", username)
        self.page.fill("[name=password]", PASSWORD)
        self.presses("登录")

    def heading(self) -> str:
        """The page's first heading."""
        return str(self.page.locator("h1").first.inner_text())

    def text(self) -> str:
        """The words of the page."""
        return str(self.page.locator("main").inner_text())


class VillageDoctor(Person):
    """Orders and receives."""

    def finds(self, typed: str) -> None:
        """Search on the order page."""
        self.page.fill("[name=q]", typed)
        self.presses("查找")

    def fills_in(self, item_code: str, packs: str) -> None:
        """Type a quantity."""
        self.page.fill(f"[name=q-{item_code}]", packs)

    def sends_the_order(self) -> str:
        """Check, send; the order's number."""
        self.presses("核对订单")
        assert self.heading() == "核对订单"
        self.presses(re.compile("提交|发出|送出|交"))
        number = re.search(r"CG\d{8}-\d{4,}", self.text())
        assert number, self.text()
        return number.group()

    def receives_everything(self, receipt_no: str) -> None:
        """Open the delivery note and take all of it."""
        self.goes_to("/receiving/")
        assert receipt_no in self.text()
        self.goes_to(f"/receiving/{receipt_no}")
        self.presses(re.compile("全部收下"))


class Distributor(Person):
    """Answers and ships."""

    def confirms(self, order_no: str) -> None:
        """Confirm an order as it was placed."""
        self.goes_to("/distribution/")
        assert order_no in self.text()
        self.goes_to(f"/distribution/orders/{order_no}")
        self.presses("确认这张订单")

    def ships(self, order_no: str, *, batch_no: str, expiry: str) -> str:
        """Ship everything in one batch an item; the delivery note's number."""
        self.goes_to(f"/distribution/orders/{order_no}/ship")
        for box in self.page.locator("[name=batch_no]").all():
            box.fill(batch_no)
        for box in self.page.locator("[name=expiry]").all():
            box.fill(expiry)
        self.presses(re.compile("^发货"))
        number = re.search(r"PS\d{8}-\d{4,}", self.text())
        assert number, self.text()
        return number.group()
