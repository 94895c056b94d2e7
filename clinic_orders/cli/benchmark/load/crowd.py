"""Many users at once, in a process of their own: they mingle, or all order within a minute, or ask without a pause."""

from __future__ import annotations

import multiprocessing
import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import date
from multiprocessing.connection import Connection
from typing import Any, Final

from clinic_orders.cli.benchmark.load.browser import Browser, Fields, Sample, Wrong
from clinic_orders.cli.benchmark.load.people import KINDS, ORDERING, User

_AT_ONCE: Final = 8
"""So many log in at the same time."""
_SENDERS: Final = 120


class Crowd:
    """The process of the users, as the measurement sees it; ask it one thing after another."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe

    def do(self, what: str, **plan: Any) -> Any:
        """Have something done, and wait for what it gives.

        Raises:
            RuntimeError: it failed; with its words.

        """
        self._pipe.send((what, plan))
        good, found = self._pipe.recv()
        if not good:
            raise RuntimeError(found)
        return found


@contextmanager
def crowd(port: int, password: str) -> Iterator[Crowd]:
    """A process with nobody in it yet; ended after the block."""
    ours, theirs = multiprocessing.Pipe()
    process = multiprocessing.get_context("spawn").Process(
        target=_work, args=(theirs, port, password), daemon=True
    )
    process.start()
    try:
        yield Crowd(ours)
    finally:
        ours.send(("leave", {}))
        process.join(30)
        if process.is_alive():
            process.kill()


def _work(pipe: Connection, port: int, password: str) -> None:
    people = _People(port, password)
    deeds: dict[str, Callable[..., Any]] = {
        "log in": people.log_in,
        "mingle": people.mingle,
        "check": people.check,
        "rush": people.rush,
        "send": people.send,
        "ask": people.ask,
    }
    while True:
        what, plan = pipe.recv()
        if what == "leave":
            return
        try:
            pipe.send((True, deeds[what](**plan)))
        except Exception as failed:
            pipe.send((False, f"{type(failed).__name__}: {failed}"))


class _People:
    """Everybody who has logged in, and the forms that they have before them."""

    def __init__(self, port: int, password: str) -> None:
        self.port = port
        self.password = password
        self.browsers: dict[str, Browser] = {}
        self.forms: dict[str, Fields] = {}

    def log_in(self, usernames: Sequence[str]) -> list[Sample]:
        """All of them through the page, some at a time; what it took."""

        def one(username: str) -> list[Sample]:
            browser = Browser(self.port)
            browser.log_in(username, self.password)
            taken, browser.samples = browser.samples, []
            self.browsers[username] = browser
            return taken

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return [sample for samples in pool.map(one, usernames) for sample in samples]

    def mingle(
        self,
        users: Sequence[tuple[str, str, Sequence[Sequence[str]]]],
        think: float,
        warm: float,
        seconds: float,
        seed: int,
        today: date,
    ) -> list[Sample]:
        """Everybody does what they do, with a mean time to think, until the time is over; without the warming up."""
        began = time.monotonic()
        ends = began + warm + seconds
        over = threading.Event()

        def live(number: int) -> None:
            username, role, carts = users[number]
            dice = random.Random(f"{seed} {username}")  # noqa: S311 - no secret is made of it.

            def ponder() -> None:
                if think and over.wait(dice.expovariate(1 / think)):
                    raise SystemExit

            user: User = KINDS[role](self.browsers[username], dice, ponder, today, carts=carts)
            while not over.is_set() and time.monotonic() < ends:
                try:
                    user.deed()
                except Wrong as wrong:
                    _note(user.browser, wrong)
                except SystemExit:
                    return

        threads = [threading.Thread(target=live, args=(number,)) for number in range(len(users))]
        for thread in threads:
            thread.start()
        time.sleep(max(0.0, ends - time.monotonic()))
        over.set()
        for thread in threads:
            thread.join()
        return [
            sample
            for sample in self._taken([name for name, *_ in users])
            if began + warm <= sample.began < ends
        ]

    def check(self, usernames: Sequence[str]) -> list[str]:
        """The page to check of each, whose draft is typed: the form that sends it; answers the keys."""

        def one(username: str) -> str:
            browser = self.browsers[username]
            form = browser.ask("before", "the page to check", "/order/check").form("/order/send")
            browser.samples.clear()
            self.forms[username] = form
            return dict(form)["key"]

        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(one, usernames))

    def rush(
        self, usernames: Sequence[str], within: float, twice: float, seed: int
    ) -> tuple[list[Sample], float, dict[str, list[str]]]:
        """All send their form at some moment of these seconds, some press twice.

        Gives the samples, how long it took until the last answer, and where each answer led.
        """
        dice = random.Random(seed)  # noqa: S311 - no secret is made of it.
        moments = [(dice.uniform(0, within), name) for name in usernames]
        moments += [
            (min(within, moment + dice.uniform(0, 0.2)), name)
            for moment, name in list(moments)
            if dice.random() < twice
        ]
        led: dict[str, list[str]] = {name: [] for name in usernames}
        began = time.monotonic()
        waiting = iter(sorted(moments))
        turn = threading.Lock()

        def send() -> None:
            while True:
                with turn:
                    following = next(waiting, None)
                if following is None:
                    return
                moment, name = following
                time.sleep(max(0.0, began + moment - time.monotonic()))
                browser = self.browsers[name]
                try:
                    answer = browser.ask(ORDERING, "the order", "/order/send", self.forms[name], good=303)
                    led[name].append(answer.location)
                except Wrong:
                    led[name].append("")

        threads = [threading.Thread(target=send) for _ in range(_SENDERS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return self._taken(usernames), time.monotonic() - began, led

    def send(self, usernames: Sequence[str], at_once: int) -> tuple[float, list[Sample]]:
        """Each form is sent, so many at a time without a pause; the seconds it took, and the samples."""
        waiting = iter(usernames)
        turn = threading.Lock()

        def one() -> None:
            while True:
                with turn:
                    name = next(waiting, None)
                if name is None:
                    return
                try:
                    self.browsers[name].ask(ORDERING, "the order", "/order/send", self.forms[name], good=303)
                except Wrong as wrong:
                    _note(self.browsers[name], wrong)

        began = time.monotonic()
        threads = [threading.Thread(target=one) for _ in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return time.monotonic() - began, self._taken(usernames)

    def ask(self, pages: Sequence[tuple[str, str, str]], at_once: int, seconds: float) -> dict[str, Any]:
        """Pages are asked for by turns, so many at a time without a pause; how many came in which time.

        Args:
            pages: who asks, the sample's name, the address.
            at_once: connections that stay open.
            seconds: how long.

        """
        ends = time.monotonic() + seconds
        taken: list[list[Sample]] = [[] for _ in range(at_once)]

        def one(place: int) -> None:
            browsers = {name: self._again(name) for name, *_ in pages}
            number = place
            while time.monotonic() < ends:
                name, word, path = pages[number % len(pages)]
                number += 1
                try:
                    browsers[name].ask("page", word, path)
                except Wrong as wrong:
                    _note(browsers[name], wrong)
            taken[place] = [sample for browser in browsers.values() for sample in browser.samples]

        began = time.monotonic()
        threads = [threading.Thread(target=one, args=(place,)) for place in range(at_once)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        samples = [sample for part in taken for sample in part]
        return {"seconds": time.monotonic() - began, "samples": samples}

    def _again(self, username: str) -> Browser:
        """Another window of the same person, with a connection that stays open."""
        return self.browsers[username].another_window()

    def _taken(self, usernames: Sequence[str]) -> list[Sample]:
        """The samples of these people, who begin new lists."""
        found = []
        for name in dict.fromkeys(usernames):
            browser = self.browsers[name]
            found += browser.samples
            browser.samples = []
        return found


def _note(browser: Browser, wrong: Wrong) -> None:
    """A page that is not what it should be counts as an error, once."""
    last = browser.samples[-1] if browser.samples else None
    if last is not None and not last.error:
        browser.samples[-1] = last._replace(error=str(wrong))


def percentiles(samples: Sequence[Sample]) -> Mapping[str, float]:
    """How many, how many wrong, and the times in milliseconds."""
    times = sorted(sample.seconds * 1000 for sample in samples)
    if not times:
        return {"requests": 0, "errors": 0, "p50": 0.0, "p95": 0.0, "p99": 0.0, "most": 0.0}

    def at(share: float) -> float:
        return round(times[min(len(times) - 1, int(len(times) * share))], 1)

    return {
        "requests": len(times),
        "errors": sum(1 for sample in samples if sample.error),
        "p50": at(0.5),
        "p95": at(0.95),
        "p99": at(0.99),
        "most": round(times[-1], 1),
    }
