"""The errors this package raises, and nothing else, so that all layers can import this module.

Those that one capability alone raises stand in its folder.

All of them pickle, and none contains a key: URLs and the server's messages are redacted. Programs
should use the attributes; messages may be reworded at any time.
"""

from __future__ import annotations

import copyreg
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Self

from attrs import frozen

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from inngest_rest.explanation import Explanation
    from inngest_rest.models import Run, StoredEvent
    from inngest_rest.reports import SendReport
    from inngest_rest.responses import RawResponse


@frozen
class Setting:
    """A setting of a client.

    Attributes:
        argument: Its argument, such as "signing_key".
        variable: Its environment variable, such as "INNGEST_SIGNING_KEY"; None if it has none.
    """

    argument: str
    variable: str | None = None

    def __str__(self) -> str:
        if not self.variable:
            return self.argument
        return f"{self.argument} ({self.variable})"


@frozen
class NextCall:
    """A call to make next.

    Attributes:
        name: The method of a client, such as "runs.list".
        arguments: Its positional arguments.
    """

    name: str
    arguments: tuple[str, ...] = ()

    def __str__(self) -> str:
        if not self.arguments:
            return f"client.{self.name}"
        arguments = ", ".join(repr(argument) for argument in self.arguments)
        return f"client.{self.name}({arguments})"


class Advice(str):
    """What to do about an error; empty if nothing is known.

    It names calls and settings as in Python; `render` uses the names of another interface.
    """

    __slots__ = ("_parts",)

    _parts: tuple[str | NextCall | Setting, ...]

    def __new__(  # noqa: D102
        cls, text: str = "", named: tuple[NextCall | Setting, ...] = ()
    ) -> Self:
        return cls._of(_parts(text, named))

    @classmethod
    def _of(cls, parts: tuple[str | NextCall | Setting, ...]) -> Self:
        text = "".join(str(part) for part in parts)
        self = super().__new__(cls, text)
        self._parts = parts
        return self

    @property
    def text(self) -> str:
        """The text, with `{}` where a call or a setting is named."""
        return "".join(part if isinstance(part, str) else "{}" for part in self._parts)

    @property
    def calls(self) -> tuple[NextCall, ...]:
        """The calls to make next, in the order in which the text names them."""
        return tuple(part for part in self._parts if isinstance(part, NextCall))

    def render(self, name_of: Callable[[NextCall], str]) -> str:
        """Return the text: calls as a function names them, settings by their variables."""
        return "".join(_named(part, name_of) for part in self._parts)

    def then(self, other: Advice) -> Advice:
        """Return both, one after the other."""
        if not self or not other:
            return Advice._of((*self._parts, *other._parts))
        return Advice._of((*self._parts, " ", *other._parts))

    def __reduce__(self) -> tuple[Any, ...]:
        return self._of, (self._parts,)


def _parts(
    text: str, named: tuple[NextCall | Setting, ...]
) -> tuple[str | NextCall | Setting, ...]:
    if not named:  # a {} may be part of a value that is quoted
        return (text,) if text else ()
    first, *rest = text.split("{}")
    parts: list[str | NextCall | Setting] = [first]
    for name, after in zip(named, rest, strict=True):
        parts += [name, after]
    return tuple(parts)


def _named(part: str | NextCall | Setting, name_of: Callable[[NextCall], str]) -> str:
    match part:
        case NextCall():
            return name_of(part)
        case Setting():
            return part.variable or part.argument
        case _:
            return part


class InngestError(Exception):
    """The base of every error this package raises; docs/troubleshooting.md explains each.

    Attributes:
        argument: The argument at fault; None if no single argument is.
        advice: What to do next, in a sentence; empty where nothing more is known.
        may_have_taken_effect: True if the call may have been carried out nevertheless, in whole or
            in part; False if it changed nothing, so that calling again is safe.
    """

    argument: str | None = None
    may_have_taken_effect: bool = False
    advice: Advice = Advice()

    @property
    def described(self) -> str:
        """What went wrong, without the advice."""
        return super().__str__()

    def __str__(self) -> str:
        if not self.advice:
            return self.described
        end = "" if self.described.endswith((".", "!", "?")) else "."
        return f"{self.described}{end} {self.advice}"

    def __reduce__(self) -> tuple[Any, ...]:
        # Exceptions with keyword-only arguments do not pickle by themselves.
        return copyreg.__newobj__, (type(self), *self.args), self.__dict__  # type: ignore[attr-defined]


class ConfigurationError(InngestError):
    """A setting is missing or malformed; the message names the argument or the variable.

    Attributes:
        settings: The settings at fault; empty if none of the client's own is.
    """

    def __init__(
        self,
        message: str,
        *,
        settings: Sequence[Setting] = (),
        advice: Advice | None = None,
    ) -> None:
        super().__init__(message)
        self.settings = tuple(settings)
        if advice:
            self.advice = advice
        if len(self.settings) == 1:
            self.argument = self.settings[0].argument


