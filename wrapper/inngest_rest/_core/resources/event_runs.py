"""The runs that an event started, from v1 and v2, each of which omits some."""

from __future__ import annotations

import math
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.calls.alternatives import first_present, may_ask
from inngest_rest._core.calls.listing import ListedPage, Listing, PageRequest
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources import (
    events,
    fields,
    routes,
    run_lists,
    runs,
)
from inngest_rest._core.resources.catalogue import Catalogue
from inngest_rest._core.resources.rows import PageReader
from inngest_rest._core.resources.run_rows import (
    V1RunRow,
    V2RunRow,
    listed_run_of_v1,
    listed_run_of_v2,
)
from inngest_rest._local.arguments import check_id
from inngest_rest._local.functions import limit, matching_triggers
from inngest_rest.models import Function, Run
from inngest_rest_api.api import v1, v2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.resources.fields import PageData
    from inngest_rest.typing import Paging
    from inngest_rest_api.api import Operation

    _RunsOfEvent = Route[Any, tuple[str, ListedPage[Run]]]

# Seconds for requests that only complete an answer.
_LONGEST_LOOK = 5.0


def list_of_event(
    session: Session,
    event_id: str,
    *,
    include_original_run_id: bool = False,
    may_be_batched: bool | None = None,
    unnamed: dict[str, errors.InngestError] | None = None,
    **paging: Unpack[Paging],
) -> Listing[Run]:
    """List the runs of an event: by v1, past its cache, and by v2 where that may lack some.

    A request to v2 makes a self-hosted server read the spans of all its runs. But v1 lists the run
    of a batch under only one of its events, so v2 is asked as well if v1 has no run, or if a
    function may batch the event.

    Args:
        session: The session of the client.
        event_id: The internal id of the event.
        include_original_run_id: Complete the runs with the fields that only v1 has.
        may_be_batched: Whether a function may batch the event; None to find out.
        unnamed: Receives the runs whose function could not be read, by id, with the reason.
        **paging: The arguments of the listing.
    """
    event_id = check_id("event id", event_id, argument="id")

    def read(page: PageData[Run], request: PageRequest) -> ListedPage[Run]:
        return run_lists.checked_page(fields.v2_page(page, request))

    def by_v1(_: PageRequest) -> Route[Any, ListedPage[Run]]:
        return routes.past_cache(session, _of_event_by_v1(event_id))

    if unnamed is None:
        unnamed = {}
    complete = partial(
        _complete,
        session,
        event_id,
        is_whole=include_original_run_id,
        unnamed=unnamed,
    )
    ask = partial(_ask_for_runs, event_id, may_be_batched=may_be_batched)
    # An event has few runs, so their output is always requested: v1 has it, too.
    of_pages = routes.page_routes(
        v2.list_event_runs_v2,
        listed_run_of_v2,
        event_id,
        query={"include_output": True},
        row=V2RunRow,
        read=read,
    )
    of_pages["list_event_runs_v1"] = by_v1
    return Listing(
        session=session,
        routes=routes.in_order("events.runs", of_pages),
        largest_page=40,  # listEventRunsV2 rejects a larger limit
        id_of=run_lists.ID_OF,
        complete=complete,
        kind=Run,
        ask=ask,
        **paging,
    )


async def runs_of(
    session: Session,
    event_id: str,
    deadline: float,
    *,
    may_be_batched: bool | None = None,
    unnamed: dict[str, errors.InngestError] | None = None,
) -> tuple[Run, ...]:
    """List the runs of an event."""
    listing = list_of_event(
        session, event_id, may_be_batched=may_be_batched, unnamed=unnamed
    )
    return tuple(await listing.read_all(deadline=deadline))


async def _complete(
    session: Session,
    event_id: str,
    listed: tuple[Run, ...],
    deadline: float,
    *,
    is_whole: bool,
    unnamed: dict[str, errors.InngestError],
) -> tuple[Run, ...]:
    """Return listed runs with the fields of v2 or, if `is_whole`, of both v1 and v2."""
    completed: list[Run] = []
    for run in listed:
        unnamed.pop(run.id, None)
        try:
            named = await _as_by_v2(session, run, deadline, is_whole=is_whole)
        except errors.InngestError as error:
            named = run  # v1 lacks only the names
            unnamed[run.id] = error
        completed.append(named)
    if is_whole and not all(map(runs.is_of_v1, completed)):
        completed = await _with_v1(session, event_id, completed, deadline)
    return tuple(completed)


async def _with_v1(
    session: Session,
    event_id: str,
    of_v2: list[Run],
    deadline: float,
) -> list[Run]:
    """Return runs with the fields that only v1 has."""
    listed = await of_event_by_v1(session, event_id, deadline=deadline)
    of_v1 = {run.id: run for run in listed}
    completed: list[Run] = []
    for run in of_v2:
        by_v1 = of_v1.get(run.id)
        if by_v1 is None:
            # v1 lists the run of a batch under only one of its events.
            route = runs.route_by_v1(run.id)
            by_v1 = await routes.ask_first(
                session, "runs.get", route, deadline=deadline
            )
        completed.append(runs.with_v1(run, by_v1))
    return completed


