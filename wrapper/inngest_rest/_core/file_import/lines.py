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


class CutLine(bytes):
    """The first bytes of a line that is too long to hold.

    Attributes:
        skipped: How many more bytes the line has.
    """

    skipped = 0


class Position(NamedTuple):
    """A position between two lines.

    Attributes:
        line: How many lines are before it.
        offset: How many bytes are, after decompression.
        edge: The last bytes of the line before it, ending included; empty if unknown.
    """

    line: int = 0
    offset: int = 0
    edge: bytes = b""

    def after(self, lines: Sequence[bytes]) -> Position:
        """Return the position after these lines, which begin here; a cut line comes alone."""
        if not lines:
            return self
        end, last = self.offset + sum(map(len, lines)), lines[-1]
        if isinstance(last, CutLine):
            return Position(self.line + 1, end + last.skipped)
        return Position(self.line + len(lines), end, last[-EDGE:])


class Chunk(NamedTuple):
    """Consecutive lines, endings included, and the positions before and after them."""

    lines: Sequence[bytes]
    start: Position
    end: Position


class Lines:
    """Read lines byte for byte, a chunk at a time.

    Args:
        path: A path, or "-" for standard input.

    Attributes:
        is_regular: Whether this is a file that can be read again from a position in it; standard
            input and pipes cannot.
        head: Its first bytes, where it can.
        position: Where reading begins.

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
            if self._file.peek(2).startswith(b"\x1f\x8b"):
                unzipped = gzip.GzipFile(fileobj=self._outer, mode="rb")
                self._file = io.BufferedReader(unzipped, _BUFFER)
            with _one_error_of_gzip():
                start = self._file.peek(EDGE)
            self.head = start[:EDGE] if self.is_regular else b""
            has_mark = start.startswith(b"\xef\xbb\xbf")
            self.position = Position(0, len(self._file.read(3 if has_mark else 0)))
        except BaseException:
            self.close()
            raise

    def chunks(self, max_lines: int, max_bytes: int) -> Iterator[Chunk]:
        """Yield all lines in chunks of at most this size; a longer line comes alone."""
        position, lines = self.position, list[bytes]()
        try:
            with _one_error_of_gzip():
                while True:
                    left_over = self._fill(lines, max_lines, max_bytes)
                    if not lines:
                        return
                    chunk = Chunk(lines, position, position.after(lines))
                    yield chunk
                    position, lines = chunk.end, left_over
        except OSError as error:
            error.add_note(f"read until line {position.line + len(lines):,}")
            raise

    def _fill(self, lines: list[bytes], max_lines: int, max_bytes: int) -> list[bytes]:
        """Add lines while they fit; return the one that did not, if any."""
        # A line of MAX_LINE bytes may be cut, so it must exceed the limit to be looked at.
        max_bytes = min(max_bytes, MAX_LINE - 1)
        size = sum(map(len, lines))
        source = iter(partial(self._file.readline, MAX_LINE), b"")
        for line in islice(source, 0 if self._has_ended else max_lines - len(lines)):
            size += len(line)
            # Bytes that a writer adds meanwhile belong to the last line; they are not another line.
            self._has_ended = len(line) < MAX_LINE and not line.endswith(b"\n")
            whole = self._whole(line) if size > max_bytes else line
            if size > max_bytes and lines:
                return [whole]
            lines.append(whole)
            if self._has_ended:
                break
        return []

    def _whole(self, beginning: bytes) -> bytes:
        """Return the line with this beginning, cut there if it is longer; the rest is skipped."""
        if len(beginning) < MAX_LINE or beginning.endswith(b"\n"):
            return beginning
        line = CutLine(beginning)
        while rest := self._file.readline(MAX_LINE):
            line.skipped += len(rest)
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
                f"{self._path} is being sent by another send_file; wait until that has ended"
            ) from None
        except OSError:
            pass  # Some network file systems have no locks.

    def go_to(self, position: Position) -> bool:
        """Begin at this position instead; return False if the line before it has changed."""
        line, offset, edge = position
        with _one_error_of_gzip():
            start = offset - len(edge)
            if self._file.seek(start) != start or self._file.read(len(edge)) != edge:
                return False
            if edge and not edge.endswith(b"\n"):
                # The file ended in this line. Only its newline may have been added since.
                ending = self._file.readline(EDGE)
                if ending.strip(b"\r\n"):
                    return False
                position = Position(line, offset + len(ending), edge + ending)
        self.position = position
        return True

    def close(self) -> None:
        if self._is_ours:
            self._file.close()
            self._outer.close()


def is_torn(line: bytes) -> bool:
    """Return whether a file may end in this line because it is still being written."""
    if line.endswith(b"\n") or isinstance(line, CutLine):
        return False
    try:
        # The rest of a number may follow; any other value is complete.
        return isinstance(decode(line), int | float)
    except ValueError:
        return True


def _open(path: str) -> io.BufferedReader:
    if path != STDIN:
        return io.BufferedReader(io.FileIO(path), _BUFFER)
    if sys.stdin is None:  # pyright: ignore[reportUnnecessaryComparison] - as under pythonw
        raise InvalidArgumentError("this process has no standard input")
    return cast("io.BufferedReader", sys.stdin.buffer)


@contextmanager
def _one_error_of_gzip() -> Generator[None]:
    """Raise every error of damaged gzip as BadGzipFile."""
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise gzip.BadGzipFile(f"damaged gzip: {error}") from error