class MissingKeyError(ConfigurationError):
    """The call needs a key, and none is set: `reason` says which, `settings` lists its settings.

    `advice` says where a profile that was named would have it: nothing else counts beside one.
    """

    def __init__(
        self, reason: str, *, settings: Sequence[Setting], profile: str | None = None
    ) -> None:
        self.reason = reason
        if profile is not None:
            names = " or ".join(f"{each.argument}_variable" for each in settings)
            advice = Advice(
                f"Name the variable that has it in profile {profile}: {names}."
            )
            super().__init__(reason, settings=settings, advice=advice)
            return
        first, *others = settings
        ways = [f"{first.argument}= or set {first.variable}"]
        ways += [f"{other.argument}= ({other.variable})" for other in others]
        message = (
            f"{reason}: pass {' or '.join(ways)} (or pass dev=True for a dev server)"
        )
        super().__init__(message, settings=settings)


class InvalidArgumentError(InngestError, ValueError):
    """An argument was rejected before anything was sent; `argument` names it.

    `described` says what is wrong with it, `advice` what to pass or to do instead.

    Attributes:
        cursor: Where a listing can go on that was ended by a filter which is evaluated here, and
            for which it would have had to read too much; None for any other reason.
    """

    cursor: str | None = None

    def __init__(
        self, message: str, *, argument: str | None = None, advice: Advice | None = None
    ) -> None:
        super().__init__(message)
        self.argument = argument
        if advice:
            self.advice = advice


class InvalidEventError(InvalidArgumentError):
    """An event was rejected before anything was sent.

    Attributes:
        position: Index of the event in the caller's input, from 0.
        reason: What is wrong with it.
    """

    def __init__(self, reason: str, *, position: int = 0) -> None:
        super().__init__(f"event {position}: {reason}")
        self.position = position
        self.reason = reason


