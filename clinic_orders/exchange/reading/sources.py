"""Where a file's bytes come from: a path, or somebody's open file."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from typing_extensions import Buffer


class Source:
    """A file that can be read again from its beginning."""

    def __init__(self, source: Path | BinaryIO) -> None:
        self._source = source

    def bytes_from_start(self) -> io.BufferedReader:
        """The bytes from the first one on; closing them leaves somebody else's file open."""
        if isinstance(self._source, Path):
            return self._source.open("rb")
        self._source.seek(0)
        return io.BufferedReader(_KeptOpen(self._source))


class _KeptOpen(io.RawIOBase):
    """Somebody else's file, which must not be closed when the reader of it is."""

    def __init__(self, file: BinaryIO) -> None:
        super().__init__()
        self._file = file

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)
        data = self._file.read(len(view))
        view[: len(data)] = data
        return len(data)

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        return self._file.seek(offset, whence)

    def tell(self) -> int:
        return self._file.tell()
