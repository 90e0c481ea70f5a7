"""Output streams: the answer to standard output or a file, the rest to standard error."""

from __future__ import annotations

import os
import stat
import sys
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from attrs import define

from inngest_rest._programs.bounds import redacted
from inngest_rest._programs.parameters import unusable_file
from inngest_rest._visible import visible

if TYPE_CHECKING:
    import re
    from collections.abc import Generator, Sequence
    from typing import TextIO

    from inngest_rest._programs.problems import Problem

_PACE = 0.1  # seconds between two states of a progress line


def safe(text: str) -> str:
    """Return text in its lines, with each character that could hide or move something escaped."""
    return "\n".join(visible(line) for line in text.expandtabs(4).split("\n"))


class OutputError(Exception):
    """The answer cannot be written; `__cause__` says why."""


@contextmanager
def _writing() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError from error


class Output:
    """The stream of the answer: a file, or standard output, which somebody may stop reading.

    A file is written as FILE.part, for its owner alone, and has its name when it is whole.
    """

    def __init__(
        self, path: str | None = None, *, force: bool = False, inputs: Sequence[str] = ()
    ) -> None:
        self.path = None if path in {"-", "/dev/stdout"} else path
        self.secrets: re.Pattern[str] | None = None
        self.redacted = 0
        self.stream: TextIO = sys.stdout
        self._part: str | None = None
        if self.path is None:
            return
        here, part = self.path, f"{self.path}.part"
        read: list[str | int] = [*inputs, 0]  # the last is standard input
        try:
            # A directory cannot be opened; a pipe or a device takes what is written at once.
            if os.path.exists(here) and not os.path.isfile(here):  # noqa: PTH110, PTH113
                self.stream = open(here, "w", encoding="utf-8")  # noqa: PTH123, SIM115
                return
            if any(_is_same(it, to) for it in read for to in (here, part)):
                raise ValueError("this command reads it; name another file")
            if os.path.lexists(here) and not force:
                raise ValueError("it exists; name another file, or pass --force")
            Path(part).unlink(missing_ok=True)  # left by a kill, or a planted link
            descriptor = os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
            self.stream, self._part = os.fdopen(descriptor, "w", encoding="utf-8"), part
        except (OSError, ValueError) as error:
            raise unusable_file("output_file", here, error, verb="write") from None

    @property
    def is_terminal(self) -> bool:
        """Whether somebody sees it at once."""
        return self.path is None and self.stream.isatty()

    def line(self, text: str) -> None:
        """Write a line without secrets; what is written before `flush` may be held back."""
        text, number = redacted(self.secrets, text)
        self.redacted += number
        with _writing():
            self.stream.write(f"{text}\n")

    def flush(self) -> None:
        with _writing():
            self.stream.flush()

    def close(self) -> None:
        """Close a file, which is whole."""
        self.flush()
        if self.path is None or self.stream.closed:
            return
        with _writing():
            is_ours = self._part is None or _is_same(self._part, self.stream.fileno())
            self.stream.close()
            if not is_ours:
                raise FileExistsError(f"another command has written to {self._part}")
            if self._part is not None:
                Path(self._part).replace(self.path)

    def abandon(self) -> str | None:
        """Go on with standard output; return the path of what has been written, if anything was."""
        path, file, self.path, self.stream = self.path, self.stream, None, sys.stdout
        if path is None or file.closed:
            return None
        file.close()
        if self._part is None or Path(self._part).stat().st_size:
            return self._part
        Path(self._part).unlink()
        return None


def _is_same(one: str | int, other: str | int) -> bool:
    """Return whether two are one regular file, or will be: paths, or descriptors of open files."""
    try:
        found = os.stat(one), os.stat(other)  # noqa: PTH116
    except OSError:
        names = [os.path.realpath(it) for it in (one, other) if isinstance(it, str)]
        return len(names) > 1 and names[0] == names[1]
    return stat.S_ISREG(found[0].st_mode) and os.path.samestat(*found)


@define(eq=False, repr=False)
class Stderr:
    """Hints, progress and a question for a person; where it is quiet, errors alone."""

    quiet: bool = False
    _progress_at: float = 0.0
    _progress: str = ""

    def error(self, problem: Problem) -> None:
        """Say what went wrong, and what to do next."""
        self._line(f"inngest-rest: {safe(problem.message)}")
        if problem.hint:
            self._line(f"  {safe(str(problem.hint))}")

    def hint(self, text: str) -> None:
        """Say what else there is to know or to do."""
        if not self.quiet:
            self._line(safe(text))

    def progress(self, text: str) -> None:
        """Show how far it is, on one line of a terminal that is written over."""
        if self.quiet or not sys.stderr.isatty():
            return
        now = time.monotonic()
        if now - self._progress_at < _PACE:
            return
        self._progress_at = now
        line = safe(text)
        self._write(f"\r{line}{' ' * (len(self._progress) - len(line))}")
        self._progress = line

    def end_progress(self) -> None:
        if self._progress:
            self._write(f"\r{' ' * len(self._progress)}\r")
        self._progress = ""

    @property
    def can_ask(self) -> bool:
        return sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, question: str) -> bool:
        """Ask a question, and return whether the answer is yes; by default it is no."""
        self._write(f"{safe(question)} [y/N] ")
        answer = sys.stdin.readline()
        if not answer.endswith("\n"):  # the end of the input
            self._write("\n")
        return answer.strip().lower() in {"y", "yes"}

    def _line(self, line: str) -> None:
        self.end_progress()
        self._write(f"{line}\n")

    def _write(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # nobody listens
            pass
