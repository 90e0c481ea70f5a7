"""Where the answer is written: standard output, or a file."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from inngest_rest.operations.parameters import unusable_file

if TYPE_CHECKING:
    from typing import TextIO

STDIN = "@-"
"""What stands for standard input, or output, once the arguments have been read."""


class OutputError(Exception):
    """The answer cannot be written; `__cause__` says why."""


class Output:
    """A stream of lines that somebody may stop reading.

    Args:
        path: The file to write to; None for standard output.

    Raises:
        ParameterError: The file cannot be written to.
    """

    def __init__(self, path: str | None = None) -> None:
        self.path = None if path == STDIN else path
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
