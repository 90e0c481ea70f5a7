"""Runs: list, get, cancel."""

from __future__ import annotations

import base64
import math
from datetime import UTC, datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, TypeVar, Unpack, get_args

import msgspec
from attrs import evolve
from attrs import fields as attrs_fields

from inngest_rest import errors
from inngest_rest._arguments import check_choice, check_id
from inngest_rest._core.calls.alternatives import first_present
from inngest_rest._core.calls.listing import (
    ListedPage,
    Listing,
    PageRequest,
    Place,
    read_all,
)
from inngest_rest._core.calls.local_filter import MOST_RUNS, LocalFilter
from inngest_rest._core.calls.operation import redacted_url
from inngest_rest._core.calls.route import V2_ROOT_BEFORE_1_26, About, Route, no_result
from inngest_rest._core.clock import whole_milliseconds
from inngest_rest._core.resources import apps, events, fields, open_runs, routes
from inngest_rest._core.resources.filters import Names, Selection
from inngest_rest._core.resources.run_rows import (
    GRACE_PERIOD,
    UNKNOWN,
    V1RunRow,
    V2RunRow,
    listed_run_of_v1,
    listed_run_of_v2,
    run_of_v1,
    run_of_v2,
)
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.errors import Advice, NextCall
from inngest_rest.models import Run, RunStatus
from inngest_rest.typing import RunOrder, StatusName
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest._core.resources.fields import PageData
    from inngest_rest._core.resources.routes import PageRoutes
    from inngest_rest._core.resources.windows import Window
    from inngest_rest.models import StoredEvent
    from inngest_rest.typing import Paging


_LIST_ADVICE = routes.where_absent(
    "List events and their runs instead: {}, {}.", "events.list", "events.runs"
)

P = ParamSpec("P")
T = TypeVar("T")

ID_OF = attrgetter("id")


def list_runs(
    session: Session,
    selection: Selection,
    *,
    order: RunOrder = "newest",
    include_output: bool = False,
    is_bounded: bool = True,
    by_change: bool = False,
    also_v1: bool = False,
    **paging: Unpack[Paging],
) -> Listing[Run]:
    """List runs: by v2, or else by v1 if it supports the arguments.

    Args:
        session: The session of the client.
        selection: The filters.
        order: The order of the listing.
        include_output: List outputs and errors, too.
        is_bounded: Limit the number of runs that are read and filtered here.
        by_change: Apply window and order to the time of the last change: the end, or before that
            the scheduling (schema V2TimeField).
        also_v1: Allow v1 with `include_output`; its lists always have the output.
        **paging: The arguments of the listing.
    """
    selection = selection.narrowed()
    check_choice("order", order, get_args(RunOrder))
    is_ascending = order == "oldest"
    statuses = [api.V2RunStatus(name.upper()) for name in selection.statuses]
    of_pages = _pages_of_v2(
        session,
        selection,
        statuses,
        include_output=include_output,
        is_ascending=is_ascending,
        by_change=by_change,
    )
    if not is_ascending and (also_v1 or not include_output):
        of_pages |= _pages_of_v1(selection)
    filter_here = partial(local_filter, session, selection, is_bounded=is_bounded)
    return routes.listing_of(
        session,
        "runs.list",
        of_pages,
        id_of=ID_OF,
        is_relative=selection.is_relative,
        place_of=_place_of,
        keep=partial(_ended_within, selection.ended) if selection.ended else None,
        guard=partial(_prepare, session, selection, statuses),
        local_filter=filter_here if selection.evaluated_here else None,
        about=f"runs with {selection}",
        explain=partial(_why_none, session, selection),
        kind=Run,
        **paging,
    )


def local_filter(
    session: Session, selection: Selection, *, is_bounded: bool = True
) -> LocalFilter[Run]:
    """Return the filter for the part of a selection that servers do not support."""

    def read_event(event_id: str, deadline: float) -> Plan[StoredEvent]:
        route = events.get_route(event_id)
        return routes.ask_first(session, "events.get", route, deadline=deadline)

    return LocalFilter(
        matches=selection.match,
        where=selection.where,
        values=_variables_of,
        argument=selection.evaluated_here[0],
        narrowed_by="since and until, app or status",
        most_read=MOST_RUNS if is_bounded else None,
        event_ids=attrgetter("event_ids"),
        read_event=read_event,
        with_event=partial(_with_matched, selection),
    )


