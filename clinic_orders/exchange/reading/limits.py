"""How much of a file is taken, so that no file can fill the memory or the time of a process."""

from __future__ import annotations

from typing import Final

MAX_BYTES: Final = 200 * 1024 * 1024
MAX_COLUMNS: Final = 200
MAX_ROWS: Final = 500_000
MAX_RECORD: Final = 1_000_000
MAX_PROBLEMS: Final = 10_000
# A spreadsheet is unpacked and held as a whole, so less of it is taken than of CSV.
MAX_UNPACKED: Final = 128 * 1024 * 1024
MAX_CELLS: Final = 5_000_000
MAX_TEXT: Final = 256 * 1024 * 1024
# So many different values of a column are remembered with what they mean.
MAX_REMEMBERED: Final = 10_000
# So many rows are turned into values at once, unless something is wrong with one of them.
TOGETHER: Final = 250
# What is read at once of a text file.
CHUNK: Final = 64 * 1024
