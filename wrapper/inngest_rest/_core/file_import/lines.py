"""Streaming the lines of a file, plain or gzip, or of standard input."""

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

from inngest_rest._core.json_text import decode
from inngest_rest.errors import InvalidArgumentError

try:
    import fcntl
except ImportError:  # pragma: no cover - on Windows
    fcntl = None  # type: ignore[assignment]

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

STDIN = "-"

MAX_LINE = 16 * 1024 * 1024
"""Longest line that is held: five times the largest event, for those written with escapes."""

EDGE = 4_096
"""Bytes by which the beginning of a file, or the end of a line, is recognized."""

_BUFFER = 256 * 1024
_GZIP = b"\x1f\x8b"
_BOM = b"\xef\xbb\xbf"
_NEWLINE = ord("\n")


class CutLine(bytes):
    """The first bytes of a line that is too long to hold.

    Attributes:
        passed_over: How many more bytes the line has.
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
        """Return the place after these lines, which begin here; a cut line comes alone."""
        end, last = self.offset + sum(map(len, lines)), lines[-1]
        if isinstance(last, CutLine):
            return Place(self.line + 1, end + last.passed_over)
        return Place(self.line + len(lines), end, last[-EDGE:])


class Part(NamedTuple):
    """Consecutive lines, endings included, and the places before and after them."""

    lines: Sequence[bytes]
    start: Place
    end: Place

    @property
    def size(self) -> int:
        """Total bytes of the lines."""
        return self.end.offset - self.start.offset

    @property
    def is_torn(self) -> bool:
        """Whether the file ends here, in a line that may still be being written."""
        last = self.lines[-1]
        if last.endswith(b"\n") or isinstance(last, CutLine):
            return False
        try:
            # The rest of a number may follow; any other value is complete.
            return isinstance(decode(last), int | float)
        except ValueError:
            return True

    def without_last_line(self) -> Part:
        lines = self.lines[:-1]
        return Part(lines, self.start, self.start.after(lines) if lines else self.start)


class Lines:
    """Read lines byte for byte, a part at a time.

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
        self._path = path
        self._is_ours = path != STDIN
        self._has_ended = False
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
        """Yield all lines in parts of at most this size; a longer line comes alone."""
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
        """Add lines while they fit; return the one that did not, if any."""
        # A line of MAX_LINE bytes may be cut, so it must exceed the limit to be looked at.
        max_bytes = min(max_bytes, MAX_LINE - 1)
        size = sum(map(len, lines))
        source = iter(partial(self._file.readline, MAX_LINE), b"")
        for line in islice(source, 0 if self._has_ended else max_lines - len(lines)):
            size += len(line)
            if line[-1] != _NEWLINE and len(line) < MAX_LINE:
                # Bytes that a writer adds meanwhile belong to this line; they are not another line.
                self._has_ended = True
                if size > max_bytes and lines:
                    return [line]
                lines.append(line)
                break
            if size > max_bytes:
                whole = self._whole(line)
                if lines:
                    return [whole]
                lines.append(whole)
            else:
                lines.append(line)
        return []

    def _whole(self, beginning: bytes) -> bytes:
        """Return the line with this beginning, cut there if it is longer; the rest is skipped."""
        if len(beginning) < MAX_LINE or beginning.endswith(b"\n"):
            return beginning
        line = CutLine(beginning)
        while rest := self._file.readline(MAX_LINE):
            line.passed_over += len(rest)
            if rest.endswith(b"\n"):
                break
        return line

    def lock(self) -> None:
        """Lock the file against other imports until it is closed.

        Raises:
            InvalidArgumentError: Another import has locked it.
        """
        if fcntl is None or not self.is_regular:
            return
        try:
            fcntl.flock(self._outer, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise InvalidArgumentError(
                f"{self._path} is being sent by another send_file; wait until that has ended",
                argument="path",
            ) from None
        except OSError:
            pass  # Some network file systems have no locks.

    def go_to(self, place: Place) -> bool:
        """Begin at this place instead; return False if the line before it has changed."""
        with _naming_damage():
            edge = place.offset - len(place.edge)
            if self._file.seek(edge) != edge or self._file.read(len(place.edge)) != place.edge:
                return False
            if place.edge and not place.edge.endswith(b"\n"):
                # The file ended in this line. Only its newline may have been added since.
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
        raise InvalidArgumentError("this process has no standard input", argument="path")
    return cast("io.BufferedReader", sys.stdin.buffer)


@contextmanager
def _naming_damage() -> Generator[None]:
    """Raise every error of damaged gzip as BadGzipFile."""
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise gzip.BadGzipFile(f"damaged gzip: {error}") from error
