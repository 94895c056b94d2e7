"""Many letters behind the scenes: a process claims a run, prints it part by part and says how far it is.

Parts are printed by several processes beside each other and stay in the run's folder, so that whoever takes the run
after a crash goes on behind the last of them. In the end there are two files: a ZIP with a PDF of each letter, and
one PDF of all.
"""

from __future__ import annotations

import logging
import multiprocessing
import os
import shutil
import threading
import traceback
import zipfile
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

import pikepdf

from clinic_orders import clock
from clinic_orders.actions import letter_runs as deeds
from clinic_orders.actions.background import Claim
from clinic_orders.actions.transaction import end_reading
from clinic_orders.documents.letters.press import merged, set_letters
from clinic_orders.models.base import db, reading_only
from clinic_orders.models.letter_runs import LetterRun
from clinic_orders.queries import background
from clinic_orders.queries import letter_runs as questions
from clinic_orders.rules.background import MovedOn
from clinic_orders.rules.letter_runs import KEPT, LetterRunState
from clinic_orders.rules.letters import LetterContent
from clinic_orders.rules.parties import SYSTEM

log = logging.getLogger(__name__)

FOLDER: Final = "letter-runs"
ZIP: Final = "letters.zip"
PDF: Final = "letters.pdf"
# So many letters are printed in one go: enough to share the cost of the fonts, few enough to see how far it is.
IN_PART: Final = 100


def folder_of(instance: Path, token: str) -> Path:
    """Where the files of a run lie."""
    return instance / FOLDER / token


def file_name(content: LetterContent, place: int) -> str:
    """What a letter is called in the ZIP: its place, number and addressee."""
    name = "".join(
        one if one.isalnum() or one in "（）()-〔〕" else "_"
        for one in f"{content.number or '草稿'}-{content.addressee}"
    )
    return f"{place + 1:05}-{name[:80]}.pdf"


def make_part(folder: Path, part: int, texts: Sequence[str], address: str) -> int:
    """Print a part of a run into its folder, both files whole or not at all; how many letters it has.

    Args:
        folder: of the run.
        part: its number from 0.
        texts: canonical texts of its letters.
        address: our own address for the codes.

    """
    contents = [LetterContent.from_canonical(text) for text in texts]
    made = set_letters(contents, address=address)
    pdf, archive = _part_files(folder, part)
    draft = folder / f".part-{part:05}-{os.getpid()}"
    draft.write_bytes(merged(made, title=f"{part + 1}"))
    draft.replace(pdf)
    with zipfile.ZipFile(draft, "w", zipfile.ZIP_STORED) as out:
        for place, (content, one) in enumerate(zip(contents, made, strict=True)):
            entry = zipfile.ZipInfo(file_name(content, part * IN_PART + place), (1980, 1, 1, 0, 0, 0))
            out.writestr(entry, one.pdf)
    draft.replace(archive)
    return len(made)


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
    """Name and page of each letter of a part."""
    with paper.open_outline() as outline:
        items = list(outline.root)
    numbers: dict[Any, int] = {page.objgen: place for place, page in enumerate(paper.pages)}
    for item in items:
        target: Any = item.destination
        yield str(item.title), numbers[target[0].objgen]


@dataclass(slots=True)
class RunPrinter:
    """Prints runs, one after the other.

    Attributes:
        instance: the instance folder.
        worker: which process this is.
        processes: how many print beside each other; 0: this one does it itself.
        stop: set when the process is to end; the run at hand is given back.

    """

    instance: Path
    worker: str
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

    def _claim(self) -> LetterRun | None:
        """Look first, so that an office without runs is never kept from writing."""
        at = clock.now()
        with reading_only():
            waits = background.any_to_claim(LetterRun, at)
            end_reading()
        return deeds.claim_letter_run(self.worker, by=SYSTEM, at=at) if waits else None

    def _run(self, run: LetterRun) -> None:
        claim, folder = Claim(run.id, run.attempt), folder_of(self.instance, run.token)
        title = f"{run.first_day.isoformat()}—{run.last_day.isoformat()} 文书（{run.total}份）"
        ids, address = list(run.letter_ids), run.address
        log.info("letter run %d is claimed by %s, attempt %d", run.id, self.worker, run.attempt)
        try:
            folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            if self._print(claim, folder, ids, address):
                put_together(folder, -(-len(ids) // IN_PART), title=title)
                deeds.finish_letter_run(claim, by=SYSTEM, at=clock.now())
            else:
                deeds.release_letter_run(claim, by=SYSTEM, at=clock.now())
        except MovedOn:
            db.session.rollback()
            log.info("letter run %d has moved on", claim.number)
        except Exception:
            db.session.rollback()
            log.exception("letter run %d broke off", claim.number)
            with suppress(MovedOn):
                deeds.release_letter_run(claim, traceback.format_exc(), by=SYSTEM, at=clock.now())
        finally:
            db.session.remove()

    def _print(self, claim: Claim, folder: Path, ids: Sequence[int], address: str) -> bool:
        """Print the parts that are not there yet; False if the process is to end before the last of them."""
        parts = range(-(-len(ids) // IN_PART))
        missing = [part for part in parts if not all(path.exists() for path in _part_files(folder, part))]
        made = len(ids) - sum(len(ids[part * IN_PART : (part + 1) * IN_PART]) for part in missing)
        deeds.note_printed(claim, made, by=SYSTEM, at=clock.now())
        with self._pool() as pool:
            work: dict[Future[int], int] = {}
            for part in missing:
                some = ids[part * IN_PART : (part + 1) * IN_PART]
                with reading_only():
                    texts = questions.texts_of(some)
                    end_reading()
                future = pool.submit(make_part, folder, part, [texts[one] for one in some], address)
                work[future] = part
            try:
                for future in as_completed(work):
                    made += future.result()
                    deeds.note_printed(claim, made, by=SYSTEM, at=clock.now())
                    if self.stop.is_set():
                        break
            finally:
                # What is being printed is finished and kept; what has not begun is left for the next process.
                pool.shutdown(wait=True, cancel_futures=True)
        return made >= len(ids) or not self.stop.is_set()

    def _pool(self) -> ProcessPoolExecutor | ThreadPoolExecutor:
        if self.processes == 0:
            return ThreadPoolExecutor(1)
        return ProcessPoolExecutor(self.processes, mp_context=multiprocessing.get_context("spawn"))

    def _sweep(self) -> None:
        """Take away the files of runs that ended long ago or were cancelled."""
        root = self.instance / FOLDER
        if not root.is_dir():
            return
        at = clock.now()
        tokens = [path.name for path in root.iterdir()]
        with reading_only():
            known = background.ends_by_token(LetterRun, tokens)
            end_reading()
        for token in tokens:
            state, ended_at = known.get(token, (LetterRunState.CANCELLED, at))
            old = ended_at is not None and ended_at < at - KEPT
            if state is LetterRunState.CANCELLED or old:
                shutil.rmtree(root / token, ignore_errors=True)