class TransportError(InngestError):
    """There was no response: the connection failed or broke.

    Attributes:
        method: The HTTP method.
        url: The URL, without keys.
        attempts: How many attempts were made.
        delivered: False if the server provably never received the request.
        permanent: True if every attempt fails in the same way until its cause is mended, such as a
            certificate that is not trusted; it is not retried.
    """

    permanent: bool = False

    def __init__(
        self, reason: str, *, method: str, url: str, delivered: bool = True
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.method = method
        self.url = url
        self.delivered = delivered
        self.may_have_taken_effect = delivered
        self.attempts = 1

    @property
    def described(self) -> str:
        """What went wrong in one line, without the advice."""
        return f"{self.method} {self.url}: {self.reason}{_attempts(self.attempts)}"


class RequestTimeoutError(TransportError):
    """There was no complete response in time."""


class InvalidResponseError(InngestError):
    """The response is not from this API: an HTML page, or a body without the required fields.

    What became of the request is unknown: `may_have_taken_effect` is True.

    Attributes:
        method: The HTTP method.
        url: The URL, without keys.
        status: The HTTP status.
        body: The first 500 characters of the response.
        response: The response, keys masked; None if the error sums up several.
        cursor: Where a listing can be tried again that the server cut off: it said that more
            follow, but not by which cursor. None for any other reason.
    """

    cursor: str | None = None

    def __init__(
        self,
        reason: str,
        *,
        method: str,
        url: str,
        status: int,
        body: str = "",
        response: RawResponse | None = None,
    ) -> None:
        super().__init__(f"{method} {url} answered {status}: {reason}")
        self.method = method
        self.url = url
        self.status = status
        self.body = body[:500]
        self.response = response
        self.may_have_taken_effect = True


class EventDataError(InngestError):
    """The data of a stored event does not match the type passed as `as_`.

    Attributes:
        event: The event as it is stored.
        reason: What is wrong with its data, with the path.
    """

    def __init__(self, reason: str, *, event: StoredEvent) -> None:
        super().__init__(f"event {event.internal_id} ({event.name}): {reason}")
        self.event = event
        self.reason = reason


class WaitTimeoutError(InngestError):
    """A run, or one of several, did not end in time.

    Attributes:
        run: The run as last seen; None if it never appeared. Of several, the first that has not
            ended.
        ids: The runs that have not ended, where the wait was for several ids.
        runs: All runs of the event as last seen, where the wait was for those of an event.
        event_id: The internal id of that event; None where the wait was for a single run.
        was_seen: Whether the run, or one of several, was seen before the time was up.
    """

    def __init__(
        self,
        message: str,
        *,
        run: Run | None,
        ids: Sequence[str] = (),
        runs: Sequence[Run] = (),
        event_id: str | None = None,
        was_seen: bool = False,  # where there is no record of the run
    ) -> None:
        super().__init__(message)
        self.run = run
        self.event_id = event_id
        self.ids = tuple(ids)
        self.runs = tuple(runs)
        self.was_seen = was_seen or run is not None or bool(runs)


class NoRunError(WaitTimeoutError):
    """The event started no run in time; the event itself was stored.

    Attributes:
        explanation: Why, as far as the server shows it; None if that could not be found out in a
            few seconds.
    """

    def __init__(
        self, message: str, *, event_id: str, explanation: Explanation | None = None
    ) -> None:
        super().__init__(message, run=None, event_id=event_id)
        self.explanation = explanation


class RunFailedError(InngestError):
    """A run that was waited for did not complete: it failed, or was cancelled or skipped.

    Attributes:
        run: The run, with its `status` and `error`; of several, the first that did not complete.
        runs: All runs that were waited for.
    """

    def __init__(self, run: Run, *, runs: Sequence[Run]) -> None:
        of = "" if run.function_id is None else f" of {run.function_id}"
        why = f"; {run.error}" if run.error else ""
        super().__init__(f"run {run.id}{of} did not complete: {run.status}{why}")
        self.run = run
        self.runs = tuple(runs)


class PartialSendError(InngestError):
    """Not every event was accepted; `report` and `ids` have the outcome of each.

    Attributes:
        report: Counts, and each event that was rejected or whose outcome is unknown.
        ids: One entry per event, in order: its internal id, or None if it is not known to be
            accepted.
    """

    def __init__(self, report: SendReport, ids: Sequence[str | None]) -> None:
        reason = f"; first: {report.failures[0].reason}" if report.failures else ""
        super().__init__(
            f"{report.accepted} of {len(ids)} events accepted, {report.rejected} rejected, "
            f"{report.unknown} unknown{reason}. Resend .report.failures unchanged; their ids "
            "prevent duplicate runs."
        )
        self.report = report
        self.ids = tuple(ids)
        self.may_have_taken_effect = report.rejected < len(ids)


class ClosedError(InngestError, RuntimeError):
    """The client or buffer is closed; create a new one."""


class ApiError(InngestError):
    """The server responded with an error.

    Attributes:
        status: The effective status: the one in the body for a v1 GET with HTTP 200.
        code: The server's own code; None from v1, which has none.
        message: The server's own message, at most 500 characters.
        method: The HTTP method.
        url: The URL, without keys.
        attempts: Number of attempts.
        hidden: True if the HTTP status does not tell the error: 200 for every GET of v1 up to
            release 1.44, and from then on 500 for a run that v1 does not know.
        retry_after: Seconds the server asked to wait before the next attempt, at most a year, or
            None.
        response: The response, keys masked; None if the error sums up several.
    """

    retry_after: float | None = None

    def __init__(
        self,
        message: str,
        *,
        status: int,
        method: str,
        url: str,
        code: str | None = None,
        hidden: bool = False,
        response: RawResponse | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.status = status
        self.code = code
        self.method = method
        self.url = url
        self.attempts = 1
        self.hidden = hidden
        self.response = response
        # 501 is from a server that lacks the operation.
        self.may_have_taken_effect = status == 408 or (status >= 500 and status != 501)

    @property
    def described(self) -> str:
        """The server's response in one line, without the advice."""
        code = f" ({self.code})" if self.code else ""
        text = f"{self.method} {self.url} answered {self.status}{code}: {self.message}"
        if self.attempts > 1:
            text = text.removesuffix(".") + _attempts(self.attempts)
        return text


class BadRequestError(ApiError):
    """The server rejected the request: 400 or 422."""


class AuthenticationError(ApiError):
    """The server rejected the key: 401; or a proxy asks for a password: 401 or 407."""

    advice = Advice(
        "Check the key, and that it belongs to this server and environment."
    )


class PermissionDeniedError(ApiError):
    """The key does not permit this: 403."""

    advice = Advice("Check the key's permissions, and its IP and event filters.")


class NotFoundError(ApiError):
    """The run, event, app, function or webhook does not exist: 404 about a resource."""


class RouteNotFoundError(ApiError):
    """The server does not have this route: 404 without a resource, 405, or 501.

    The advice names the releases that have it, and what to do instead.

    Attributes:
        releases: The first release that has each route that was asked, by its method and path;
            without those that every release has, or none.
    """

    advice = Advice(
        "The server does not have this operation: check the base URL and api_version."
    )
    releases: Mapping[str, str] = MappingProxyType({})


class ConflictError(ApiError):
    """The state of the resource does not allow it: 409."""


class RateLimitError(ApiError):
    """Too many requests: 429.

    `retry_after` is the pause that the server requires. If it is too long to wait, the client sends
    nothing until it is over: `attempts` is 0 for a call that the client refused.
    """


class ServerError(ApiError):
    """The server returned a 5xx status, even after retries."""


def _attempts(attempts: int) -> str:
    return f" (after {attempts} attempts)" if attempts > 1 else ""
