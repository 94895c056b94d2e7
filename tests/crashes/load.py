"""People at work while everything is being killed: they order, answer, ship, receive, pay and bring files.

Each notes what was acknowledged: the answer to the form said that it is done. Who got no answer does as people do,
presses the same button again or looks whether it is done already.
"""

from __future__ import annotations

import queue
import random
import re
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal

from flask import Flask

from clinic_orders import clock
from clinic_orders.models.base import db
from clinic_orders.rules.parties import Role
from tests.crashes.visitors import Gone, Unexpected, Visitor
from tests.factories import make_institution, make_world
from tests.people import PASSWORD, make_user

ORDER_NO = re.compile(r"CG\d{8}-\d{4,}")
RECEIPT_NO = re.compile(r"PS\d{8}-\d{4,}")
SALES_OF_A_FILE = 40
SALES = "institution_code,sale_no,line_no,item_code,sold_at,base_units,amount"


@dataclass
class Ledger:
    """What was acknowledged, by the key or number under which it must stand exactly once."""

    orders: dict[str, dict[str, int]] = field(default_factory=dict)
    """Packs by item code, by the key of the form."""
    order_numbers: set[str] = field(default_factory=set)
    answered: set[str] = field(default_factory=set)
    shipped: dict[str, str] = field(default_factory=dict)
    """The receipt of each order."""
    received: set[str] = field(default_factory=set)
    payments: dict[str, Decimal] = field(default_factory=dict)
    """Amounts by the key of the form."""
    files: list[list[str]] = field(default_factory=list)
    """The numbers of the sales of each imported file."""
    done: threading.Semaphore = field(default_factory=lambda: threading.Semaphore(0))

    @property
    def count(self) -> int:
        """How many deeds were acknowledged."""
        return (
            len(self.orders)
            + len(self.answered)
            + len(self.shipped)
            + len(self.received)
            + len(self.payments)
            + len(self.files)
        )


@dataclass(frozen=True)
class Cast:
    """Who takes part."""

    clinics: tuple[str, ...]
    codes: tuple[str, ...]


def cast(app: Flask, clinics: int) -> Cast:
    """Make the base world with so many clinics, each with somebody, and accounts for the others."""
    with app.app_context():
        world = make_world()
        places = [
            make_institution(f"V{number:02d}", f"第{number}村卫生室", supervisor=world.hospital)
            for number in range(11, 11 + clinics)
        ]
        for place in places:
            make_user(place.code, Role.INSTITUTION, institution_id=place.id)
        make_user("distributor", Role.DISTRIBUTOR, distributor_id=world.distributor.id)
        make_user("city", Role.CITY)
        db.session.commit()
        return Cast(tuple(place.code for place in places), tuple(item.item_code for item in world.items))


class Worker(threading.Thread):
    """One person at work until told to go home; a fault of theirs fails the rehearsal."""

    def __init__(self, name: str, work: Callable[[Worker], None], address: str, crowd: Crowd) -> None:
        super().__init__(name=name, daemon=True)
        self.browser = Visitor(address, crowd.stopped)
        self.crowd, self.ledger, self.work = crowd, crowd.ledger, work
        self.chance = random.Random(f"{crowd.seed} {name}")
        self.fault: BaseException | None = None

    def run(self) -> None:
        """Log in, and work."""
        try:
            self.browser.log_in(self.name, PASSWORD)
            while not self.crowd.stopped.is_set():
                self.work(self)
        except BaseException as fault:
            self.fault = fault


class Crowd:
    """All of them."""

    def __init__(self, address: str, members: Cast, seed: int) -> None:
        self.ledger, self.seed, self.cast = Ledger(), seed, members
        self.stopped = threading.Event()
        self.to_answer: queue.Queue[tuple[str, str]] = queue.Queue()
        """Order number and clinic."""
        self.to_receive: dict[str, queue.Queue[str]] = {code: queue.Queue() for code in members.clinics}
        self.files = 0
        self.workers = [Worker(code, at_a_clinic, address, self) for code in members.clinics]
        self.workers += [
            Worker("distributor", at_the_distributor, address, self),
            Worker("city", at_the_bureau, address, self),
        ]

    def begin(self) -> None:
        """Send them to work."""
        for worker in self.workers:
            worker.start()

    def end(self) -> None:
        """Let everybody finish the deed at hand and go home.

        Raises:
            Unexpected: somebody met what no kill excuses.

        """
        self.stopped.set()
        for worker in self.workers:
            worker.join(150)
        faults = [f"{worker.name}: {worker.fault!r}" for worker in self.workers if worker.fault is not None]
        faults += [f"{worker.name} has not come back" for worker in self.workers if worker.is_alive()]
        if faults:
            raise Unexpected("\n".join(faults))

    def wait_for(self, deeds: int) -> None:
        """Wait until so many more deeds were acknowledged.

        Raises:
            Unexpected: nobody gets anything done any more.

        """
        for _ in range(deeds):
            if not self.ledger.done.acquire(timeout=90):
                raise Unexpected("nothing was done for 90 seconds: " + repr([w.fault for w in self.workers]))


# At a village clinic.


def at_a_clinic(who: Worker) -> None:
    """Order; receive what has come; pay for it."""
    order(who)
    while not who.crowd.stopped.is_set():
        try:
            receipt_no = who.crowd.to_receive[who.name].get_nowait()
        except queue.Empty:
            return
        receive(who, receipt_no)
        pay(who)


