"""What an error says, and what is logged: all of it, as one text."""

from __future__ import annotations

import logging
import pickle
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inngest_rest import InngestError

if TYPE_CHECKING:
    from collections.abc import Iterator


def left_by(error: BaseException) -> str:
    """Return what an error says: its traceback and all that led to it, as texts and pickled."""
    left = ["".join(traceback.format_exception(error, limit=0))]
    if isinstance(error, InngestError):
        left.append(pickle.dumps(error).decode("latin-1"))
    for each in _printed(error):
        left += [f"{each} {each!r} {each.args!r}", *getattr(each, "__notes__", [])]
    return "\n".join(left)


def _printed(error: BaseException) -> Iterator[BaseException]:
    """Yield an error and those that its traceback shows with it."""
    left: list[BaseException] = [error]
    while left:
        each = left.pop()
        yield each
        hidden = None if each.__suppress_context__ else each.__context__
        left += filter(None, [each.__cause__ or hidden])
        left += getattr(each, "exceptions", ())


class _Keeps(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.loggers = set[str]()

    def emit(self, record: logging.LogRecord) -> None:
        self.loggers.add(record.name)
        self.lines.append(f"{self.format(record)} {vars(record)!r}")


class Log:
    """What all loggers have logged, at every level.

    Attributes:
        loggers: Those that have logged something.
    """

    def __init__(self, handler: Any) -> None:
        self._handler = handler

    @property
    def loggers(self) -> set[str]:
        return set(self._handler.loggers)

    def take(self) -> str:
        """Return what has been logged since the last time."""
        lines = "\n".join(self._handler.lines)
        self._handler.lines.clear()
        return lines


@contextmanager
def all_logs() -> Iterator[Log]:
    """Record what all loggers log, for the time of a with block."""
    handler, root = _Keeps(), logging.getLogger()
    before = root.level
    root.setLevel(logging.DEBUG)
    root.addHandler(handler)
    try:
        yield Log(handler)
    finally:
        root.removeHandler(handler)
        root.setLevel(before)
