"""Lines of events, one JSON object each: of a file, plain or gzip, or of standard input."""

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
from typing import TYPE_CHECKING, NamedTuple, Self, cast

from inngest_rest._local.files import STDIN, lock_file
from inngest_rest._local.limits import MAX_EVENT_BYTES
from inngest_rest._values.json_text import decode
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator, Sequence

MAX_LINE = 16 * 1024 * 1024
"""Longest line kept in memory: five times the largest event, to allow for escapes."""

EDGE = 4_096
"""Bytes that identify the beginning of a file, or the end of a line."""

_BUFFER = 256 * 1024

_GZIP = b"\x1f\x8b"  # the beginning of such a file
_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


class RefusedLine(bytes):
    """A rejected line, or a rejected row as JSON, with the reason."""

    reason = ""
    is_whole = True
    skipped = 0  # bytes that were truncated
    is_final = True

    @classmethod
    def of(
        cls,
        line: bytes,
        reason: str,
        *,
        is_whole: bool = True,
        is_final: bool = True,
    ) -> Self:
        """Reject a line; `is_final` is False if the file has to be corrected there."""
        refused = cls(line)
        refused.reason = reason
        refused.is_whole = is_whole
        refused.is_final = is_final
        return refused


class Position(NamedTuple):
    """A position between two lines: the number of lines and of decompressed bytes before it."""

    line: int = 0
    offset: int = 0
    edge: bytes = b""  # the end of the preceding line; empty if unknown

    def after(self, lines: Sequence[bytes]) -> Position:
        """Return the position after lines that begin here; a truncated line comes alone."""
        if not lines:
            return self
        last = lines[-1]
        end = self.offset + sum(map(len, lines))
        if isinstance(last, RefusedLine):
            return Position(line=self.line + 1, offset=end + last.skipped)
        return Position(line=self.line + len(lines), offset=end, edge=last[-EDGE:])


class Chunk(NamedTuple):
    """Consecutive lines with their endings, and the positions before and after them."""

    lines: Sequence[bytes]
    start: Position
    end: Position
    is_final: bool = True  # whether the next import continues behind it


