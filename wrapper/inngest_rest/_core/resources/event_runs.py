"""The runs that an event started, from v1 and v2, each of which omits some."""

from __future__ import annotations

import math
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any, Unpack

from attrs import evolve

from inngest_rest import errors
from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.listing import ListedPage, Listing, PageRequest
from inngest_rest._core.calls.operation import first_present, may_ask
from inngest_rest._core.calls.route import V2_ROOT_BEFORE_1_26, Route
from inngest_rest._core.resources import (
    catalogue,
    events,
    fields,
    flow_control,
    routes,
    runs,
)
from inngest_rest._core.resources.rows import PageForm
from inngest_rest._core.resources.run_rows import (
    UNKNOWN,
    V1RunRow,
    V2RunRow,
    listed_run_of_v1,
    listed_run_of_v2,
)
from inngest_rest.models import Run
from inngest_rest_api.api import v1, v2

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.fields import PageData
    from inngest_rest.typing import Paging
    from inngest_rest_api.api import Operation

    _RunsOfEvent = Route[Any, tuple[str, ListedPage[Run]]]

# Seconds for what only adds to an answer.
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

    A request to v2 makes a self-hosted server read the spans of all runs that it ever had. But v1
    lists the run of a batch under one of its events only: if nothing is known of that, functions
    are looked at, and v2 is asked as well where v1 has none.

    In `unnamed`, each run whose function could not be read is put, by its id, with the reason.
    """
    event_id = check_id("event id", event_id, argument="id")

    def read(page: PageData[Run], request: PageRequest) -> ListedPage[Run]:
        return runs.checked_page(fields.v2_page(page, request))

    # An event has few runs, so their output is always asked for: v1 has it, too.
    of_pages = routes.page_routes(
        v2.list_event_runs_v2,
        listed_run_of_v2,
        event_id,
        query={"include_output": True},
        row=V2RunRow,
        read=read,
    )
    of_pages["list_event_runs_v1"] = lambda _: routes.past_cache(
        session, _of_event_by_v1(event_id)
    )
    return routes.listing_of(
        session,
        "events.runs",
        of_pages,
        largest_page=40,  # listEventRunsV2 rejects a larger limit
        id_of=runs.ID_OF,
        complete=partial(
            _complete,
            session,
            event_id,
            is_whole=include_original_run_id,
            unnamed={} if unnamed is None else unnamed,
        ),
        kind=Run,
        ask=partial(_ask_for_runs, event_id, may_be_batched=may_be_batched),
        **paging,
    )


def _complete(
    session: Session,
    event_id: str,
    listed: tuple[Run, ...],
    deadline: float,
    *,
    is_whole: bool,
    unnamed: dict[str, errors.InngestError],
) -> Plan[tuple[Run, ...]]:
    """Return listed runs as v2 has them, or, if `is_whole`, also with what v1 alone has."""
    completed: list[Run] = []
    for run in listed:
        unnamed.pop(run.id, None)
        try:
            named = yield from _as_by_v2(session, run, is_whole, deadline)
        except errors.InngestError as error:
            named = run  # as v1 has it, which lacks only the names
            unnamed[run.id] = error
        if _may_be_misreported(session, run):
            # By itself, it is right in every release.
            with suppress(errors.InngestError):
                named = yield from runs.fetch(
                    session, run.id, cached=False, deadline=deadline
                )
        completed.append(named)
    if is_whole and not all(map(runs.is_of_v1, completed)):
        completed = yield from _with_v1(session, event_id, completed, deadline)
    return tuple(completed)


def _with_v1(
    session: Session, event_id: str, of_v2: list[Run], deadline: float
) -> Plan[list[Run]]:
    """Return runs with what v1 alone has of them."""
    listed = yield from of_event_by_v1(session, event_id, deadline=deadline)
    of_v1 = {run.id: run for run in listed}
    for run in of_v2:
        if run.id not in of_v1:
            # v1 lists the run of a batch under one of its events only.
            route = runs.route_by_v1(run.id)
            of_v1[run.id] = yield from routes.ask_first(
                session, "runs.get", route, deadline=deadline
            )
    return [runs.with_v1(run, of_v1[run.id]) for run in of_v2]


def _ask_for_runs(
    event_id: str,
    session: Session,
    *offered: _RunsOfEvent,
    may_be_batched: bool | None,
    deadline: float,
) -> Plan[tuple[str, ListedPage[Run]]]:
    """Ask v1 for the runs of an event, and v2 if v1 refuses or may not have them all."""
    ask = partial(first_present, session, deadline=deadline)
    if len(offered) == 1 or not all(
        _is_usable(session, route.operation) for route in offered
    ):
        return (yield from ask(*offered))
    by_v1, by_v2 = offered
    if may_be_batched:
        return (yield from ask(by_v2, by_v1))
    try:
        listed = yield from ask(by_v1, by_v2)
    except errors.RouteNotFoundError:
        raise
    except (
        errors.AuthenticationError,
        errors.PermissionDeniedError,
        errors.NotFoundError,
    ):
        return (yield from ask(by_v2))  # it may take another key, and knows other runs
    path, page = listed
    if path != by_v1.path or may_be_batched is False:
        return listed
    if page.items and not (yield from _may_be_batched(session, event_id, deadline)):
        return listed
    try:
        return (yield from ask(by_v2))
    except errors.RouteNotFoundError:
        return listed


def _is_usable(session: Session, operation: Operation) -> bool:
    """Return whether the settings allow an operation, and the server is not known to lack it."""
    is_absent = session.absent.has(operation, session.clock.monotonic())
    return may_ask(session.settings, operation) and not is_absent


def _may_be_batched(session: Session, event_id: str, deadline: float) -> Plan[bool]:
    """Return whether a function may have got an event in a batch, which v1 lists under another."""
    now = session.clock.monotonic()
    soon = now + min(_LONGEST_LOOK, (deadline - now) / 2)  # the rest is for v2
    known = yield from catalogue.read_catalogue(session, deadline=soon, since=0.0)
    if known.gaps:
        return True
    batching = [
        function
        for function in known.functions
        if flow_control.limit(function, *flow_control.BATCH)
    ]
    if not batching:
        return False
    event = yield from runs.found_at_once(session, events.get_route(event_id), deadline)
    if event is None or event.name == events.INVOKED:
        return True
    return any(
        catalogue.matching_triggers(function, event.name) for function in batching
    )


def _as_by_v2(session: Session, run: Run, is_whole: bool, deadline: float) -> Plan[Run]:
    """Return a run of v1 as v2 has it, or also with what v1 alone has.

    v1 has the UUID of its function in place of the names of it and its app.
    """
    id, names = run.internal_function_id, session.absent.functions
    if id is None:
        return run
    if id not in names:
        if not _is_usable(session, v2.get_run_v2.OPERATION):
            return run
        soon = min(deadline, session.clock.monotonic() + _LONGEST_LOOK)
        found = yield from runs.fetch(session, run.id, deadline=soon, also_v1=False)
        if found.function_id is None:
            return run
        names[id] = found.app_id, found.function_id
    app_id, function_id = names[id]
    run = evolve(run, app_id=app_id, function_id=function_id)
    return (
        run
        if is_whole
        else evolve(run, internal_function_id=None, original_run_id=None)
    )


def _may_be_misreported(session: Session, run: Run) -> bool:
    """Return whether a release before 1.27.1 may have listed a run with a wrong state.

    v1 lists some that have ended as unfinished (recording 1.17-v1-event-runs-echoes), and v2, where
    it is below /api/v2, lists each as queued (recording 1.25-api-v2-event-runs).
    """
    if runs.is_of_v1(run):
        return run.status == UNKNOWN
    return not run.is_ended and session.absent.v2_root == V2_ROOT_BEFORE_1_26


def of_event_by_v1(
    session: Session, event_id: str, *, deadline: float = math.inf
) -> Plan[tuple[Run, ...]]:
    """Get the runs of an event from v1, which names the run that each repeats; past its cache."""
    of_v1 = routes.past_cache(session, _of_event_by_v1(event_id))
    return (
        yield from routes.ask_first(session, "events.runs", of_v1, deadline=deadline)
    ).items


def are_listed_by_v1(session: Session) -> bool:
    """Return whether v1 lists the runs of events, as the server has no other route for it."""
    return session.settings.api_version == "v1" or session.absent.has(
        v2.list_event_runs_v2.OPERATION, session.clock.monotonic()
    )


def _of_event_by_v1(event_id: str) -> Route[Any, ListedPage[Run]]:
    def convert(page: PageData[Run]) -> ListedPage[Run]:
        return ListedPage(each_once(runs.checked_page(ListedPage(page[1])).items))

    expected = PageForm(v1.list_event_runs_v1, listed_run_of_v1, V1RunRow)
    return Route.of(v1.list_event_runs_v1, convert, event_id, expected=expected)


def each_once(listed: Iterable[Run]) -> tuple[Run, ...]:
    """Return the runs of an event, each once, the newest first as v2 has them.

    A run that was cancelled while its code was executing is listed twice: as it was cancelled, and
    as its code ended later (recording v1-event-runs-twice). The first end is the run's.
    """
    found: dict[str, Run] = {}
    for each in listed:
        known = found.setdefault(each.id, each)
        if each.ended_at and (known.ended_at is None or each.ended_at < known.ended_at):
            found[each.id] = each
    return tuple(sorted(found.values(), key=runs.ID_OF, reverse=True))
