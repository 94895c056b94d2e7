"""What users do: who reads which pages, how a cart is ordered, goods are sent and received, money is noted."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import date, timedelta
from typing import Any, Final
from urllib.parse import quote

from clinic_orders.cli.benchmark.load.browser import Browser, Fields, Page, Wrong

READING, ORDERING, DELIVERY = "reading", "ordering", "delivery and payment"
SHARES: Final = {READING: 70, ORDERING: 20, DELIVERY: 10}
"""Of a hundred deeds; a deed is a page that is read, or a form with all its steps."""
_SEARCHED: Final = ("阿莫", "amxl", "胶囊", "硝苯", "二甲双胍", "wbj")


class User:
    """Somebody with a browser.

    Args:
        browser: logged in.
        dice: decide what is done; seeded.
        think: called before each page that a person opens or form that is sent.
        today: for days to be typed.
        pages: what is read: name, address, and how often.

    """

    pages: Sequence[tuple[str, str, int]] = ()

    def __init__(
        self, browser: Browser, dice: random.Random, think: Callable[[], None], today: date, **_more: Any
    ) -> None:
        self.browser, self.dice, self.think, self.today = browser, dice, think, today

    def deed(self) -> None:
        """One deed by the shares; who has nothing to order or deliver reads."""
        kind = self.dice.choices(list(SHARES), list(SHARES.values()))[0]
        done = kind == ORDERING and self.order()
        done = done or (kind == DELIVERY and self.deliver())
        if not done:
            self.read()

    def read(self) -> None:
        """One page, and now and then a paper that it lists."""
        name, path, _ = self.dice.choices(self.pages, [often for *_, often in self.pages])[0]
        before = self.today.replace(day=1) - timedelta(days=1)
        path = path.replace("{q}", quote(self.dice.choice(_SEARCHED))).replace("{month}", f"{before:%Y-%m}")
        page = self.see(READING, name, path)
        papers = page.links(r"/(?:distribution/)?orders/[A-Z]{2}[0-9]{8}-[0-9]{4,}")
        if papers and self.dice.random() < 0.3:
            self.see(READING, "an order", self.dice.choice(papers))

    def order(self) -> bool:
        """What this role does about orders; whether there was anything to do."""
        return False

    def deliver(self) -> bool:
        """What this role does about deliveries and payments; whether there was anything to do."""
        return False

    def see(self, kind: str, name: str, path: str) -> Page:
        """Open a page after some thought."""
        self.think()
        return self.browser.ask(kind, name, path)

    def send(self, kind: str, name: str, path: str, fields: Fields) -> Page:
        """Send a form after some thought, and see where it leads, at once."""
        self.think()
        answer = self.browser.ask(kind, name, path, fields, good=303)
        return self.browser.ask(kind, f"{name}: where it leads", answer.location)


class BuyingUser(User):
    """A clinic, pharmacy or hospital: orders its carts one after another, receives what is under way, pays."""

    pages = (
        ("the order page", "/order", 5),
        ("all items", "/order?show=all", 1),
        ("a search on the order page", "/order?q={q}", 2),
        ("the orders", "/orders", 4),
        ("the duties", "/duties/", 2),
        ("goods to receive", "/receiving/", 2),
        ("what is to be paid", "/payables/", 2),
        ("a search in the catalogue", "/catalogue/?q={q}", 2),
        ("notices", "/notices", 1),
        ("stock", "/stock/", 1),
    )

    def __init__(self, *args: Any, carts: Sequence[Sequence[str]], **more: Any) -> None:
        super().__init__(*args, **more)
        self.carts = list(carts)

    def order(self) -> bool:
        """Twelve numbers typed, checked, sent; what the check asks about duplicates is ticked."""
        if not self.carts:
            return False
        page = self.see(ORDERING, "the order page", "/order")
        path, token = "/order", page.form("/order")
        fields = [pair for pair in token if not pair[0].startswith("q-")]
        cart = self.carts.pop(0)
        fields += [(f"q-{code}", str(self.dice.randrange(1, 20))) for code in cart]
        check = self.send(ORDERING, "the numbers", path, [*fields, ("do", "check")])
        form = check.form("/order/send")
        form += [("dup", value) for value in _ticks(check)]
        self.send(ORDERING, "the order", "/order/send", form)
        return True

    def deliver(self) -> bool:
        """Receive what is under way; else note a payment."""
        if self.dice.random() < 0.6:
            page = self.see(DELIVERY, "goods to receive", "/receiving/")
            papers = page.links(r"/receiving/PS[0-9]{8}-[0-9]{4,}")
            for paper in papers[:3]:
                note = self.see(DELIVERY, "a delivery note", paper)
                if f'action="{paper}"' in note.text:
                    self.send(DELIVERY, "the acceptance", paper, [*note.form(paper), ("do", "all")])
                    return True
        return self._pay()

    def _pay(self) -> bool:
        page = self.see(DELIVERY, "the form of a payment", "/payments/new")
        if 'action="/payments/new"' not in page.text and 'name="pair"' not in page.text:
            return True
        pairs = _options(page, "pair")
        form = dict(page.form("/payments/new")) | {
            "pair": self.dice.choice(pairs),
            "amount": f"{self.dice.randrange(10, 900)}.{self.dice.randrange(10, 100)}",
            "paid_on": self.today.isoformat(),
        }
        self.send(DELIVERY, "the payment", "/payments/new", list(form.items()))
        return True


class DistributingUser(User):
    """A distributor: answers orders, ships them."""

    pages = (
        ("the day", "/distribution/", 4),
        ("the orders", "/distribution/orders", 4),
        ("shipments", "/distribution/shipments", 2),
        ("receivables", "/distribution/receivables", 1),
        ("a search in the catalogue", "/catalogue/?q={q}", 1),
    )

    def order(self) -> bool:
        """Confirm an order as it is."""
        page = self.see(ORDERING, "orders to answer", "/distribution/orders?status=to_answer")
        for path in page.links(r"/distribution/orders/[A-Z]{2}[0-9]{8}-[0-9]{4,}")[:1]:
            order = self.see(ORDERING, "an order to answer", path)
            if f'action="{path}/answer"' in order.text:
                self.send(ORDERING, "the answer", f"{path}/answer", order.form(f"{path}/answer"))
        return True

    def deliver(self) -> bool:
        """Ship an order whole, a batch a line."""
        page = self.see(DELIVERY, "orders to ship", "/distribution/orders?status=to_ship")
        for path in page.links(r"/distribution/orders/[A-Z]{2}[0-9]{8}-[0-9]{4,}")[:1]:
            paper = self.see(DELIVERY, "the form of a shipment", f"{path}/ship")
            good = {"batch_no": "B20260901", "expiry": f"{self.today.year + 2}-06-30"}
            form = [(name, good.get(name, value)) for name, value in paper.form(f"{path}/ship")]
            self.send(DELIVERY, "the shipment", f"{path}/ship", [*form, ("do", "ship")])
        return True


class BureauUser(User):
    """A bureau: reads."""

    pages = (
        ("the desk", "/bureau/", 3),
        ("the dashboard", "/dashboard/", 2),
        ("the statistics", "/statistics/", 2),
        ("a month's figures", "/statistics/{month}", 2),
        ("the orders", "/bureau/orders/", 2),
        ("the roster", "/roster/", 2),
        ("findings", "/findings/", 2),
        ("a search in the catalogue", "/catalogue/?q={q}", 1),
    )


def _ticks(page: Page) -> list[str]:
    """The duplicates that the page to check asks about and that are not ticked."""
    marker = 'name="dup" value="'
    return [part.partition('"')[0] for part in page.text.split(marker)[1:] if " checked" not in part[:80]]


def _options(page: Page, name: str) -> list[str]:
    """What can be chosen from a list."""
    start = page.text.index(f'name="{name}"')
    choices = page.text[start : page.text.index("</select>", start)].split('<option value="')[1:]
    found = [choice.partition('"')[0] for choice in choices]
    if not any(found):
        raise Wrong(f"nothing to choose for {name}")
    return [value for value in found if value]


KINDS: Final[dict[str, type[User]]] = {
    "institution": BuyingUser,
    "hospital": BuyingUser,
    "distributor": DistributingUser,
    "county": BureauUser,
    "city": BureauUser,
}
