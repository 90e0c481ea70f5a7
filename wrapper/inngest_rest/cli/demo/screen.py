"""The output of the demo: plain lines of at most 100 columns, in colour only on a terminal."""

from __future__ import annotations

from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from collections.abc import Mapping

COLUMNS = 100
COLOURS = {
    "title": "1",
    "faint": "2",
    "code": "36",
    "completed": "32",
    "failed": "31",
    "running": "33",
    "queued": "33",
    "cancelled": "35",
}
"""Select Graphic Rendition codes by kind of text; a run's kind is its status."""


class Screen:
    """Where the demo writes.

    Args:
        stream: A terminal, a pipe or a file.
        environment: NO_COLOR turns colour off, FORCE_COLOR turns it on where there is no terminal.
    """

    def __init__(self, stream: TextIO, environment: Mapping[str, str]) -> None:
        self._stream = stream
        self._is_terminal = stream.isatty() and environment.get("TERM") != "dumb"
        forced = environment.get("FORCE_COLOR", "") not in {"", "0"}
        self._in_colour = (self._is_terminal or forced) and not environment.get("NO_COLOR")
        self._waiting_for = ""

    def say(self, line: str = "") -> None:
        """Write a line."""
        self.clear()
        print(line, file=self._stream, flush=True)

    def head(self, title: str, code: str) -> None:
        """Begin an act: show its title, and the code that performs it."""
        self.say(f"\n{self.paint(f'{title:<26}', 'title')}  {self.paint(code, 'code')}")

    def wait_for(self, what: str, *, in_pipes: bool = True) -> None:
        """Show what the demo is waiting for, once; on a terminal until the next line is written."""
        if what == self._waiting_for or not (self._is_terminal or in_pipes):
            return
        self.clear()
        text = self.paint(f"  waiting for {what} ...", "faint")
        print(text, end="" if self._is_terminal else "\n", file=self._stream, flush=True)
        self._waiting_for = what

    def clear(self) -> None:
        """Erase the waiting message."""
        if self._waiting_for and self._is_terminal:
            print("\r\x1b[K", end="", file=self._stream, flush=True)
        self._waiting_for = ""

    def paint(self, text: str, kind: str) -> str:
        """Give the text the colour of its kind, where there is colour."""
        colour = COLOURS.get(kind)
        return f"\x1b[{colour}m{text}\x1b[0m" if self._in_colour and colour else text