def _with_matched(selection: Selection, run: Run, event: Mapping[str, Any]) -> Run:
    """Return a run with the fields of its event by which it was selected."""
    return evolve(run, matched=selection.fields_of(event) or None)


def _variables_of(run: Run) -> dict[str, Any]:
    """Return the variables of a run in an expression: `run`, and its output and error apart."""
    output_and_error = {
        "output": run.output,
        "error": run.error and run.error.to_dict(),
    }
    values = {
        field.name: getattr(run, field.name)
        for field in attrs_fields(Run)
        if field.name not in output_and_error
    }
    values["status"] = str(run.status)
    values["event_ids"] = [*run.event_ids]
    return {**output_and_error, "run": values}


def function_of(run: Run) -> str:
    """Return app and function of a run as APP/FUNCTION, as far as they are known."""
    function = run.function_id or run.internal_function_id
    return "/".join(filter(None, (run.app_id, function)))


async def why_none(session: Session, selection: Selection) -> str:
    """Return why a selection found nothing: a name that does not exist, or what is kept."""
    name = await _unknown_name(session, selection)
    return name or _beyond_history(session, selection)


async def _unknown_name(session: Session, selection: Selection) -> str:
    """Return which of the selected app and function does not exist, with the nearest name."""
    try:
        await check_names(session, selection.names)
    except errors.NotFoundError as error:
        return error.message
    return ""


async def check_names(
    session: Session, names: Names, deadline: float = math.inf
) -> None:
    """Raise NotFoundError, with the nearest name, if the app or the function does not exist.

    Not for a pattern, nor where the server does not list functions.
    """
    app, function = names.exact
    joined = names.joined
    if app is None and joined is None:
        return
    try:
        if app is not None:
            await apps.check_app(session, app, deadline)
        functions = await read_all(apps.list_functions(session, app), deadline=deadline)
    except errors.NotFoundError as error:
        error.advice = Advice("{} shows the apps.", (NextCall("apps.list"),))
        raise
    except errors.InngestError:
        return
    if app is None:
        lacks, wanted = "no app has a function", joined
        known = [f"{each.app_id}-{each.id}" for each in functions]
    else:
        lacks, wanted = f"app {app} has no function", function
        known = [each.id for each in functions]
    if wanted is None or wanted in known:
        return
    absent = errors.NotFoundError(
        f"{lacks} {shown(wanted)}{did_you_mean(wanted, known)}",
        status=200,  # a list that lacks the function is a success to the server
        method="GET",
        url=f"{session.settings.api_url}/v2/apps",
    )
    absent.advice = Advice("{} shows the functions.", (NextCall("functions.list"),))
    raise absent


# docs/reference/cloud-limits.md has the plans.
_KEPT_ON_EACH_PLAN = timedelta(days=1)


def _beyond_history(session: Session, selection: Selection) -> str:
    """Return how long Inngest Cloud keeps runs, if the selection reaches further back."""
    if not session.settings.target.is_cloud:
        return ""
    now = session.server_clocks["api"].now()
    begins = [window.ends(now)[0] for window in (selection.window, selection.ended)]
    latest = max((begin for begin in begins if begin is not None), default=None)
    if latest is not None and now - latest <= _KEPT_ON_EACH_PLAN:
        return ""
    return (
        "Inngest Cloud keeps runs for 24 hours on the free plan, for 7 days or more on others, and "
        "lists none that are older"
    )


async def _why_none(session: Session, selection: Selection) -> str:
    gap = open_runs.not_asked_for(session) if selection.are_open else ""
    return "; ".join(filter(None, (await why_none(session, selection), gap)))


