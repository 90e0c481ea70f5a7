"""The runs that an event started."""

from __future__ import annotations

from operator import attrgetter
from typing import TYPE_CHECKING, Any

from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.listing import ListedPage, Listing, Paging, unpaged
from inngest_rest._core.calls.route import V2_ROOT_BEFORE_1_26, Route
from inngest_rest._core.resources import one_run, runs
from inngest_rest._core.resources.fields import page_of, v2_page
from inngest_rest._core.resources.routes import ask, in_order, past_cache
from inngest_rest.errors import InngestError
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from inngest_rest._core.calls.listing import PageRequest
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Run

# listEventRunsV2 rejects a larger limit.
_LARGEST_PAGE = 40


def list_runs(
    session: Session,
    event_id: str,
    *,
    include_original_run_id: bool = False,
    cached: bool = True,
    **paging: Unpack[Paging],
) -> Listing[Run]:
    """List the runs of an event, by v2 where there is one: v1 caches this listing for 15 s.

    Args:
        session: The session whose settings and keys apply.
        event_id: The event's internal id.
        include_original_run_id: Whether to read from v1, too, what it alone has.
        cached: Whether v1 may respond from its cache.
        paging: The arguments of every listing.
    """
    event_id = check_id("event id", event_id, argument="id")

    def by_v2(page: PageRequest) -> Route[Any, ListedPage[Run]]:
        operation = v2.list_event_runs_v2
        # An event has few runs, so their output is always asked for: v1 has it, too.
        kwargs = operation.get_kwargs(
            event_id, limit=page.size, cursor=page.cursor, include_output=True
        )
        expected = page_of(api.V2RunListEnvelope, api.V2Run, runs.listed_run_of_v2)
        return Route(operation, kwargs, expected, v2_page)

    def complete(listed: tuple[Run, ...]) -> Plan[tuple[Run, ...]]:
        runs = list(listed)
        for place, run in enumerate(runs):
            if _may_be_misreported(session, run):
                runs[place] = yield from _by_itself(session, run)
        if not include_original_run_id or all(map(one_run.is_of_v1, runs)):
            return tuple(runs)
        of_v1 = {run.id: run for run in (yield from by_v1(session, event_id))}
        for run in runs:
            if run.id not in of_v1:
                # v1 lists the run of a batch under one of its events only.
                of_v1[run.id] = yield from one_run.by_v1(session, run.id)
        return tuple(one_run.with_v1(run, of_v1[run.id]) for run in runs)

    of_v1 = _route_of_v1(event_id)
    routes = in_order(
        "events.runs",
        list_event_runs_v2=by_v2,
        list_event_runs_v1=unpaged(of_v1 if cached else past_cache(session, of_v1)),
    )
    return Listing(
        session,
        *routes,
        largest_page=_LARGEST_PAGE,
        id_of=attrgetter("id"),
        complete=complete,
        **paging,
    )


def _may_be_misreported(session: Session, run: Run) -> bool:
    """Return whether a release before 1.27.1 may have listed a run with a wrong state.

    v1 lists some that have ended as unfinished (recording 1.17-v1-event-runs-echoes), and v2, where
    it is below /api/v2, lists each as queued (recording 1.25-api-v2-event-runs).
    """
    if one_run.is_of_v1(run):
        return run.is_ended and run.status == runs.UNKNOWN
    return not run.is_ended and session.absent.v2_root == V2_ROOT_BEFORE_1_26


def _by_itself(session: Session, run: Run) -> Plan[Run]:
    """Return a run as it is by itself, which is right in every release; as it was if that fails."""
    try:
        return (yield from one_run.fetch(session, run.id, cached=False))
    except InngestError:
        return run


def by_v1(session: Session, event_id: str) -> Plan[tuple[Run, ...]]:
    """Get the runs of an event from v1, which names the run that each repeats; past its cache."""
    part = yield from ask(session, "events.runs", past_cache(session, _route_of_v1(event_id)))
    return part.items


def are_of_v1(session: Session) -> bool:
    """Return whether v1 lists the runs of events, as the server has no other route for it."""
    return session.settings.api_version == "v1" or session.absent.has(
        v2.list_event_runs_v2.OPERATION, session.clock.monotonic()
    )


def _route_of_v1(event_id: str) -> Route[Any, ListedPage[Run]]:
    operation = v1.list_event_runs_v1
    return Route(
        operation,
        operation.get_kwargs(event_id),
        page_of(api.V1RunListEnvelope, api.V1Run, runs.run_of_v1),
        lambda it: ListedPage(each_once(it[1])),
    )


def each_once(listed: Iterable[Run]) -> tuple[Run, ...]:
    """Return the runs of an event, each once.

    A run that was cancelled while its code was executing is listed twice: as it was cancelled, and
    as its code ended later (recording v1-event-runs-twice). The first end is the run's.
    """
    found: dict[str, Run] = {}
    for each in listed:
        known = found.setdefault(each.id, each)
        if each.ended_at and (known.ended_at is None or each.ended_at < known.ended_at):
            found[each.id] = each
    return tuple(found.values())
