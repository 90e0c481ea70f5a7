"""Standard error: hints, progress and questions, for the person before a terminal."""

from __future__ import annotations

import sys
import time
from contextlib import suppress
from typing import TYPE_CHECKING

from attrs import define

from inngest_rest.programs import safe, visible

if TYPE_CHECKING:
    from inngest_rest_tools.problems import Problem

_PACE = 0.1  # seconds between two states of a progress line


def _below(text: str) -> str:
    """Return text whose further lines are indented: none of them can pass for one of ours."""
    return safe(text).replace("\n", "\n    ")


@define(eq=False, repr=False)
class Stderr:
    """Hints, progress and a question for a person; where it is quiet, errors alone."""

    quiet: bool = False
    _progress_at: float = 0.0
    _progress: str = ""

    def error(self, problem: Problem) -> None:
        self._line(f"inngest-rest: {_below(problem.message)}")
        if problem.hint:
            self._line(f"  {_below(str(problem.hint))}")

    def hint(self, text: str) -> None:
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

    def ask(self, question: str, *, about: str = "") -> bool:
        """Ask a question below a table, and return whether the answer is yes; by default no."""
        answer = self.ask_for(f"{question} [y/N]", about=about)
        return answer.lower() in {"y", "yes"}

    def ask_for(self, question: str, *, about: str = "") -> str:
        """Ask a question below a table, and return the line that is typed."""
        self.end_progress()
        self._write(f"{about}{visible(question)} ")
        return sys.stdin.readline().strip()

    def _line(self, line: str) -> None:
        self.end_progress()
        self._write(f"{line}\n")

    def _write(self, text: str) -> None:
        with suppress(OSError):  # nobody listens
            sys.stderr.write(text)
            sys.stderr.flush()