async def _prepare(
    session: Session,
    selection: Selection,
    statuses: list[api.V2RunStatus],
    deadline: float,
) -> None:
    """Find out what the server filters by, before the first page; complete the statuses."""
    if selection.query is not None:
        await _check_has_queries(session, deadline)
    if selection.are_open:
        asked = await open_runs.open_statuses(session, deadline)
        statuses[:] = [api.V2RunStatus(name.upper()) for name in asked]


async def _check_has_queries(session: Session, deadline: float) -> None:
    """Raise if the server ignores queries, and so would list every run.

    A request with an invalid expression shows it: it fails if the server reads the query.
    """

    def convert(answer: object) -> None:
        if not isinstance(answer, api.V2Errors):
            url = session.settings.api_url + route.operation.path
            raise errors.RouteNotFoundError(
                "it ignores query",
                status=200,
                method="GET",
                url=url,
            )

    advice = routes.where_absent("Pass it as where instead, which is evaluated here.")
    route = Route.of(
        v2.list_runs_v2,
        convert,
        query={"limit": 1, "query": "("},
        accepted={422: api.V2Errors},
        advice=advice,
    )
    if session.absent.has_queries:
        return
    operation = route.operation._replace(
        name="list_runs_v2_query", path="/v2/runs?query=", since="1.45.0"
    )
    route = evolve(route, operation=operation)
    await first_present(session, route, deadline=deadline)
    session.absent.has_queries = True


def _pages_of_v1(selection: Selection) -> PageRoutes[Run]:
    """Return the routes of v1 if it supports all filters of a selection.

    It ignores unknown ones, and would list other runs; no server of v1 has been seen to list runs,
    with or without their output.
    """
    statuses = selection.statuses
    has_one_filter = selection == Selection(statuses=statuses[:1])
    if not has_one_filter or not {*api.V1RunStatusFilter}.issuperset(statuses):
        return {}
    status = api.V1RunStatusFilter(statuses[0]) if statuses else UNSET
    return routes.page_routes(
        v1.list_runs_v1,
        listed_run_of_v1,
        query={"status": status},
        row=V1RunRow,
        read=partial(fields.v1_page, id_of=ID_OF),
    )


def _pages_of_v2(
    session: Session,
    selection: Selection,
    statuses: list[api.V2RunStatus],
    *,
    include_output: bool,
    is_ascending: bool,
    by_change: bool,
) -> PageRoutes[Run]:
    app_ids, function_ids = selection.names.ids
    include_output = include_output or selection.needs_output
    is_by_end = selection.by_end or by_change
    window = selection.window
    if selection.by_end:
        window = _with_grace_period(selection.ended)
    exact_app, exact_function = selection.names.exact

    def read(data: PageData[Run], request: PageRequest) -> ListedPage[Run]:
        page = fields.v2_page(data, request)
        open_runs.note_open(session, page.items)
        return checked_page(page, exact_app, exact_function)

    order = api.V2Order.ASC if is_ascending else UNSET
    time_field = api.V2TimeField.ENDEDAT if is_by_end else UNSET
    return routes.page_routes(
        v2.list_runs_v2,
        listed_run_of_v2,
        query={
            "order": order,
            "time_field": time_field,
            "status": statuses,
            "app_id": app_ids,
            "function_id": function_ids,
            "include_output": bool(include_output) or UNSET,
            "query": selection.query,
        },
        window=window,
        is_ascending=is_ascending,
        row=V2RunRow,
        read=read,
        is_slow=is_by_end,
        advice=_advice_for(selection),
    )


def _with_grace_period(ended: Window) -> Window:
    """Return a window of ends by the server's times, which are later for cancelled runs."""
    until = ended.until
    if until is None:
        return ended
    if isinstance(until, timedelta):  # so long ago
        return evolve(ended, until=until - GRACE_PERIOD)
    return evolve(ended, until=until + GRACE_PERIOD)


def _ended_within(ended: Window, run: Run, now: datetime) -> bool:
    """Return whether a run ended in a window."""
    if run.ended_at is None:
        return False
    since, until = ended.ends(now)
    if since is not None and run.ended_at < whole_milliseconds(since):
        return False
    return until is None or run.ended_at <= until


