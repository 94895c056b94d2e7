"""Public pages that were made once are given out again while nobody has done anything since.

Every deed writes to the audit, so its newest entry is the mark under which a page was made: one look into an index
tells whether it still holds. A page is made anew after ten minutes in any case, because the entry of a longer deed
can become visible after that of a shorter one; and on every new day.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict
from datetime import date
from hashlib import sha256
from typing import Final, NamedTuple

MOST: Final = 256
"""How many pages a process keeps; of 50 KB at most, so 13 MB."""
LONGEST: Final = 600.0


class Kept(NamedTuple):
    """A page, its entity tag, and the mark and time of its making."""

    body: bytes
    etag: str
    mark: tuple[int, date]
    made: float


class KeptPages:
    """The pages of one process by their address, the least recently used given up first."""

    def __init__(self) -> None:
        self._pages: OrderedDict[str, Kept] = OrderedDict()
        self._changing = threading.Lock()

    def find(self, address: str, mark: tuple[int, date]) -> Kept | None:
        """The page of an address if it was made under this mark and not long ago."""
        with self._changing:
            kept = self._pages.get(address)
            if kept is None:
                return None
            if kept.mark != mark or time.monotonic() - kept.made > LONGEST:
                del self._pages[address]
                return None
            self._pages.move_to_end(address)
            return kept

    def keep(self, address: str, body: bytes, mark: tuple[int, date]) -> Kept:
        """Keep a page."""
        kept = Kept(body, f'"{sha256(body).hexdigest()[:32]}"', mark, time.monotonic())
        with self._changing:
            self._pages[address] = kept
            self._pages.move_to_end(address)
            while len(self._pages) > MOST:
                self._pages.popitem(last=False)
        return kept
