"""A pseudo-terminal in front of code that runs in this process."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import struct
import termios
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pytest

_ESCAPE = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Screen(NamedTuple):
    """What was written to a terminal.

    Attributes:
        status: The exit status.
        raw: All of it, as it was written.
    """

    status: int
    raw: str

    @property
    def text(self) -> str:
        """The text without escapes, in lines."""
        return _ESCAPE.sub("", self.raw).replace("\r\n", "\n")

    @property
    def escapes(self) -> list[str]:
        """The escapes."""
        return _ESCAPE.findall(self.raw)


@contextmanager
def terminal(monkeypatch: pytest.MonkeyPatch, *, columns: int, typed: str) -> Iterator[list[bytes]]:
    """Put a terminal in place of the standard streams; yield what is written to it.

    Args:
        monkeypatch: Puts the streams back.
        columns: Its width.
        typed: What somebody types.
    """
    master, slave = pty.openpty()
    size = struct.pack("HHHH", 40, columns, 0, 0)
    fcntl.ioctl(slave, termios.TIOCSWINSZ, size)
    written: list[bytes] = []
    os.write(master, typed.encode())

    def read() -> None:
        while True:
            try:
                found = os.read(master, 65536)
            except OSError:  # the other end is closed
                return
            if not found:
                return
            written.append(found)

    reader = threading.Thread(target=read)
    reader.start()
    streams: list[Any] = []
    try:
        with monkeypatch.context() as patch:
            patch.setenv("COLUMNS", str(columns))
            patch.setenv("LINES", "40")
            for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
                stream = open(os.dup(slave), mode, encoding="utf-8")  # noqa: PTH123, SIM115
                streams.append(stream)
                patch.setattr(f"sys.{name}", stream)
            yield written
    finally:
        for stream in streams:
            stream.close()
        os.close(slave)
        reader.join()
        os.close(master)
