"""The people of an order's life as they act in a browser. Methods are sentences; each page is looked at by axe."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from clinic_orders import clock
from clinic_orders.models.base import db
from clinic_orders.rules.parties import Role
from tests.browser import serious_violations
from tests.conftest import LiveServer
from tests.factories import make_world
from tests.people import PASSWORD, make_user


def people(server: LiveServer) -> None:
    """The base world, and an account for each role, named by what they are."""
    with server.app.app_context():
        world = make_world()
        make_user("village", Role.INSTITUTION, name="王保田", institution_id=world.clinic.id)
        make_user("hospital", Role.HOSPITAL, name="李秀英", institution_id=world.hospital.id)
        make_user("distributor", Role.DISTRIBUTOR, name="刘敏", distributor_id=world.distributor.id)
        make_user("county", Role.COUNTY, name="马建国", county_code="410325")
        make_user("city", Role.CITY, name="赵红军")
        make_user("operator", Role.OPERATOR, name="张文明")
        db.session.commit()


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
        # A press that leads on may still be loading what it leads to.
        self.page.wait_for_load_state("load")
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
        self.presses("核对采购单")
        assert self.heading() == "核对采购单"
        self.presses(re.compile("提交|发出|送出|交"))
        number = re.search(r"CG\d{8}-\d{4,}", self.text())
        assert number, self.text()
        return number.group()

    def lets_the_hospital_order(self) -> None:
        """Give the hospital a mandate without an end."""
        self.goes_to("/mandate")
        self.presses("委托医院替我订药")

    def asks_the_hospital(self) -> None:
        """Send the draft to the hospital for review."""
        self.goes_to("/order")
        self.presses("请医院替我订")

    def says_not_mine(self, order_no: str, why: str) -> None:
        """Send back an order that the hospital made."""
        self.goes_to(f"/orders/{order_no}")
        self.page.fill("[name=reason]", why)
        self.presses("不是我订的")

    def orders_urgently(self, typed: str, item_code: str, packs: str, why: str) -> str:
        """Order for an emergency; the order's number."""
        self.goes_to("/order?urgent=1")
        self.finds(typed)
        self.fills_in(item_code, packs)
        self.page.fill("[name=emergency_reason]", why)
        return self.sends_the_order()

    def receives_all_but(self, receipt_no: str, packs: int, *, accepted: int, why: str) -> None:
        """Accept less than was sent of the one item of a delivery, with the reason."""
        self.goes_to(f"/receiving/{receipt_no}")
        self.presses("有问题")
        self.page.locator("[name^='a-']").first.fill(str(accepted))
        self.page.locator("label.pick", has_text=why).first.click()
        self.presses("确认收货")
        if "请再看一遍" in self.text() or self.page.get_by_role("button", name="确认收货").count():
            self.presses("确认收货")
        assert str(packs - accepted) in self.text()

    def asks_for_a_return(self, receipt_no: str, packs: int, why: str) -> str:
        """Ask to give packs back; the return's number."""
        self.goes_to(f"/receiving/{receipt_no}")
        self.follows("申请退货")
        self.page.locator("[name^='n-']").first.fill(str(packs))
        self.page.locator("[name^='why-']").first.select_option(label=why)
        self.presses("提交申请")
        number = re.search(r"TH\d{8}-\d{4,}", self.page.url + self.text())
        assert number, self.text()
        return number.group()

    def receives_everything(self, receipt_no: str) -> None:
        """Open the delivery note and take all of it."""
        self.goes_to("/receiving/")
        assert receipt_no in self.text()
        self.goes_to(f"/receiving/{receipt_no}")
        self.presses(re.compile("全部收下"))


class Hospital(VillageDoctor):
    """Orders for itself and for its villages."""

    def orders_for(self, village: str, typed: str, item_code: str, packs: str) -> str:
        """Order for a village under its mandate; the order's number."""
        self.goes_to("/villages")
        self.page.locator("tr", has_text=village).get_by_role("link", name="替它订药").click()
        self.looks()
        self.finds(typed)
        self.fills_in(item_code, packs)
        return self.sends_the_order()

    def lowers_and_orders(self, village: str, item_code: str, packs: str) -> str:
        """Look at a village's draft, lower a line, send it; the order's number."""
        self.goes_to("/villages")
        self.page.locator("tr", has_text=village).get_by_role("link", name="核对草稿").click()
        self.looks()
        self.page.fill(f"[name=r-{item_code}]", packs)
        return self.sends_the_order()


class Bureau(Person):
    """Keeps the roster."""

    def suspends(self, institution: str, last_day: date, why: str) -> None:
        """Suspend an institution from today on."""
        self.goes_to("/roster/")
        self.follows(institution)
        self.page.locator("summary", has_text="暂停采购").click()
        self.page.fill("#suspend-last", last_day.isoformat())
        form = self.page.locator("form", has=self.page.locator("#suspend-last"))
        form.locator("[name=reason]").fill(why)
        form.locator("[name=document_no]").fill("嵩医保函〔2026〕9 号")
        form.get_by_role("button", name="暂停采购").click()
        self.page.wait_for_load_state("load")
        self.looks()

    def lifts_the_suspension(self, institution: str, why: str) -> None:
        """Let a suspended institution order again from today on."""
        self.goes_to("/roster/")
        self.follows(institution)
        self.page.locator("summary", has_text="提前解除").first.click()
        form = self.page.locator("form", has=self.page.locator("[name=lift_reason]"))
        form.locator("[name=lift_reason]").fill(why)
        with self.page.expect_navigation():
            form.locator("button").click()
        self.looks()


class Distributor(Person):
    """Answers and ships."""

    def confirms(self, order_no: str) -> None:
        """Confirm an order as it was placed."""
        self.goes_to("/distribution/")
        assert order_no in self.text()
        self.goes_to(f"/distribution/orders/{order_no}")
        self.presses("确认这张采购单")

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

    def agrees_to(self, return_no: str) -> None:
        """Agree to a return."""
        self.goes_to("/distribution/shipments?show=returns-requested")
        self.follows(return_no)
        self.presses("同意退货")

    def confirms_and_ships(self, order_no: str) -> str:
        """Bring an order in one batch that is good for long; the delivery note's number."""
        self.confirms(order_no)
        expiry = clock.today() + timedelta(days=700)
        return self.ships(order_no, batch_no="B260418", expiry=expiry.isoformat())
