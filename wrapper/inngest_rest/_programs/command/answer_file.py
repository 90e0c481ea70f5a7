"""Where the answer of a command goes: standard output, or a file that is named when it is whole."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from inngest_rest._programs.parameter import unusable_file

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import TextIO

BROKEN_PIPE = 128 + 13
"""What a shell reports of a program that ended because nobody read its output any more."""


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
        self,
        path: str | None = None,
        *,
        force: bool = False,
        inputs: Sequence[str] = (),
    ) -> None:
        self.path = None if path in {"-", "/dev/stdout"} else path
        self.stream: TextIO = sys.stdout
        self._part: str | None = None
        if self.path is None:
            return
        here, part = self.path, f"{self.path}.part"
        try:
            # A directory cannot be opened; a pipe or a device takes what is written at once.
            if os.path.exists(here) and not os.path.isfile(here):  # noqa: PTH110, PTH113
                self.stream = open(here, "w", encoding="utf-8")  # noqa: PTH123, SIM115
                return
            read = {*map(os.path.realpath, (*inputs, "/dev/stdin"))}
            if read & {*map(os.path.realpath, (here, part))}:
                raise ValueError("this command reads it; name another file")
            if os.path.lexists(here) and not force:
                raise ValueError("it exists; name another file, or pass --force")
            Path(part).unlink(missing_ok=True)  # left by a kill, or a planted link
            ours = partial(os.open, mode=0o600)
            self.stream = open(part, "x", encoding="utf-8", opener=ours)  # noqa: SIM115
            self._part = part
        except (OSError, ValueError) as error:
            raise unusable_file("output_file", here, error, verb="write") from None

    def line(self, text: str) -> None:
        """Write a line; what is written before `flush` may be held back."""
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
        with _writing(), self.stream:
            if self._part is None:
                return
            # Another command may have put its own in its place.
            of_ours, there = os.fstat(self.stream.fileno()), Path(self._part).stat()
            if not os.path.samestat(of_ours, there):
                raise FileExistsError(f"another command has written to {self._part}")
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