_SLOW = errors.Advice(
    "To list runs by their end, a self-hosted server reads its whole history, which may take "
    "minutes. Limit the time of queueing as well (since, or queued_since of a check): the client "
    "then lists runs by that, and compares their ends itself. Or allow more time: timeout, and "
    "total of retries."
)


def _advice_for(selection: Selection) -> AdviceByError:
    advice: dict[type[errors.InngestError], errors.Advice] = {**_LIST_ADVICE}
    if selection.by_end:
        advice[errors.RequestTimeoutError] = _SLOW
    known = get_args(StatusName)
    unknown = [name for name in selection.statuses if name not in known]
    if unknown:
        unknown_names = ", ".join(unknown)
        known_names = ", ".join(known)
        text = f"Not every server has {unknown_names}. Known statuses: {known_names}."
        advice[errors.BadRequestError] = errors.Advice(text)
    if selection.query is not None:
        # Advice replaces {} by calls.
        query = shown(selection.query).replace("{}", "{ }")
        text = (
            f"The query is {query}: servers understand comparisons of a field with a text, a "
            "number, true, false or null, joined by && and ||, without functions or negative "
            "numbers."
        )
        advice[errors.BadRequestError] = errors.Advice(text)
    return advice


class _Key(msgspec.Struct):
    v: int  # microseconds


class _SortedBy(msgspec.Struct):
    start_time: _Key | None = None


class _Position(msgspec.Struct):
    """The cursor of a listing (parameter V2RunCursor)."""

    id: str
    c: _SortedBy


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def _place_of(cursor: str) -> Place | None:
    """Return the position of a cursor, with the time of scheduling if runs are listed by that.

    That time is later than the one in an id. Without it, windows stay as they are.
    """
    try:
        text = base64.b64decode(cursor, validate=True)
        position = msgspec.json.decode(text, type=_Position)
        key = position.c.start_time
        if key is None:
            return Place(id=position.id)
        since_1970 = timedelta(microseconds=key.v)
        return Place(id=position.id, at=_EPOCH + since_1970)
    except (ValueError, OverflowError, RecursionError):
        return None


def checked_page(
    page: ListedPage[Run], app: str | None = None, function: str | None = None
) -> ListedPage[Run]:
    """Return a page; refuse one with two runs of one id, or with a run of another app or function.

    Statuses and times prove nothing: servers select runs by one query and read them by another, and
    a run may be scored or retried in between.
    """
    functions: dict[str, str] = {}
    for run in page.items:
        function_id = run.function_id or run.internal_function_id
        if function_id and functions.setdefault(run.id, function_id) != function_id:
            raise ValueError(f"it lists two runs with the id {run.id}")
        if run.status == UNKNOWN and not (run.queued_at or function_id):
            raise ValueError(f"it lists {run.id}, which is not a run")
        if _is_another(run.app_id, app) or _is_another(run.function_id, function):
            raise ValueError(f"it lists run {run.id} of {run.app_id}/{run.function_id}")
    return page


def _is_another(stated: str | None, requested: str | None) -> bool:
    return bool(stated and requested) and stated != requested


async def get(session: Session, run_id: str, include_original_run_id: bool) -> Run:
    run = await fetch(session, run_id)
    if not include_original_run_id or is_of_v1(run):
        return run
    of_v1 = await routes.ask_first(session, "runs.get", route_by_v1(run_id))
    return with_v1(run, of_v1)


