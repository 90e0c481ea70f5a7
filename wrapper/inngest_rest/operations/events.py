"""Operations on stored events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest.models import Run, StoredEvent
from inngest_rest.operations import runs
from inngest_rest.operations.explained import Explained
from inngest_rest.operations.operation import Operation, Returns
from inngest_rest.operations.parameters import (
    DEFAULT_LIMIT,
    DEFAULT_TIMEOUT_S,
    ListLimit,
    Moment,
    Seconds,
    instant,
    option,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest import InngestClient, Paginator


@frozen
class ListEvents:
    """List stored events with their data, newest first.

    Attributes:
        name: Only events with exactly this name.
        since: Only events received after this time; by default one hour ago, or without a limit if
            until is given.
        until: Only events received before this time.
        limit: Maximum number of events.
        cursor: The cursor of the next page, which an earlier page has.
    """

    name: str | None = option()
    since: Moment | None = option()
    until: Moment | None = option()
    limit: ListLimit = option(default=DEFAULT_LIMIT)
    cursor: str | None = option()


def _list(client: InngestClient, parameters: ListEvents) -> Paginator[StoredEvent]:
    return client.events.list(
        name=parameters.name,
        since=instant("since", parameters.since),
        until=instant("until", parameters.until),
        limit=parameters.limit,
        cursor=parameters.cursor,
    )


@frozen
class GetEvent:
    """Get one stored event.

    Attributes:
        id: The internal id that sending it returned, not an id of your own.
    """

    id: str


def _get(client: InngestClient, parameters: GetEvent) -> StoredEvent:
    return client.events.get(parameters.id)


@frozen
class ListEventRuns:
    """List the runs that an event started, with their outputs or errors.

    Attributes:
        id: The internal id of the event.
        include_original_run_id: Whether to return the run that each replays, too.
        limit: Maximum number of runs.
        cursor: The cursor of the next page, which an earlier page has.
    """

    id: str
    include_original_run_id: bool = option(default=False)
    limit: ListLimit = option(default=DEFAULT_LIMIT)
    cursor: str | None = option()


def _runs(client: InngestClient, parameters: ListEventRuns) -> Paginator[Run]:
    return client.events.runs(
        parameters.id,
        include_original_run_id=parameters.include_original_run_id,
        limit=parameters.limit,
        cursor=parameters.cursor,
    )


@frozen
class ExplainEvent:
    """Explain what became of an event: its runs, or why a function did not run.

    Attributes:
        id: The internal id of the event; or an id of your own, of which the newest event among the
            last 1,000 of 24 hours is taken.
        name: The event's name, to search for an id of your own among events of that name only.
    """

    id: str
    name: str | None = option()


def _explain(client: InngestClient, parameters: ExplainEvent) -> Explained:
    return Explained.of(client.events.explain(parameters.id, name=parameters.name))


@frozen
class WaitForEvent:
    """Wait until every run that an event starts has ended, and return them.

    Runs that failed or were cancelled are returned like any other.

    Attributes:
        id: The internal id of the event.
        timeout: Seconds to wait.
    """

    id: str
    timeout: Seconds = option(default=DEFAULT_TIMEOUT_S)


def _wait(client: InngestClient, parameters: WaitForEvent) -> Iterator[Run]:
    yield from client.events.wait(parameters.id, parameters.timeout)


# Whoever sends an event chooses all of it.
_FROM_STRANGERS = ("id", "name", "data", "user", "v")

_ID = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"

OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="events.list",
        parameters=ListEvents,
        result=StoredEvent,
        run=_list,
        returns=Returns.PAGES,
        untrusted=_FROM_STRANGERS,
        examples=("--name shop/order.created --since 24h",),
    ),
    Operation(
        name="events.get",
        parameters=GetEvent,
        result=StoredEvent,
        run=_get,
        untrusted=_FROM_STRANGERS,
        examples=(_ID,),
    ),
    Operation(
        name="events.runs",
        parameters=ListEventRuns,
        result=Run,
        run=_runs,
        returns=Returns.PAGES,
        untrusted=runs.FROM_STRANGERS,
        examples=(_ID,),
    ),
    Operation(
        name="events.explain",
        parameters=ExplainEvent,
        result=Explained,
        run=_explain,
        untrusted=(
            "sentence",
            *(f"event.{path}" for path in _FROM_STRANGERS),
            "listeners",
            *(f"runs[].{path}" for path in runs.FROM_STRANGERS),
            "reasons",
            "unchecked",
        ),
        examples=(_ID, "order-1001 --name shop/order.created"),
    ),
    Operation(
        name="events.wait",
        parameters=WaitForEvent,
        result=Run,
        run=_wait,
        returns=Returns.STREAM,
        untrusted=runs.FROM_STRANGERS,
        examples=(f"{_ID} --timeout 60",),
    ),
)
