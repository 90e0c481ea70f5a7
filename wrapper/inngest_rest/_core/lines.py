"""The lines of a file, plain or gzip, or of standard input: streamed, never held whole."""

from __future__ import annotations

import gzip
import io
import os
import stat
import sys
import zlib
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, cast

from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

STDIN = "-"

MAX_LINE = 16 * 1024 * 1024
"""Longest line that is held: five times the largest event, for those written with escapes."""

EDGE = 4_096
"""Bytes by which the beginning of a file, or the end of a line, is known again."""

_BUFFER = 256 * 1024
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"


class CutLine(bytes):
    """The first bytes of a line that is too long to hold.

    Attributes:
        passed_over: How many bytes of it follow.
    """

    passed_over = 0


class Place(NamedTuple):
    """A place between two lines.

    Attributes:
        line: How many lines lie before it.
        offset: How many bytes do, after decompression.
        edge: The last bytes of the line before it, ending included; empty if unknown.
    """

    line: int = 0
    offset: int = 0
    edge: bytes = b""

    def after(self, lines: Sequence[bytes], size: int) -> Place:
        """Return the place behind these lines of so many bytes, which begin here."""
        last = lines[-1]
        edge = b"" if isinstance(last, CutLine) else last[-EDGE:]
        return Place(self.line + len(lines), self.offset + size, edge)


class Lines:
    """Iterate over lines as they stand, endings included.

    Args:
        path: A path, or "-" for standard input.

    Attributes:
        is_regular: Whether this is a file that can be read again from a place in it; standard
            input and pipes cannot.
        head: Its first bytes, where it can.
        place: Where iterating begins.

    Raises:
        OSError: The file cannot be read, or it is damaged gzip.
    """

    def __init__(self, path: str) -> None:
        self._outer = self._file = _open(path)
        self._is_ours = path != STDIN
        try:
            self.is_regular = self._is_ours and stat.S_ISREG(os.fstat(self._file.fileno()).st_mode)
            if self._file.peek(2).startswith(_GZIP):
                unzipped = gzip.GzipFile(fileobj=self._outer, mode="rb")
                self._file = io.BufferedReader(unzipped, _BUFFER)
            with _naming_damage():
                start = self._file.peek(EDGE)
            self.head = start[:EDGE] if self.is_regular else b""
            self.place = Place(0, len(self._file.read(3 if start.startswith(_BOM) else 0)))
        except BaseException:
            self.close()
            raise

    def __iter__(self) -> Iterator[bytes]:
        with _naming_damage():
            for line in iter(partial(self._file.readline, MAX_LINE), b""):
                if len(line) == MAX_LINE and not line.endswith(b"\n"):
                    yield self._cut(line)
                else:
                    yield line

    def _cut(self, beginning: bytes) -> CutLine:
        """Pass over the rest of a line."""
        line = CutLine(beginning)
        while rest := self._file.readline(MAX_LINE):
            line.passed_over += len(rest)
            if rest.endswith(b"\n"):
                break
        return line

    def go_to(self, place: Place) -> bool:
        """Begin at a place instead; False if what lies before it is not what it was."""
        with _naming_damage():
            edge = place.offset - len(place.edge)
            if self._file.seek(edge) != edge or self._file.read(len(place.edge)) != place.edge:
                return False
            if place.edge and not place.edge.endswith(b"\n"):
                # The file ended in this line. It may have been given its ending since, not more.
                ending = self._file.readline(EDGE)
                if ending.strip(b"\r\n"):
                    return False
                place = Place(place.line, place.offset + len(ending), place.edge + ending)
        self.place = place
        return True

    def close(self) -> None:
        if self._is_ours:
            self._file.close()
            self._outer.close()


def _open(path: str) -> io.BufferedReader:
    if path != STDIN:
        return io.BufferedReader(io.FileIO(path), _BUFFER)
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - as under pythonw
        raise InvalidArgumentError("this process has no standard input")
    return cast("io.BufferedReader", sys.stdin.buffer)


@contextmanager
def _naming_damage() -> Generator[None]:
    """Raise what damaged gzip raises as the one error that says so."""
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise gzip.BadGzipFile(f"damaged gzip: {error}") from error
