"""What an error brings along: its causes, and the frames of their tracebacks.

Crash reporters record the local variables of those frames. Below a call they are the request, its
path and its headers, down to the bytes for the socket. Nobody needs them: files and lines stay.
"""

from __future__ import annotations

import functools
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, ParamSpec, TypeVar, cast

import httpx

from inngest_rest.errors import InngestError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

E = TypeVar("E", bound=BaseException)
P = ParamSpec("P")
T = TypeVar("T")

# Characters of the message and the arguments of a cause.
_LONGEST_SAID = 64 * 1024

# Everything between a public method and the socket, except for a caller's own code.
_BELOW = frozenset(
    {"inngest_rest", "inngest_rest_api", "httpx", "httpcore", "h11", "h2", "anyio", "socksio"}
    | sys.stdlib_module_names
)


def forget(error: BaseException, until: BaseException | None = None) -> None:
    """Clear the frames of the tracebacks of an error, and of all that led to it.

    Frames of code that is the caller's keep their variables, and an error of httpx gets a request
    without keys.

    Args:
        error: The error.
        until: What was being handled before, which is the caller's too.
    """
    for each in _chain(error, until):
        for frame in _frames(each):
            if str(frame.f_globals.get("__name__")).partition(".")[0] in _BELOW:
                with suppress(RuntimeError):  # it is running
                    frame.clear()
        if isinstance(each, httpx.HTTPError):
            _replace_request(each)
        if isinstance(each, InngestError) and each.__suppress_context__ and not each.__cause__:
            # Raised from None, since what came before is not to be seen.
            each.__context__ = None


def forgetful(function: Callable[P, T]) -> Callable[P, T]:
    """Return a function that forgets its arguments and other variables if it raises."""

    @functools.wraps(function)
    def call(*args: P.args, **kwargs: P.kwargs) -> T:
        handled = sys.exception()
        try:
            return function(*args, **kwargs)
        except BaseException as error:
            forget(error, handled)
            del args, kwargs
            raise

    return call


def unless_quoting(error: E, redact: Callable[[str], str]) -> E | None:
    """Return an error that is to be the cause of another, or None if a key is in what it says.

    Libraries put into their messages what they could not read.

    Args:
        error: The error.
        redact: Masks keys.
    """
    for each in _chain(error):
        said = f"{each} {each.args!r}"
        # What says so much quotes a response, and looking through it takes long.
        if len(said) > _LONGEST_SAID or redact(said) != said:
            return None
    return error


def _chain(error: BaseException, until: BaseException | None = None) -> Iterator[BaseException]:
    seen = {id(until)}
    left = [error]
    while left:
        each = left.pop()
        if id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        left += filter(None, (each.__cause__, each.__context__))
        if isinstance(each, BaseExceptionGroup):
            left += cast("BaseExceptionGroup[BaseException]", each).exceptions


def _frames(error: BaseException) -> Iterator[FrameType]:
    traceback = error.__traceback__
    while traceback is not None:
        yield traceback.tb_frame
        traceback = traceback.tb_next


def _replace_request(error: httpx.HTTPError) -> None:
    with suppress(RuntimeError):  # it has none
        shown = error.request.extensions.get("shown")
        if shown is not None:
            error.request = httpx.Request(error.request.method, shown)
