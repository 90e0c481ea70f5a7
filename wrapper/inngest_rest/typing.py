"""Types used in public signatures."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Literal, Never, Protocol, TypedDict, Union

if TYPE_CHECKING:
    from inngest_rest.models import RunStatus

Seconds = float | timedelta
"""A duration: seconds, or a timedelta."""

EndedStatusName = Literal["completed", "failed", "cancelled", "skipped"]
"""The name of a status of runs that have ended for good."""

StatusName = Literal["queued", "running", EndedStatusName, "paused"]
"""The name of a run status that can be filtered by; servers have the last two since 1.45."""

RunOrder = Literal["newest", "oldest"]
"""Which runs a list has first."""

MetadataOp = Literal["merge", "set", "delete", "add"]
"""What to do with values of a run's metadata: see `runs.add_metadata`."""

ChangeKind = Literal["appeared", "changed", "ended"]
"""The kind of a change of a watched run: see `RunChange`."""

# `RunStatus` is quoted, so that a program that only sends events does not load the models.
StatusFilter = Union[StatusName, "RunStatus", Iterable["StatusName | RunStatus"]]
"""One or several run statuses, as names or as `RunStatus`; `RunStatus(text)` makes one of any text.

Names in another case are accepted, too, if not by type checkers.
"""


class RunFilter(TypedDict, total=False):
    """Which runs: those for which all of these hold; `None` means no filter.

    One that is malformed raises `InvalidArgumentError` before anything is sent. A server that lacks
    v2 where a filter needs it, or that would ignore `query`, which one request finds out for each
    client, raises `RouteNotFoundError`; one that does not understand `query`, `BadRequestError`.

    Attributes:
        status: Only runs with these statuses. One or several of queued, running, completed, failed,
            cancelled and, since release 1.45, skipped and paused; ignores case, and accepts commas
            in one text.
        app: Only runs of this app, or of those that match, such as `shop-*`.
        function: Only runs of this function of the app, or of those that match, such as `charge-*`.
            Without app, name both: `shop/charge`, or `shop-charge` as in the dashboard.
        error_contains: Only runs that failed with this text in the name or the message of their
            error. Ignores case; evaluated in the client, which lists runs with their errors.
        where: Only runs for which this CEL expression is true, such as `event.data.total > 100`.
            Evaluated in the client, with the extra `explain`. Its variables are `run`, the first
            `event`, `error` and `output`, with the fields of their classes; the client reads those
            that it names. A run for which it fails, for example because a field is missing, is not
            selected; `searched` reports how many.
        query: Only runs for which the server finds this CEL expression true, such as
            `event.data.total > 100`. It compares `event.name`, `event.v` and fields of
            `event.data`, or of `output` and `error`; since release 1.45. A self-hosted server finds
            no run by an event that was sent with an id.
    """

    status: StatusFilter | None
    app: str | None
    function: str | None
    error_contains: str | None
    where: str | None
    query: str | None


class RunSelection(RunFilter, total=False):
    """`RunFilter` in a window of time.

    Attributes:
        since: Only runs queued at or after this time. An aware datetime; a timedelta is that long
            ago by the server's clock.
        until: Only runs queued at or before this time. An aware datetime, or a timedelta.
        ended_since: Only runs that ended at or after this time. An aware datetime, or a timedelta;
            since release 1.38. Slow on a self-hosted server with a long history: with since, the
            client lists runs by queue time and compares their end times itself.
        ended_until: Only runs that ended at or before this time. An aware datetime, or a timedelta.
            Like ended_since; with until, it requires since.
    """

    since: datetime | timedelta | None
    until: datetime | timedelta | None
    ended_since: datetime | timedelta | None
    ended_until: datetime | timedelta | None


class Paging(TypedDict, total=False):
    """How much of a listing, and how many items at a time.

    A listing raises `InvalidArgumentError` if an argument is malformed, before anything is sent,
    and `RouteNotFoundError` if the server does not have it.

    Attributes:
        limit: Maximum number of items in total; None for all of them.
        page_size: Maximum number of items per request, 1 to 100; by default the server's.
        cursor: The `next_cursor` of an earlier page, to continue after it.
    """

    limit: int | None
    page_size: int | None
    cursor: str | None


class RunListing(RunSelection, Paging, total=False):
    """Which runs a list has, and how much of it: `RunSelection` and `Paging`."""


class EventFilter(TypedDict, total=False):
    """Which stored events: those for which all of these hold.

    Attributes:
        name: Only events with exactly this name.
        since: Only events received after this time; by default, one hour ago, or without a limit
            if until is given. An aware datetime; a timedelta is that long ago by the server's
            clock.
        until: Only events received before this time. An aware datetime, or a timedelta.
        where: Only events for which this CEL expression is true, such as `event.data.total > 100`;
            requires the extra `explain`. Evaluated in the client. An event for which it fails, for
            example because a field is missing, is left out; `searched` reports how many.
    """

    name: str | None
    since: datetime | timedelta | None
    until: datetime | timedelta | None
    where: str | None


class EventListing(EventFilter, Paging, total=False):
    """Which stored events a list has, and how much of it: `EventFilter` and `Paging`."""


ApiVersion = Literal["auto", "v1", "v2"]
"""The API to use: "auto" for the best one for each call, "v1" or "v2"."""

EventNameCheck = Literal["off", "warn", "refuse"]
"""The handling of event names that do not follow the convention `domain/noun.verb`."""

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
"""The HTTP method of a request."""

REPEATABLE_METHODS = frozenset({"GET", "PUT", "DELETE"})
"""The methods that HTTP calls idempotent: a second request has no further effect."""


class TransportResponse(Protocol):
    """A response of httpx or of httpx2."""

    @property
    def status_code(self) -> int:
        """The HTTP status."""
        ...


# Requests are `Never`, as each library has a class of its own, and a transport takes one of them.
class Transport(Protocol):
    """A transport of httpx or of httpx2, as an `InngestClient` takes it.

    It gets requests of httpx2 if its class is of httpx2, or derives from one that is; otherwise
    those of httpx. Threads call it at once.
    """

    def handle_request(self, request: Never, /) -> TransportResponse:
        """Send a request, and return its response, whose body may still have to be read."""
        ...

    def close(self) -> None:
        """Close its connections."""
        ...


class AsyncTransport(Protocol):
    """The same, as an `AsyncInngestClient` takes it. Tasks call it at once."""

    async def handle_async_request(self, request: Never, /) -> TransportResponse:
        """Send a request, and return its response, whose body may still have to be read."""
        ...

    async def aclose(self) -> None:
        """Close its connections."""
        ...
