"""Files that a command writes: whole or not at all."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, TypeVar

R = TypeVar("R")


def write_whole(file: Path, write: Callable[[BinaryIO], R]) -> R:
    """Write beside the file and put it in place at the end, so that nobody ever finds half of it.

    Args:
        file: where it is to stand.
        write: writes the content into an open file; what it answers is answered.

    Raises:
        OSError: the folder can't be written.

    """
    handle, name = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}.")
    try:
        with os.fdopen(handle, "w+b") as out:
            answer = write(out)
        Path(name).chmod(0o666 & ~_umask())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
    return answer


def _umask() -> int:
    """The mask for new files, which can only be read by setting it."""
    mask = os.umask(0o022)
    os.umask(mask)
    return mask
