"""Talk with the person at the terminal, on standard error: hints, progress and a question."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from attrs import define

from inngest_rest.cli.text import safe

if TYPE_CHECKING:
    from inngest_rest.operations.problems import Problem

# Seconds between two states of a progress line.
_PACE = 0.1


@define(eq=False, repr=False)
class Talk:
    """What is said beside the answer.

    Attributes:
        quiet: Whether hints, warnings and progress are left out; errors are not.
    """

    quiet: bool = False
    _progress_at: float = 0.0
    _progress: str = ""

    def error(self, problem: Problem) -> None:
        """Say what went wrong, and what to do next."""
        self._say(f"inngest-rest: {safe(problem.message)}")
        if problem.hint:
            self._say(f"  {safe(problem.hint)}")

    def hint(self, text: str) -> None:
        """Say what else there is to know or to do."""
        if not self.quiet:
            self._say(safe(text))

    def progress(self, text: str) -> None:
        """Show how far it is, on one line of a terminal that is written over."""
        if self.quiet or not sys.stderr.isatty():
            return
        now = time.monotonic()
        if now - self._progress_at < _PACE:
            return
        self._progress_at = now
        line = safe(text)
        self._raw(f"\r{line}{' ' * (len(self._progress) - len(line))}")
        self._progress = line

    def end_progress(self) -> None:
        """Clear the line of the progress."""
        if self._progress:
            self._raw(f"\r{' ' * len(self._progress)}\r")
        self._progress = ""

    @property
    def can_ask(self) -> bool:
        """Whether there is somebody to ask."""
        return sys.stdin.isatty() and sys.stderr.isatty()

    def ask(self, question: str) -> bool:
        """Ask a question, and return whether the answer is yes; by default it is no."""
        self._raw(f"{safe(question)} [y/N] ")
        answer = sys.stdin.readline()
        if not answer.endswith("\n"):  # the end of the input
            self._raw("\n")
        return answer.strip().lower() in {"y", "yes"}

    def _say(self, line: str) -> None:
        self.end_progress()
        self._raw(f"{line}\n")

    def _raw(self, text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except OSError:  # nobody listens
            pass