class Lines:
    """Read raw lines in chunks, from a path or, for "-", from standard input; or raise OSError.

    A file that `grows` may end in the middle of a line, which is then not read, but `unfinished`.
    """

    first = 1
    """The number of the first line."""

    def __init__(self, path: str, *, grows: bool = False) -> None:
        self._grows = grows
        self.unfinished = ""
        self.raw = self._file = _open(path)
        self._path = path
        self._is_ours = path != STDIN
        self._has_ended = False
        try:
            # Standard input and pipes are not seekable, and have no `head`.
            self.is_regular = False
            self._size = 0
            if self._is_ours:
                status = os.fstat(self._file.fileno())
                self.is_regular = stat.S_ISREG(status.st_mode)
                self._size = status.st_size if self.is_regular else 0
            if self._file.peek(2).startswith(_GZIP):
                unzipped = gzip.GzipFile(fileobj=self.raw, mode="rb")
                self._file = io.BufferedReader(unzipped, _BUFFER)
            with _one_error_of_gzip():
                self.start = self._file.peek(EDGE)[:EDGE]
            self.head = self.start if self.is_regular else b""
            self.position = Position()
            if self.start.startswith(_BYTE_ORDER_MARK):
                mark = self._file.read(len(_BYTE_ORDER_MARK))
                self.position = Position(offset=len(mark))
        except BaseException:
            self.close()
            raise

    def chunks(self, max_lines: int, max_bytes: int) -> Iterator[Chunk]:
        """Yield all lines in chunks of at most this size; a longer line is a chunk of its own."""
        position = self.position
        lines: list[bytes] = []
        try:
            with _one_error_of_gzip():
                while True:
                    left_over = self._fill(lines, max_lines, max_bytes)
                    if not lines:
                        return
                    if self._grows and may_be_incomplete(lines[-1]):
                        self._leave_out(lines.pop(), position.line + len(lines) + 1)
                    end = position.after(lines)
                    yield Chunk(lines=lines, start=position, end=end)
                    position = end
                    lines = left_over
        except OSError as error:
            error.add_note(f"read until line {position.line + len(lines):,}")
            raise

    def _leave_out(self, line: bytes, number: int) -> None:
        if line.strip():
            self.unfinished = (
                f"ends in the middle of line {number}; resume once it is complete"
            )

    def rest(self) -> Iterator[bytes]:
        """Yield the lines from here on, with their endings; pieces of those beyond MAX_LINE."""
        with _one_error_of_gzip():
            yield from iter(partial(self._file.readline, MAX_LINE), b"")

    def check_all_read(self) -> None:
        """Do nothing: a file that is shorter than before is refused by `go_to`."""

    def _fill(self, lines: list[bytes], max_lines: int, max_bytes: int) -> list[bytes]:
        """Append lines while they fit; return the first that does not, if any."""
        # A line of MAX_LINE bytes may be incomplete, so it must exceed the limit to be checked.
        max_bytes = min(max_bytes, MAX_LINE - 1)
        size = sum(map(len, lines))
        if self._has_ended:
            return []
        source = iter(partial(self._file.readline, MAX_LINE), b"")
        for line in islice(source, max_lines - len(lines)):
            size += len(line)
            # Bytes that a writer appends meanwhile continue the last line.
            self._has_ended = len(line) < MAX_LINE and not line.endswith(b"\n")
            if size > max_bytes:
                whole = self._whole(line)
                if lines:
                    return [whole]
                lines.append(whole)
            else:
                lines.append(line)
            if self._has_ended:
                break
        return []

    def _whole(self, beginning: bytes) -> bytes:
        """Return the line with this beginning; truncate it there if it is longer."""
        if len(beginning) < MAX_LINE or beginning.endswith(b"\n"):
            return beginning
        line = RefusedLine.of(beginning, "", is_whole=False)
        while rest := self._file.readline(MAX_LINE):
            line.skipped += len(rest)
            if rest.endswith(b"\n"):
                break
        size = f"{len(line) + line.skipped:,}"
        line.reason = (
            f"a line of {size} bytes; the server accepts events of {MAX_EVENT_BYTES:,}"
        )
        return line

    def lock(self) -> None:
        """Lock the file until it is closed; raise if another import has locked it."""
        if not self.is_regular:
            return
        try:
            lock_file(self.raw.fileno())
        except BlockingIOError:
            why = "is being sent by another send_file; wait until that has ended"
            raise InvalidArgumentError(f"{self._path} {why}") from None

    def go_to(self, position: Position) -> bool:
        """Seek to a position; return False if the line before it has changed."""
        line, offset, edge = position
        with _one_error_of_gzip():
            start = offset - len(edge)
            if self._file.seek(start) != start or self._file.read(len(edge)) != edge:
                return False
            if edge and not edge.endswith(b"\n"):
                # The file ended without a newline. Nothing else may have been appended since.
                ending = self._file.readline(EDGE)
                if ending.strip(b"\r\n"):
                    return False
                position = Position(line, offset + len(ending), edge + ending)
        self.position = position
        return True

    def share(self) -> float | None:
        """Return the share of the file that has been read."""
        if not self._size:
            return None
        return min(self.raw.tell() / self._size, 1.0)

    def close(self) -> None:
        if self._is_ours:
            self._file.close()
            self.raw.close()


def may_be_incomplete(line: bytes) -> bool:
    """Return whether a last line may be incomplete because it is still being written."""
    if line.endswith(b"\n") or isinstance(line, RefusedLine):
        return False
    try:
        # More digits may follow a number; any other value is complete.
        return isinstance(decode(line), int | float)
    except ValueError:
        return True


def _open(path: str) -> io.BufferedReader:
    if path == STDIN:
        return cast("io.BufferedReader", sys.stdin.buffer)
    return io.BufferedReader(io.FileIO(path), _BUFFER)


@contextmanager
def _one_error_of_gzip() -> Generator[None]:
    """Raise every error of damaged gzip as BadGzipFile."""
    try:
        yield
    except (EOFError, zlib.error) as error:
        raise gzip.BadGzipFile(f"damaged gzip: {error}") from error