async def fetch(
    session: Session,
    run_id: str,
    *,
    deadline: float = math.inf,
    also_v1: bool = True,
    cached: bool = True,
) -> Run:
    """Get a run from the first API that the server has, or from v1 if v2 cannot load it.

    With `also_v1`, v1 is asked for a run that v2 does not have. Unless `cached`, v1 does not
    respond from its cache, whose entries live for 3 s.
    """
    of_v1 = route_by_v1(run_id)
    if not cached:
        of_v1 = routes.past_cache(session, of_v1)
    of_v2 = Route.of(
        v2.get_run_v2,
        run_of_v2,
        run_id,
        query={"include_output": True},
        about=About(run_id, "id"),
    )
    try:
        run = await routes.ask_first(
            session, "runs.get", of_v2, of_v1, deadline=deadline
        )
    except errors.NotFoundError as error:
        if not also_v1 or error.url == redacted_url(session, of_v1):
            raise
        # v1 can load some runs that v2 cannot (recording v2-run-after-metadata).
        found = await found_at_once(session, of_v1, deadline)
        if found is None:
            raise
        return found
    is_old = session.absent.v2_root == V2_ROOT_BEFORE_1_26
    if not is_old or run.function_id is None:
        return run
    # Such a release prefixes the id with the app's (recording 1.25-api-v2-run-echoes).
    function_id = run.function_id.removeprefix(f"{run.app_id}-")
    return evolve(run, function_id=function_id)


def route_by_v1(run_id: str) -> Route[Any, Run]:
    about = About(run_id, "run_id")
    return Route.of(v1.get_run_v1, run_of_v1, run_id, about=about)


def is_of_v1(run: Run) -> bool:
    """Return whether a run comes from v1, so that it has the fields that only v1 has."""
    return run.internal_function_id is not None


def with_v1(run: Run, of_v1: Run) -> Run:
    """Return a run of v2 with the fields that only v1 has, and v1's exact output."""
    output = run.output
    if run.status == of_v1.status == RunStatus.COMPLETED:
        output = of_v1.output
    return evolve(
        run,
        internal_function_id=of_v1.internal_function_id,
        original_run_id=of_v1.original_run_id,
        output=output,
    )


async def found_at_once(
    session: Session, route: Route[Any, T], deadline: float
) -> T | None:
    """Request a hint once, without retries; return None if that fails."""
    if session.absent.has(route.operation, session.clock.monotonic()):
        return None
    once = evolve(route, repeatable=False)
    try:
        return await first_present(session, once, deadline=deadline)
    except errors.InngestError:
        return None


async def note_event_id(
    session: Session,
    error: errors.NotFoundError,
    run_id: str,
    *,
    by: float = math.inf,
) -> bool:
    """Say in a "not found" if the id is that of an event; return whether it is.

    `send` returns ids of events. `by` is the time by the session's clock to find that out.
    """
    now = session.clock.monotonic()
    deadline = min(by, now + 2.0)  # it is only a hint
    if now >= deadline:
        return False
    event = await found_at_once(session, events.get_route(run_id), deadline)
    if event is None:
        return False
    error.advice = errors.Advice(
        "This is the id of an event; its runs: {}.",
        (errors.NextCall("events.runs", (run_id,)),),
    )
    return True


def explain_event_id(
    plan: Callable[Concatenate[Session, str, P], Plan[T]],
) -> Callable[Concatenate[Session, str, P], Plan[T]]:
    """Return a plan about a run whose "not found" says if the id is that of an event."""

    async def explained(
        session: Session,
        run_id: str,
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        run_id = check_id("run id", run_id, argument="id")
        try:
            return await plan(session, run_id, *args, **kwargs)
        except errors.NotFoundError as error:
            await note_event_id(session, error, run_id)
            raise

    return explained


async def cancel(session: Session, run_id: str) -> bool:
    """Cancel a run; return False if v2 responds that it had ended, which v1 does not report."""
    about = About(run_id, "runId")
    by_v2 = Route.of(v2.cancel_run_v2, no_result, run_id, about=about)
    post = by_v2.operation
    how = errors.Advice(
        "A server that stores in PostgreSQL answers DELETE /v1/runs/{run_id} with 404 for "
        f"every run; {post.method} {post.path} cancels there, since release {post.since}."
    )
    advice: AdviceByError = {errors.NotFoundError: how}
    by_v1 = Route.of(v1.cancel_run_v1, no_result, run_id, advice=advice)
    try:
        await routes.ask_first(session, "runs.cancel", by_v2, by_v1)
    except (errors.ConflictError, errors.BadRequestError) as error:
        if error.code not in {"run_already_cancelled", "run_already_ended"}:
            raise
        return False
    return True
