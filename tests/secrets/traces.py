"""What an error leaves to crash reporters, and what is logged: all of it, as one text."""

from __future__ import annotations

import logging
import pickle
import traceback
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from inngest_rest import InngestError

if TYPE_CHECKING:
    from collections.abc import Iterator

# The tests themselves hold keys, and pytest holds the tests.
_NOT_LOOKED_AT = ("tests", "pytest", "_pytest", "pluggy")
# These may hold a response as it came.
_READERS = ("inngest_rest", "inngest_rest_api", "json")


def left_by(error: BaseException, *, with_locals: bool = True) -> str:
    """Return whatever an error and all that led to it say, hold and have in their frames.

    Args:
        error: The error.
        with_locals: Whether to look at the local variables of the frames that read responses.
    """
    left = ["".join(traceback.format_exception(error))]
    if isinstance(error, InngestError):
        left.append(pickle.dumps(error).decode("latin-1"))
    for each in _chain(error):
        left += [f"{each} {each!r} {each.args!r} {_attributes(each)}"]
        left += [str(note) for note in getattr(each, "__notes__", [])]
        for frame, _ in traceback.walk_tb(each.__traceback__):
            package = str(frame.f_globals.get("__name__")).split(".")[0]
            if package not in _NOT_LOOKED_AT and (with_locals or package not in _READERS):
                where = f"{frame.f_code.co_filename}:{frame.f_code.co_qualname}"
                left += [f"{where} {name} = {_shown(it)}" for name, it in frame.f_locals.items()]
    return "\n".join(left)


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen = set[int]()
    left: list[BaseException | None] = [error]
    while left:
        each = left.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        left += [each.__cause__, each.__context__, *getattr(each, "exceptions", ())]


def _shown(value: object) -> str:
    """Return a local variable as reporters record it: its repr, or its attributes."""
    return f"{value!r} {_attributes(value)}"


def _attributes(value: object) -> str:
    shown = repr(getattr(value, "__dict__", {}))
    request = getattr(value, "_request", None)  # of an error of httpx
    return f"{shown} {request.url} {dict(request.headers)}" if request is not None else shown


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