def order(who: Worker) -> None:
    """Type two or three quantities, check them, send them."""
    page = who.browser.page("/order")
    typed = {code: who.chance.randint(1, 9) for code in who.chance.sample(who.crowd.cast.codes, k=3)}
    form = page.form("/order")
    if form is None:
        raise Unexpected("there is no form on the page to order from")
    values = {f"q-{code}": "" for code in who.crowd.cast.codes}
    values |= {f"q-{code}": str(packs) for code, packs in typed.items()}
    who.browser.send("/order", form.filled(**values, do="check"))
    form = who.browser.page("/order/check").form("/order/send")
    if form is None:
        raise Unexpected("there is nothing to send")
    key = dict(form.fields)["key"]
    for _ in range(3):
        answer = who.browser.send("/order/send", [*form.fields])
        if answer.location.startswith("/order/sent/"):
            break
    else:
        raise Unexpected(f"the order was not sent: {answer.status} {answer.location} {answer.text[:2000]}")
    numbers = set(ORDER_NO.findall(who.browser.page(answer.location).text))
    who.ledger.orders[key] = typed
    who.ledger.order_numbers |= numbers
    who.ledger.done.release()
    for number in numbers:
        who.crowd.to_answer.put((number, who.name))


def receive(who: Worker, receipt_no: str) -> None:
    """Accept everything of a delivery note, or see that it was accepted."""
    path = f"/receiving/{receipt_no}"

    def look() -> bool:
        form = who.browser.ask(path).form(path)
        if form is None:
            return True
        answer = who.browser.ask(path, [*form.fields, ("do", "all")])
        return answer.status in {302, 303}

    _until_it_is_so(who, look)
    who.ledger.received.add(receipt_no)
    who.ledger.done.release()


def pay(who: Worker) -> None:
    """Enter a payment; the same form until it is there."""
    form = who.browser.page("/payments/new").form("/payments/new")
    if form is None:
        raise Unexpected("there is no form of a payment")
    amount = Decimal(who.chance.randint(100, 9_999)) / 100
    fields = form.filled(amount=str(amount), paid_on=clock.today().isoformat())
    answer = who.browser.send("/payments/new", fields)
    if answer.status != 303:
        raise Unexpected(f"the payment was not taken: {answer.status} {answer.text[:3000]}")
    who.ledger.payments[dict(fields)["key"]] = amount
    who.ledger.done.release()


# At the distributor.


def at_the_distributor(who: Worker) -> None:
    """Confirm the next order and ship all of it."""
    try:
        number, clinic = who.crowd.to_answer.get(timeout=0.2)
    except queue.Empty:
        return
    _until_it_is_so(who, lambda: _answer(who, number))
    who.ledger.answered.add(number)
    who.ledger.done.release()
    receipt_no = who.browser.insist(lambda: _ship(who, number))
    who.ledger.shipped[number] = receipt_no
    who.ledger.done.release()
    who.crowd.to_receive[clinic].put(receipt_no)


def _until_it_is_so(who: Worker, deed: Callable[[], bool]) -> None:
    while not who.browser.insist(deed):
        pass


def _answer(who: Worker, number: str) -> bool:
    action = f"/distribution/orders/{number}/answer"
    form = who.browser.ask(f"/distribution/orders/{number}").form(action)
    return form is None or who.browser.ask(action, form.fields).status == 303


def _ship(who: Worker, number: str) -> str:
    """Ship the order, unless an attempt without an answer has done it; the receipt's number."""
    path = f"/distribution/orders/{number}"
    known = RECEIPT_NO.findall(who.browser.ask(path).text)
    if known:
        return str(known[0])
    form = who.browser.ask(f"{path}/ship").form(f"{path}/ship")
    if form is None:
        raise Unexpected(f"{number} cannot be shipped")
    expiry = (clock.today() + timedelta(days=700)).isoformat()
    filled = [
        (name, {"batch_no": "B260418", "expiry": expiry}.get(name, value)) for name, value in form.fields
    ]
    # The button that stands first is for scanning; the last one sends.
    fields = [(name, value) for name, value in filled if name not in {"do", "add", "code"}]
    answer = who.browser.ask(f"{path}/ship", [*fields, ("do", "ship")])
    if answer.status != 303:
        raise Gone(f"{number} was not shipped: {answer.status}")
    return answer.location.rpartition("/")[2]


# At the bureau.


def at_the_bureau(who: Worker) -> None:
    """Bring the next file of sales: a trial, then the import."""
    who.crowd.files += 1
    numbers = [f"F{who.crowd.files:04d}-{row:03d}" for row in range(SALES_OF_A_FILE)]
    clinic = who.chance.choice(who.crowd.cast.clinics)
    day = clock.today() - timedelta(days=2)
    rows = [
        f"{clinic},{number},1,{who.chance.choice(who.crowd.cast.codes)},{day}T09:30,7,3.50"
        for number in numbers
    ]
    content = "\n".join([SALES, *rows, ""]).encode()
    who.browser.insist(lambda: _bring(who, content))
    who.ledger.files.append(numbers)
    who.ledger.done.release()
    who.crowd.stopped.wait(0.3)


def _bring(who: Worker, content: bytes) -> None:
    """Upload and store a file; if it was stored without an answer, the trial shows nothing new."""
    action = "/files/sales/import"
    token = who.browser.ask("/files/sales/").form("/files/sales/")
    if token is None:
        raise Unexpected("there is no form for a file")
    trial = who.browser.ask("/files/sales/", token.fields, ("sales.csv", content))
    form = trial.form(action)
    if form is None:
        if "新增" in trial.text and trial.status == 200:
            return
        raise Unexpected(f"the trial of a good file shows: {trial.text[:3000]}")
    answer = who.browser.ask(action, form.fields)
    if not answer.location.startswith("/batches/"):
        raise Gone(f"not stored: {answer.status} {answer.location}")
