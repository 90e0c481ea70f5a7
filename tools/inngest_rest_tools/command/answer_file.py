"""The destination of a command's answer: standard output, or a file that appears when complete."""

from __future__ import annotations

import os
import sys
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from inngest_rest_tools.parameter import unusable_file

if TYPE_CHECKING:
    from collections.abc import Generator, Sequence
    from typing import TextIO

BROKEN_PIPE = 128 + 13
"""The exit status by which a shell reports a program whose reader has closed the pipe."""


class OutputError(Exception):
    """The answer cannot be written; `__cause__` says why."""


@contextmanager
def _writing() -> Generator[None]:
    try:
        yield
    except OSError as error:
        raise OutputError from error


class Output:
    """The stream of the answer: a file, or standard output, whose reader may close it.

    A file is written as FILE.part, readable only by its owner, and renamed when it is complete.
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
        path = self.path
        part = f"{path}.part"
        try:
            # A directory cannot be opened; a pipe or a device is written to directly.
            if os.path.exists(path) and not os.path.isfile(path):  # noqa: PTH110, PTH113
                self.stream = open(path, "w", encoding="utf-8")  # noqa: PTH123, SIM115
                return
            read = {os.path.realpath(file) for file in (*inputs, "/dev/stdin")}
            written = {os.path.realpath(path), os.path.realpath(part)}
            if not written.isdisjoint(read):
                raise ValueError("this command reads it; name another file")
            if os.path.lexists(path) and not force:
                raise ValueError("it exists; name another file, or pass --force")
            Path(part).unlink(missing_ok=True)  # left by a kill, or a planted link
            for_owner = partial(os.open, mode=0o600)
            self.stream = open(part, "x", encoding="utf-8", opener=for_owner)  # noqa: SIM115
            self._part = part
        except (OSError, ValueError) as error:
            raise unusable_file("output_file", path, error, verb="write") from None

    def line(self, text: str) -> None:
        """Write a line, which may be buffered until `flush`."""
        with _writing():
            self.stream.write(f"{text}\n")

    def flush(self) -> None:
        with _writing():
            self.stream.flush()

    def close(self) -> None:
        """Close a file, and give it its name, as it is complete."""
        self.flush()
        if self.path is None or self.stream.closed:
            return
        with _writing(), self.stream:
            if self._part is None:
                return
            # Another command may have replaced it by its own.
            part = Path(self._part)
            own = os.fstat(self.stream.fileno())
            if not os.path.samestat(own, part.stat()):
                raise FileExistsError(f"another command has written to {self._part}")
            part.replace(self.path)

    def abandon(self) -> str | None:
        """Go on with standard output; return the path of the incomplete file, if it has content."""
        path = self.path
        file = self.stream
        self.path = None
        self.stream = sys.stdout
        if path is None or file.closed:
            return None
        file.close()
        if self._part is None:
            return None
        part = Path(self._part)
        if part.stat().st_size:
            return self._part
        part.unlink()
        return None