async def _ask_for_runs(
    event_id: str,
    session: Session,
    *offered: _RunsOfEvent,
    may_be_batched: bool | None,
    deadline: float,
) -> tuple[str, ListedPage[Run]]:
    """Ask v1 for the runs of an event, and v2 if v1 refuses or may not have them all."""
    ask = partial(first_present, session, deadline=deadline)
    if len(offered) == 1 or not _are_usable(session, offered):
        return await ask(*offered)
    by_v1, by_v2 = offered
    if may_be_batched:
        return await ask(by_v2, by_v1)
    try:
        path, page = await ask(by_v1, by_v2)
    except errors.RouteNotFoundError:
        raise
    except _REFUSALS_OF_V1:
        return await ask(by_v2)
    if path != by_v1.path or may_be_batched is False:
        return path, page
    has_all = await _has_all(session, event_id, page, deadline)
    if has_all:
        return path, page
    try:
        return await ask(by_v2)
    except errors.RouteNotFoundError:
        return path, page


async def _has_all(
    session: Session,
    event_id: str,
    page: ListedPage[Run],
    deadline: float,
) -> bool:
    """Return whether a page of v1 has all the runs of an event, of which v2 may have more."""
    if not page.items:
        return False
    may_be_batched = await _may_be_batched(session, event_id, deadline)
    return not may_be_batched


# Errors of v1 after which v2 may succeed: it may accept another key, and it has other runs.
_REFUSALS_OF_V1 = (
    errors.AuthenticationError,
    errors.PermissionDeniedError,
    errors.NotFoundError,
)


def _are_usable(session: Session, offered: Iterable[_RunsOfEvent]) -> bool:
    return all(_is_usable(session, route.operation) for route in offered)


def _is_usable(session: Session, operation: Operation) -> bool:
    """Return whether the settings allow an operation, and the server is not known to lack it."""
    is_absent = session.absent.has(operation, session.clock.monotonic())
    return may_ask(session.settings, operation) and not is_absent


async def _may_be_batched(session: Session, event_id: str, deadline: float) -> bool:
    """Return whether a function may have batched an event, so that v1 lists the run elsewhere."""
    now = session.clock.monotonic()
    left = deadline - now
    soon = now + min(_LONGEST_LOOK, left / 2)  # the rest is for v2
    known = await Catalogue.read(session, deadline=soon, since=0.0)
    if known.gaps:
        return True
    batching = [function for function in known.functions if _batches(function)]
    if not batching:
        return False
    route = events.get_route(event_id)
    event = await runs.found_at_once(session, route, deadline)
    if event is None or event.name == events.INVOKED:
        return True
    name = event.name
    return any(matching_triggers(function, name) for function in batching)


def _batches(function: Function) -> bool:
    return limit(function, "eventsBatch") is not None


async def _as_by_v2(
    session: Session,
    run: Run,
    deadline: float,
    *,
    is_whole: bool,
) -> Run:
    """Return a run of v1 with the fields of v2 or, if `is_whole`, of both.

    v1 has the UUID of a function in place of the names of app and function.
    """
    internal_id = run.internal_function_id
    if internal_id is None:
        return run
    names = session.absent.functions
    if internal_id not in names:
        if not _is_usable(session, v2.get_run_v2.OPERATION):
            return run
        soon = min(deadline, session.clock.monotonic() + _LONGEST_LOOK)
        by_v2 = await runs.fetch(session, run.id, deadline=soon, also_v1=False)
        if by_v2.function_id is None:
            return run
        names[internal_id] = (by_v2.app_id, by_v2.function_id)
    app_id, function_id = names[internal_id]
    named = evolve(run, app_id=app_id, function_id=function_id)
    if is_whole:
        return named
    return evolve(named, internal_function_id=None, original_run_id=None)


async def of_event_by_v1(
    session: Session, event_id: str, *, deadline: float = math.inf
) -> tuple[Run, ...]:
    """Get the runs of an event from v1, past its cache; v1 alone has the original of a rerun."""
    route = routes.past_cache(session, _of_event_by_v1(event_id))
    page = await routes.ask_first(session, "events.runs", route, deadline=deadline)
    return page.items


def may_hide_batches(session: Session) -> bool:
    """Return whether the run of a batch may be listed under another of its events.

    It is where only v1 can list the runs of events, by the settings or the server.
    """
    if session.settings.api_version == "v1":
        return True
    by_v2 = v2.list_event_runs_v2.OPERATION
    return session.absent.has(by_v2, session.clock.monotonic())


def _of_event_by_v1(event_id: str) -> Route[Any, ListedPage[Run]]:
    def convert(page: PageData[Run]) -> ListedPage[Run]:
        _, listed = page
        checked = run_lists.checked_page(ListedPage(listed))
        return ListedPage(each_once(checked.items))

    expected = PageReader(v1.list_event_runs_v1, listed_run_of_v1, V1RunRow)
    return Route.of(v1.list_event_runs_v1, convert, event_id, expected=expected)


def each_once(listed: Iterable[Run]) -> tuple[Run, ...]:
    """Return the runs of an event without repeats, newest first as v2 has them.

    v1 lists a run twice if it was cancelled while its code was executing: as cancelled, and with
    the later end of the code (recording v1-event-runs-twice). The first end is the run's.
    """
    by_id: dict[str, Run] = {}
    for run in listed:
        other = by_id.setdefault(run.id, run)
        if run.ended_at is None:
            continue
        if other.ended_at is None or run.ended_at < other.ended_at:
            by_id[run.id] = run
    return tuple(sorted(by_id.values(), key=run_lists.ID_OF, reverse=True))
