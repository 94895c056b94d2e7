"""Letters by the thousand against the same letters one by one through WeasyPrint, in one run."""

from __future__ import annotations

import gc
import resource
import statistics
import tempfile
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from pathlib import Path

from clinic_orders.documents.letters import letter_pdf
from clinic_orders.documents.letters.runs import IN_PART, make_part
from clinic_orders.documents.letters.specimens import letter
from clinic_orders.documents.paper_runs import PDF, ZIP, put_together
from clinic_orders.rules.findings import CheckRule
from clinic_orders.rules.letters import LetterContent, LetterKind

OWN = "https://orders.example.cn"
_RULES = (
    (CheckRule.PAYMENT_OVERDUE,),
    (CheckRule.OVER_MARKUP,),
    (CheckRule.STOCKING_SHORT, CheckRule.REPORT_MISSING),
    (CheckRule.VOLUME_BEHIND,),
)


def letters(count: int) -> Iterator[LetterContent]:
    """Letters as a month brings them: reminders and inquiries of one to six findings, each to another party."""
    for number in range(count):
        yield letter(
            LetterKind.REMINDER if number % 3 else LetterKind.INQUIRY,
            _RULES[number % len(_RULES)],
            findings=1 + number % 6,
            party=f"伊川县鸦岭镇第{number + 1}村卫生室",
            serial=number + 1,
        )


@dataclass(slots=True)
class Measured:
    """Letters a second of each round by the clock and by the processor, the size of what came out, the memory.

    ``most_mb`` is the most that one of the processes of the run held, the one that puts everything together included.
    """

    count: int
    single: list[float] = field(default_factory=list)
    bulk: list[float] = field(default_factory=list)
    single_cpu: list[float] = field(default_factory=list)
    bulk_cpu: list[float] = field(default_factory=list)
    most_mb: float = 0.0
    zip_kb: float = 0.0
    pdf_kb: float = 0.0
    single_kb: float = 0.0

    @property
    def ratio(self) -> float:
        """How many letters the press makes while WeasyPrint makes one; the median of the rounds."""
        return statistics.median(bulk / one for bulk, one in zip(self.bulk, self.single, strict=True))

    @property
    def cpu_ratio(self) -> float:
        """The same by processor time of all processes, on which other work of the machine has no bearing."""
        return statistics.median(bulk / one for bulk, one in zip(self.bulk_cpu, self.single_cpu, strict=True))


def _held_mb() -> float:
    """The most memory that this process has held, in MB; not what its parent held, which getrusage counts too."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    own = next((int(line.split()[1]) for line in lines if line.startswith("VmHWM:")), None)
    return (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss if own is None else own) / 1024


def _measured_part(folder: Path, part: int, texts: Sequence[str], address: str) -> tuple[float, float]:
    """Make a part of a run, and say what it cost: processor seconds, the most memory of the process in MB."""
    began = time.process_time()
    make_part(folder, part, part * IN_PART, texts, address)
    return time.process_time() - began, _held_mb()


def _measured_whole(folder: Path, parts: int) -> tuple[float, float]:
    """Put a run together, and say what it cost; in a process that has not made letters one by one."""
    began = time.process_time()
    put_together(folder, parts, title="bench")
    return time.process_time() - began, _held_mb()


@contextmanager
def _pool(processes: int) -> Iterator[ProcessPoolExecutor]:
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        # The processes are there and have their fonts before the clock runs, as WeasyPrint has.
        with tempfile.TemporaryDirectory() as folder:
            warm = [one.canonical() for one in letters(8)]
            list(
                pool.map(
                    make_part,
                    [Path(folder)] * processes,
                    range(processes),
                    [0] * processes,
                    [warm] * processes,
                    [OWN] * processes,
                )
            )
        yield pool


def measure_letters(count: int, sample: int, rounds: int, processes: int) -> Measured:
    """Time both ways to the same letters, turn by turn.

    Args:
        count: letters of a run.
        sample: so many of them are made one by one in each round.
        rounds: how often.
        processes: that print beside each other.

    """
    found = Measured(count)
    all_of_them = list(letters(count))
    texts = [one.canonical() for one in all_of_them]
    letter_pdf(all_of_them[0], address=OWN)
    with _pool(processes) as pool:
        for turn in range(rounds):
            gc.collect()
            some = all_of_them[turn * sample : (turn + 1) * sample]
            started, began = time.perf_counter(), time.process_time()
            sizes = [len(letter_pdf(one, address=OWN)) for one in some]
            found.single.append(len(some) / (time.perf_counter() - started))
            found.single_cpu.append(len(some) / (time.process_time() - began))
            found.single_kb = statistics.mean(sizes) / 1024
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                parts = range(-(-count // IN_PART))
                started, began = time.perf_counter(), time.process_time()
                chunks = [texts[part * IN_PART : (part + 1) * IN_PART] for part in parts]
                costs = list(
                    pool.map(_measured_part, [folder] * len(parts), parts, chunks, [OWN] * len(parts))
                )
                costs.append(pool.submit(_measured_whole, folder, len(parts)).result())
                found.bulk.append(count / (time.perf_counter() - started))
                spent = time.process_time() - began + sum(seconds for seconds, _held in costs)
                found.bulk_cpu.append(count / spent)
                found.most_mb = max(found.most_mb, *(held for _seconds, held in costs))
                found.zip_kb = (folder / ZIP).stat().st_size / 1024 / count
                found.pdf_kb = (folder / PDF).stat().st_size / 1024 / count
    return found
