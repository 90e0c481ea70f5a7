"""Output streams: the answer to standard output or a file, the rest to standard error."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from attrs import define

from inngest_rest._programs.running import unusable_file
from inngest_rest._visible import visible

if TYPE_CHECKING:
    from typing import TextIO

    from inngest_rest._programs.envelope import Problem

# Seconds between two states of a progress line.
_PACE = 0.1


def safe(text: str) -> str:
    """Return text in its lines, with each character that could hide or move something escaped."""
    return "\n".join(visible(line) for line in text.expandtabs(4).split("\n"))


class OutputError(Exception):
    """The answer cannot be written; `__cause__` says why."""


class Output:
    """The stream of the answer: a file, or standard output, which somebody may stop reading."""

    def __init__(self, path: str | None = None) -> None:
        self.path = None if path == "-" else path
        self.stream: TextIO = sys.stdout
        if self.path is not None:
            try:
                self.stream = open(self.path, "w", encoding="utf-8")  # noqa: PTH123, SIM115
            except (OSError, ValueError) as error:
                raise unusable_file("output_file", self.path, error, verb="write") from None

    @property
    def is_terminal(self) -> bool:
        """Whether somebody sees it at once."""
        return self.path is None and self.stream.isatty()

    def line(self, text: str) -> None:
        """Write a line; what is written before `flush` may be held back."""
        try:
            self.stream.write(f"{text}\n")
        except OSError as error:
            raise OutputError from error

    def flush(self) -> None:
        """Hand on what has been written."""
        try:
            self.stream.flush()
        except OSError as error:
            raise OutputError from error

    def close(self) -> None:
        """Close a file."""
        self.flush()
        if self.path is not None:
            self.stream.close()


def write_all(text: str) -> int:
    """Write a text to standard output, and return the exit status."""
    output = Output()
    output.line(text.rstrip("\n"))
    output.close()
    return 0


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
        """Clear the line of the progress."""
        if self._progress:
            self._write(f"\r{' ' * len(self._progress)}\r")
        self._progress = ""

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody to ask."""
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
