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
from itertools import islice
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

    def after(self, lines: Sequence[bytes]) -> Place:
        """Return the place behind these lines, which begin here; one that was cut comes alone."""
        end, last = self.offset + sum(map(len, lines)), lines[-1]
        if isinstance(last, CutLine):
            return Place(self.line + 1, end + last.passed_over)
        return Place(self.line + len(lines), end, last[-EDGE:])


class Part(NamedTuple):
    """Lines that follow one another, endings included, and the places they lie between."""

    lines: Sequence[bytes]
    start: Place
    end: Place

    @property
    def size(self) -> int:
        """Bytes of all lines together."""
        return self.end.offset - self.start.offset


class Lines:
    """Read lines as they stand, so many at a time.

    Args:
        path: A path, or "-" for standard input.

    Attributes:
        is_regular: Whether this is a file that can be read again from a place in it; standard
            input and pipes cannot.
        head: Its first bytes, where it can.
        place: Where reading begins.

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

    def parts(self, max_lines: int, max_bytes: int) -> Iterator[Part]:
        """Yield all lines, at most so many and so many bytes a part; a longer line comes alone."""
        place, lines = self.place, list[bytes]()
        try:
            with _naming_damage():
                while True:
                    left_over = self._fill(lines, max_lines, max_bytes)
                    if not lines:
                        return
                    part = Part(lines, place, place.after(lines))
                    yield part
                    place, lines = part.end, left_over
        except OSError as error:
            error.add_note(f"read until line {place.line + len(lines):,}")
            raise

    def _fill(self, lines: list[bytes], max_lines: int, max_bytes: int) -> list[bytes]:
        """Add lines as long as they fit; return the one that did not, if any."""
        # What may have been cut must be more than fits, to be noticed.
        max_bytes = min(max_bytes, MAX_LINE - 1)
        size = sum(map(len, lines))
        source = iter(partial(self._file.readline, MAX_LINE), b"")
        for line in islice(source, max_lines - len(lines)):
            size += len(line)
            if size > max_bytes:
                whole = self._whole(line)
                if lines:
                    return [whole]
                lines.append(whole)
            else:
                lines.append(line)
        return []

    def _whole(self, beginning: bytes) -> bytes:
        """Return the line that begins so, cut there if it goes on; the rest is passed over."""
        if len(beginning) < MAX_LINE or beginning.endswith(b"\n"):
            return beginning
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
