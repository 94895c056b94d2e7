"""Many papers behind the scenes: a process claims a run, prints it part by part and says how far it is.

Parts are printed by several processes beside each other and stay in the run's folder, so that whoever takes the run
after a crash goes on behind the last of them. In the end there are two files: a ZIP with a PDF of each paper, and one
PDF of all. What differs between kinds of runs stands in a ``Kind``.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import threading
import traceback
import zipfile
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

import pikepdf

from clinic_orders import clock
from clinic_orders.actions import paper_runs as deeds
from clinic_orders.actions.background import Claim
from clinic_orders.actions.transaction import end_reading
from clinic_orders.models.base import db, reading_only
from clinic_orders.models.paper_runs import PaperRun
from clinic_orders.queries import background
from clinic_orders.rules.background import MovedOn
from clinic_orders.rules.paper_runs import KEPT, PaperRunState
from clinic_orders.rules.parties import SYSTEM

log = logging.getLogger(__name__)

ZIP: Final = "papers.zip"
PDF: Final = "papers.pdf"

R = TypeVar("R", bound=PaperRun)


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a run is to hold, apart from its row, which others write to.

    Attributes:
        title: of the PDF of all.
        ids: of what its papers are made of, in order.
        load: reads from the database what ``Kind.make_part`` needs of some of them, besides folder and part.
        loaded: told what was read, where the kind of run has something to write down about it.

    """

    title: str
    ids: Sequence[Any]
    load: Callable[[Sequence[Any]], tuple[Any, ...]]
    loaded: Callable[[tuple[Any, ...]], None] | None = None


@dataclass(frozen=True, slots=True)
class Kind(Generic[R]):
    """How the papers of one kind of run are made.

    Attributes:
        records: the rows.
        folder: of its files in the instance.
        in_part: so many papers are printed in one go: enough to share the cost of the fonts, few enough to see how
            far it is.
        wanted: what a run is to hold.
        make_part: prints a part into the folder of a run (``put_part``) and says how many papers it has; called in
            another process with the folder, the number of the part from 0, the place of its first paper, and what
            ``Wanted.load`` found.

    """

    records: type[R]
    folder: str
    in_part: int
    wanted: Callable[[R], Wanted]
    make_part: Callable[..., int]

    def folder_of(self, instance: Path, token: str) -> Path:
        """Where the files of a run lie."""
        return instance / self.folder / token


def safe_name(text: str) -> str:
    """A text as the name of a file in a ZIP, at most 80 characters of it."""
    return "".join(one if one.isalnum() or one in "（）()-〔〕" else "_" for one in text)[:80]


def put_part(folder: Path, part: int, whole: bytes, papers: Iterable[tuple[str, bytes]]) -> None:
    """Put a part of a run into its folder, both files whole or not at all.

    Args:
        folder: of the run.
        part: its number from 0.
        whole: a PDF of its papers, each with its bookmark.
        papers: name and PDF of each.

    """
    pdf, archive = _part_files(folder, part)
    draft = folder / f".part-{part:05}-{os.getpid()}"
    draft.write_bytes(whole)
    draft.replace(pdf)
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as out:
        for name, paper in papers:
            out.writestr(zipfile.ZipInfo(name, (1980, 1, 1, 0, 0, 0)), paper)
    draft.replace(archive)


def _part_files(folder: Path, part: int) -> tuple[Path, Path]:
    return folder / f"part-{part:05}.pdf", folder / f"part-{part:05}.zip"


def put_together(folder: Path, parts: int, *, title: str) -> None:
    """Make the two files of a run of its parts, and let the parts go."""
    draft = folder / f".whole-{os.getpid()}"
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as out:
        for part in range(parts):
            with zipfile.ZipFile(_part_files(folder, part)[1]) as archive:
                for entry in archive.infolist():
                    out.writestr(entry, archive.read(entry))
    draft.replace(folder / ZIP)
    with pikepdf.new() as whole:
        marks: list[tuple[str, int]] = []
        for part in range(parts):
            with pikepdf.open(_part_files(folder, part)[0]) as paper:
                marks += [(name, len(whole.pages) + page) for name, page in _bookmarks(paper)]
                whole.pages.extend(paper.pages)
        with whole.open_outline() as outline:
            outline.root.extend(pikepdf.OutlineItem(name, page) for name, page in marks)
        whole.docinfo["/Title"] = title
        whole.save(draft)
    draft.replace(folder / PDF)
    for part in range(parts):
        for path in _part_files(folder, part):
            path.unlink(missing_ok=True)


def _bookmarks(paper: pikepdf.Pdf) -> Iterator[tuple[str, int]]:
    """Name and page of each paper of a part."""
    with paper.open_outline() as outline:
        items = list(outline.root)
    numbers: dict[Any, int] = {page.objgen: place for place, page in enumerate(paper.pages)}
    for item in items:
        target: Any = item.destination
        yield str(item.title), numbers[target[0].objgen]


