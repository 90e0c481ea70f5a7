"""Short tracebacks: an error shows the caller's frames, not those of the plan that raised it."""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING

from inngest_rest._core.causes import forget
from inngest_rest.errors import InvalidResponseError

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest.errors import InngestError

_OURS = frozenset({"inngest_rest", "inngest_rest_api"})


def shorten(error: InngestError, until: BaseException | None = None) -> None:
    """Drop this package's frames from the traceback of an error, and from those of its causes.

    The frames that are left are forgotten, except for those of the caller's code. Whoever raises it
    again adds the frames of the public method and its caller. The causes remain, with the frames of
    other packages. Nothing is dropped from the cause of an `InvalidResponseError`: its frames show
    which part of the response could not be read.

    Args:
        error: The error.
        until: What was being handled before.
    """
    forget(error, until)
    for each in _with_causes(error):
        each.__traceback__ = _without_ours(each.__traceback__)


def _with_causes(error: BaseException) -> Iterator[BaseException]:
    seen = set[int]()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        yield cause
        if isinstance(cause, InvalidResponseError):
            return
        seen.add(id(cause))
        cause = cause.__cause__


def _without_ours(traceback: TracebackType | None) -> TracebackType | None:
    others: list[TracebackType] = []
    while traceback is not None:
        package = str(traceback.tb_frame.f_globals.get("__name__")).partition(".")[0]
        if package not in _OURS:
            others.append(traceback)
        traceback = traceback.tb_next
    shorter: TracebackType | None = None
    for each in reversed(others):
        shorter = TracebackType(shorter, each.tb_frame, each.tb_lasti, each.tb_lineno)
    return shorter
