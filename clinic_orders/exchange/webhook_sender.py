"""The sender of webhooks: finds out who is told of what has happened, and posts it (decision 0060).

It has a thread of the scheduler for itself, so that a receiver who lets it wait keeps nobody else waiting, and ends after a
while in any case. Its threads only post; what they find out is written down by the one that began.
"""

from __future__ import annotations

import logging
import random
import threading
import time
from collections.abc import Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field
from typing import Final

from clinic_orders import clock
from clinic_orders.actions import webhook_sending as deeds
from clinic_orders.actions.transaction import end_reading
from clinic_orders.actions.webhook_sending import Claimed, Posted
from clinic_orders.config import Settings
from clinic_orders.exchange.posting import post
from clinic_orders.exchange.sealed_words import CannotOpen, seal, unseal
from clinic_orders.models.base import db, reading_only
from clinic_orders.queries.webhooks import something_to_do
from clinic_orders.rules.parties import SYSTEM
from clinic_orders.rules.webhook_addresses import Reach
from clinic_orders.rules.webhooks import BUSY, GONE, Failure, signature

log = logging.getLogger(__name__)

AT_ONCE: Final = 8
"""So many receivers are posted to at the same time."""
_RUN_SECONDS: Final = 45.0
"""So long a run goes on taking up webhooks; the next one comes within a minute."""
_IN_HAND_SECONDS: Final = 60.0
"""So long a run posts to one receiver, well within its claim."""
_PURPOSE: Final = "webhooks"


def reach_of(settings: Settings) -> Reach:
    """How far messages may go by the settings."""
    return Reach(settings.webhook_networks, settings.webhook_ports)


def seal_secret(settings: Settings, secret: str) -> str:
    """A webhook's secret as it is kept."""
    return seal(secret, key=settings.secret_key, purpose=_PURPOSE)


@dataclass(slots=True)
class Sender:
    """Posts what waits, to several receivers at once, to each in order.

    Attributes:
        settings: with the key of the secrets and how far messages may go.
        stop: set when the process is to end; what was not posted waits.

    """

    settings: Settings
    stop: threading.Event = field(default_factory=threading.Event)
    _random: random.Random = field(default_factory=random.Random)

    def run_waiting(self) -> int:
        """Spread what has happened and post what is due; how many messages were taken by their receivers."""
        with reading_only():
            anything = something_to_do(clock.now())
            end_reading()
        if not anything:
            return 0
        while deeds.spread_events(by=SYSTEM, at=clock.now()) and not self.stop.is_set():
            pass
        taken, ends = 0, time.monotonic() + _RUN_SECONDS
        with ThreadPoolExecutor(AT_ONCE, thread_name_prefix="webhooks") as threads:
            running: dict[Future[list[Posted]], Claimed] = {}
            more = True
            while running or more:
                more = more and not self.stop.is_set() and time.monotonic() < ends
                while more and len(running) < AT_ONCE:
                    claimed = deeds.claim_webhook(by=SYSTEM, at=clock.now())
                    if claimed is None:
                        break
                    running[threads.submit(self._post_all, claimed)] = claimed
                if not running:
                    break
                for done in wait(running, return_when=FIRST_COMPLETED).done:
                    taken += self._note(running.pop(done), done)
        return taken

    def _note(self, claimed: Claimed, done: Future[list[Posted]]) -> int:
        try:
            posted = done.result()
        except Exception:
            # A fault of ours: the claim runs out, and the messages are tried again.
            log.exception("webhook %d could not be posted to", claimed.webhook_id)
            return 0
        shares = [self._random.random() for _ in posted]
        try:
            deeds.note_posted(claimed, posted, shares=shares, by=SYSTEM, at=clock.now())
        except Exception:
            db.session.rollback()
            log.exception("what webhook %d was sent could not be written down", claimed.webhook_id)
            return 0
        return sum(one.failure is None for one in posted)

    def _post_all(self, claimed: Claimed) -> list[Posted]:
        """Post the messages of one receiver, the oldest first, until one is not taken; without the database."""
        ends = time.monotonic() + _IN_HAND_SECONDS
        try:
            secrets = [
                unseal(kept, key=self.settings.secret_key, purpose=_PURPOSE) for kept in claimed.secrets
            ]
        except CannotOpen:
            return [Posted(claimed.messages[0].delivery_id, clock.now(), 0, None, Failure.SECRET)]
        found: list[Posted] = []
        for message in claimed.messages:
            if self.stop.is_set() or time.monotonic() >= ends:
                break
            at = clock.now()
            answer = post(
                claimed.url,
                message.body,
                {
                    "Content-Type": "application/json",
                    "User-Agent": "clinic-orders-webhooks/1",
                    "Webhook-Id": message.key,
                    "Webhook-Event": message.event.value,
                    "Webhook-Signature": signature(message.body, secrets, at),
                },
                reach=reach_of(self.settings),
            )
            found.append(
                Posted(
                    message.delivery_id,
                    at,
                    answer.duration_ms,
                    answer.status,
                    answer.failure,
                    answer.beginning,
                )
            )
            if not _answers(found):
                break
        return found


def _answers(posted: Sequence[Posted]) -> bool:
    """Whether a receiver is worth the next message: it has answered, even if it did not like what it was told."""
    return posted[-1].status is not None and posted[-1].status not in {*BUSY, GONE}