@dataclass(slots=True)
class RunPrinter(Generic[R]):
    """Prints the runs of one kind, one after the other.

    Attributes:
        instance: the instance folder.
        worker: which process this is.
        kind: which runs.
        processes: how many print beside each other; 0: this one does it itself.
        stop: set when the process is to end; the run at hand is given back.

    """

    instance: Path
    worker: str
    kind: Kind[R]
    processes: int = field(default_factory=lambda: max(1, (os.cpu_count() or 2)))
    stop: threading.Event = field(default_factory=threading.Event)

    def run_waiting(self) -> int:
        """Print every run whose turn it is; how many were claimed here."""
        claimed = 0
        while not self.stop.is_set() and (run := self._claim()) is not None:
            claimed += 1
            self._run(run)
        self._sweep()
        return claimed

    def _claim(self) -> R | None:
        """Look first, so that an office without runs is never kept from writing."""
        at = clock.now()
        with reading_only():
            waits = background.any_to_claim(self.kind.records, at)
            end_reading()
        return deeds.claim_run(self.kind.records, self.worker, by=SYSTEM, at=at) if waits else None

    def _run(self, run: R) -> None:
        records, claim = self.kind.records, Claim(run.id, run.attempt)
        folder = self.kind.folder_of(self.instance, run.token)
        name = f"{self.kind.folder} {claim.number}"
        log.info("%s is claimed by %s, attempt %d", name, self.worker, claim.attempt)
        try:
            with reading_only():
                wanted = self.kind.wanted(run)
                end_reading()
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._print(claim, folder, wanted):
                put_together(folder, -(-len(wanted.ids) // self.kind.in_part), title=wanted.title)
                deeds.finish_run(records, claim, by=SYSTEM, at=clock.now())
            else:
                deeds.release_run(records, claim, by=SYSTEM, at=clock.now())
        except MovedOn:
            db.session.rollback()
            log.info("%s has moved on", name)
        except Exception:
            db.session.rollback()
            log.exception("%s broke off", name)
            with suppress(MovedOn):
                deeds.release_run(records, claim, traceback.format_exc(), by=SYSTEM, at=clock.now())
        finally:
            db.session.remove()

    def _print(self, claim: Claim, folder: Path, wanted: Wanted) -> bool:
        """Print the parts that are not there yet; False if the process is to end before the last of them."""
        size, ids = self.kind.in_part, wanted.ids
        parts = range(-(-len(ids) // size))
        missing = [part for part in parts if not all(path.exists() for path in _part_files(folder, part))]
        made = len(ids) - sum(len(ids[part * size : (part + 1) * size]) for part in missing)
        deeds.note_made(self.kind.records, claim, made, by=SYSTEM, at=clock.now())
        left, stopped = iter(missing), False
        with self._pool() as pool:
            try:
                # What waits for a free process is little: the texts of a long run never lie in memory together.
                at_work = {
                    self._begin(pool, folder, wanted, part)
                    for part in islice(left, 2 * max(1, self.processes))
                }
                while at_work:
                    ended, at_work = wait(at_work, return_when=FIRST_COMPLETED)
                    made += sum(one.result() for one in ended)
                    deeds.note_made(self.kind.records, claim, made, by=SYSTEM, at=clock.now())
                    stopped = self.stop.is_set()
                    if stopped:
                        break
                    at_work |= {self._begin(pool, folder, wanted, part) for part in islice(left, len(ended))}
            finally:
                # What is being printed is finished and kept; what has not begun is left for the next process.
                pool.shutdown(wait=True, cancel_futures=True)
        return not stopped or made >= len(ids)

    def _begin(
        self, pool: ProcessPoolExecutor | ThreadPoolExecutor, folder: Path, wanted: Wanted, part: int
    ) -> Future[int]:
        first = part * self.kind.in_part
        with reading_only():
            needed = wanted.load(wanted.ids[first : first + self.kind.in_part])
            end_reading()
        if wanted.loaded is not None:
            wanted.loaded(needed)
        return pool.submit(self.kind.make_part, folder, part, first, *needed)

    def _pool(self) -> ProcessPoolExecutor | ThreadPoolExecutor:
        if self.processes == 0:
            return ThreadPoolExecutor(1)
        return ProcessPoolExecutor(self.processes, mp_context=multiprocessing.get_context("spawn"))

    def _sweep(self) -> None:
        """Take away the files of runs that ended long ago or were cancelled."""
        root = self.instance / self.kind.folder
        if not root.is_dir():
            return
        at = clock.now()
        tokens = [path.name for path in root.iterdir()]
        with reading_only():
            known = background.ends_by_token(self.kind.records, tokens)
            end_reading()
        for token in tokens:
            state, ended_at = known.get(token, (PaperRunState.CANCELLED, at))
            old = ended_at is not None and ended_at < at - KEPT
            if state is PaperRunState.CANCELLED or old:
                shutil.rmtree(root / token, ignore_errors=True)
