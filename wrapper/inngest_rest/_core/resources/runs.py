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
from inngest_rest._arguments import check_choice
from inngest_rest._core.arguments import check_id
from inngest_rest._core.calls.listing import (
    ListedPage,
    Listing,
    PageRequest,
    Place,
    read_all,
)
from inngest_rest._core.calls.local_filter import MOST_RUNS, LocalFilter
from inngest_rest._core.calls.operation import first_present, redacted_url
from inngest_rest._core.calls.route import V2_ROOT_BEFORE_1_26, About, Route, nothing
from inngest_rest._core.clock import whole_milliseconds
from inngest_rest._core.resources import apps, events, fields, routes
from inngest_rest._core.resources.filters import Selection
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
from inngest_rest.models import Run, RunStatus
from inngest_rest.typing import RunOrder, StatusName
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Callable

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

    With `also_v1`, v1 is asked for runs with their output as well, which its lists always have.

    The window and the order may be about when runs last changed: when they ended, or before that
    when they were scheduled (schema V2TimeField).
    """
    selection = selection.narrowed()
    check_choice("order", order, get_args(RunOrder))
    is_ascending = order == "oldest"
    of_pages = _pages_of_v2(
        selection, include_output, is_ascending=is_ascending, by_change=by_change
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
        guard=None if selection.query is None else partial(_check_has_queries, session),
        local_filter=filter_here if selection.evaluated_here else None,
        about=f"runs with {selection}",
        explain=partial(why_none, session, selection),
        kind=Run,
        **paging,
    )


def local_filter(
    session: Session, selection: Selection, *, is_bounded: bool = True
) -> LocalFilter[Run]:
    """Return the filter for that part of a selection which servers do not filter by."""

    def read_event(id: str, deadline: float) -> Plan[StoredEvent]:
        return routes.ask_first(
            session, "events.get", events.get_route(id), deadline=deadline
        )

    return LocalFilter(
        matches=selection.match,
        where=selection.where,
        values=_variables_of,
        argument=selection.evaluated_here[0],
        narrowed_by="since and until, app or status",
        most_read=MOST_RUNS if is_bounded else None,
        event_ids=attrgetter("event_ids"),
        read_event=read_event,
    )


def _variables_of(run: Run) -> dict[str, Any]:
    """Return what an expression sees of a run: its output and its error are variables, too."""
    variables = {"output": run.output, "error": run.error and run.error.to_dict()}
    values = {
        field.name: getattr(run, field.name)
        for field in attrs_fields(Run)
        if field.name not in variables
    }
    values |= {"status": str(run.status), "event_ids": [*run.event_ids]}
    return {**variables, "run": values}


def function_of(run: Run) -> str:
    return "/".join(
        filter(None, (run.app_id, run.function_id or run.internal_function_id))
    )


def why_none(session: Session, selection: Selection) -> Plan[str]:
    """Return which app or function that is named does not exist, and the nearest that does."""
    app, function = selection.names.exact
    try:
        if app is None:
            return ""
        yield from apps.check_app(session, app)
        ids = [
            each.id for each in (yield from read_all(apps.list_functions(session, app)))
        ]
        if function is not None and function not in ids:
            return f"app {app} has no function {shown(function)}{did_you_mean(function, ids)}"
    except errors.InngestError as error:  # it is a hint
        return error.message if isinstance(error, errors.NotFoundError) else ""
    return ""


def _check_has_queries(session: Session, deadline: float) -> Plan[None]:
    """Raise if the server ignores queries, and so would list every run.

    It is asked for the runs of what is no expression, which fails if it is read at all.
    """

    def convert(answer: object) -> None:
        if not isinstance(answer, api.V2Errors):
            url = session.settings.api_url + route.operation.path
            raise errors.RouteNotFoundError(
                "it ignores query", status=200, method="GET", url=url
            )

    advice = routes.where_absent("Pass it as where instead, which is evaluated here.")
    route = Route.of(
        v2.list_runs_v2,
        convert,
        query={"limit": 1, "query": "("},
        accepted={422: api.V2Errors},
        advice=advice,
    )
    operation = route.operation._replace(
        name="list_runs_v2_query", path="/v2/runs?query=", since="1.45.0"
    )
    route = evolve(route, operation=operation)
    if not session.absent.has_queries:
        yield from first_present(session, route, deadline=deadline)
        session.absent.has_queries = True


def _pages_of_v1(selection: Selection) -> PageRoutes[Run]:
    """Return the routes of v1, if it has all filters of a selection.

    It ignores unknown ones, and would return runs that were not requested; no server of v1 has been
    seen to list runs, with or without their output.
    """
    statuses = selection.statuses
    is_of_one_status = selection == Selection(statuses=statuses[:1])
    if not is_of_one_status or not {*api.V1RunStatusFilter}.issuperset(statuses):
        return {}
    status = api.V1RunStatusFilter(statuses[0]) if statuses else UNSET
    read = partial(fields.v1_page, id_of=ID_OF)
    return routes.page_routes(
        v1.list_runs_v1,
        listed_run_of_v1,
        query={"status": status},
        row=V1RunRow,
        read=read,
    )


def _pages_of_v2(
    selection: Selection, include_output: bool, *, is_ascending: bool, by_change: bool
) -> PageRoutes[Run]:
    app_ids, function_ids = selection.names.ids
    include_output = include_output or selection.needs_output
    window, is_by_end = selection.window, selection.by_end or by_change
    if selection.by_end:
        window = _with_grace_period(selection.ended)

    def read(it: PageData[Run], asked: PageRequest) -> ListedPage[Run]:
        return checked_page(fields.v2_page(it, asked), *selection.names.exact)

    return routes.page_routes(
        v2.list_runs_v2,
        listed_run_of_v2,
        query={
            "order": api.V2Order.ASC if is_ascending else UNSET,
            "time_field": api.V2TimeField.ENDEDAT if is_by_end else UNSET,
            "status": [api.V2RunStatus(each.upper()) for each in selection.statuses],
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
    """Return a window of ends as servers have them: of a cancelled run, later than it is."""
    until = ended.until
    if until is None:
        return ended
    is_ago = isinstance(until, timedelta)
    return evolve(ended, until=until - GRACE_PERIOD if is_ago else until + GRACE_PERIOD)


def _ended_within(ended: Window, run: Run, now: datetime) -> bool:
    """Return whether a run ended in a window."""
    since, until = ended.ends(now)
    if run.ended_at is None or (
        since is not None and run.ended_at < whole_milliseconds(since)
    ):
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
    if unknown := [each for each in selection.statuses if each not in known]:
        text = f"Not every server has {', '.join(unknown)}. Known statuses: {', '.join(known)}."
        advice[errors.BadRequestError] = errors.Advice(text)
    if selection.query is not None:
        # Advice names calls in place of {}.
        text = (
            f"The query is {shown(selection.query).replace('{}', '{ }')}: servers understand "
            "comparisons of a field with a text, a number, true, false or null, joined by && and "
            "||, without functions or negative numbers."
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
    """Return where a cursor is, and in a listing by the time of scheduling also that time.

    Servers order runs by that, which is later than the time in an id. Of another order, or where
    cursors are others, windows stay as they are.
    """
    try:
        text = base64.b64decode(cursor, validate=True)
        position = msgspec.json.decode(text, type=_Position)
        key = position.c.start_time
        at = None if key is None else _EPOCH + timedelta(microseconds=key.v)
        return Place(position.id, at)
    except (ValueError, OverflowError, RecursionError):
        return None


def checked_page(
    page: ListedPage[Run], app: str | None = None, function: str | None = None
) -> ListedPage[Run]:
    """Return a page; refuse one with two runs of one id, or that another listing must have.

    Its statuses and times prove nothing: servers select runs by one query and read them by another,
    and a run may be scored or retried in between.
    """
    functions: dict[str, str] = {}
    for run in page.items:
        own = run.function_id or run.internal_function_id
        if own and functions.setdefault(run.id, own) != own:
            raise ValueError(f"it lists two runs with the id {run.id}")
        if run.status == UNKNOWN and not (run.queued_at or own):
            raise ValueError(f"it lists {run.id}, which is not a run")
        if _is_another(run.app_id, app) or _is_another(run.function_id, function):
            raise ValueError(f"it lists run {run.id} of {run.app_id}/{run.function_id}")
    return page


def _is_another(stated: str | None, requested: str | None) -> bool:
    return bool(stated and requested) and stated != requested


def get(session: Session, run_id: str, include_original_run_id: bool) -> Plan[Run]:
    run = yield from fetch(session, run_id)
    if include_original_run_id and not is_of_v1(run):
        return with_v1(
            run, (yield from routes.ask_first(session, "runs.get", route_by_v1(run_id)))
        )
    return run


def fetch(
    session: Session,
    run_id: str,
    *,
    deadline: float = math.inf,
    also_v1: bool = True,
    cached: bool = True,
) -> Plan[Run]:
    """Get a run from the first API that the server has, or from v1 if v2 cannot load it.

    With `also_v1`, v1 is asked about a run that v2 does not have. Unless `cached`, v1 does not
    respond from its cache, whose entries live for 3 s.
    """

    def convert(it: api.V2Run) -> Run:
        run = run_of_v2(it)
        if (
            session.absent.v2_root == V2_ROOT_BEFORE_1_26
            and run.function_id is not None
        ):
            # Such a release puts the app's id in front (recording 1.25-api-v2-run-echoes).
            return evolve(
                run, function_id=run.function_id.removeprefix(f"{run.app_id}-")
            )
        return run

    of_v1 = (
        route_by_v1(run_id)
        if cached
        else routes.past_cache(session, route_by_v1(run_id))
    )
    of_v2 = Route.of(
        v2.get_run_v2,
        convert,
        run_id,
        query={"include_output": True},
        about=About(run_id, "id"),
    )
    try:
        return (
            yield from routes.ask_first(
                session, "runs.get", of_v2, of_v1, deadline=deadline
            )
        )
    except errors.NotFoundError as error:
        if not also_v1 or error.url == redacted_url(session, of_v1):
            raise
        # v1 can load some runs that v2 cannot (recording v2-run-after-metadata).
        if run := (yield from found_at_once(session, of_v1, deadline)):
            return run
        raise


def route_by_v1(run_id: str) -> Route[Any, Run]:
    return Route.of(v1.get_run_v1, run_of_v1, run_id, about=About(run_id, "run_id"))


def is_of_v1(run: Run) -> bool:
    """Return whether v1 responded with this run, which then has all that v1 alone has."""
    return run.internal_function_id is not None


def with_v1(run: Run, of_v1: Run) -> Run:
    """Return a run of v2 with what v1 alone has of it, its exact output included."""
    is_same = run.status == of_v1.status == RunStatus.COMPLETED
    return evolve(
        run,
        internal_function_id=of_v1.internal_function_id,
        original_run_id=of_v1.original_run_id,
        output=of_v1.output if is_same else run.output,
    )


def found_at_once(
    session: Session, route: Route[Any, T], deadline: float
) -> Plan[T | None]:
    """Ask a route once, for a hint; return None if the server lacks it, or it fails."""
    if session.absent.has(route.operation, session.clock.monotonic()):
        return None
    try:
        once = evolve(route, repeatable=False)
        return (yield from first_present(session, once, deadline=deadline))
    except errors.InngestError:
        return None


def explain_event_id(
    plan: Callable[Concatenate[Session, str, P], Plan[T]], *, by: float = math.inf
) -> Callable[Concatenate[Session, str, P], Plan[T]]:
    """Return a plan about a run that says, if there is no such run, whether the id is an event's.

    `send` returns ids of events. It has to be found out by a time of the session's clock.
    """

    def explained(
        session: Session, run_id: str, /, *args: P.args, **kwargs: P.kwargs
    ) -> Plan[T]:
        run_id = check_id("run id", run_id, argument="id")
        try:
            return (yield from plan(session, run_id, *args, **kwargs))
        except errors.NotFoundError as error:
            now = session.clock.monotonic()
            deadline = min(by, now + 2.0)  # it is only a hint
            if now < deadline and (
                yield from found_at_once(session, events.get_route(run_id), deadline)
            ):
                error.advice = errors.Advice(
                    "This is the id of an event; its runs: {}.",
                    (errors.NextCall("events.runs", (run_id,)),),
                )
            raise

    return explained


def cancel(session: Session, run_id: str) -> Plan[bool]:
    """Cancel a run, and return False if v2 responds that it had ended; v1 does not tell."""
    by_v2 = Route.of(v2.cancel_run_v2, nothing, run_id, about=About(run_id, "runId"))
    post = by_v2.operation
    advice = errors.Advice(
        "A server that stores in PostgreSQL answers DELETE /v1/runs/{run_id} with 404 for "
        f"every run; {post.method} {post.path} cancels there, since release {post.since}."
    )
    by_v1 = Route.of(
        v1.cancel_run_v1, nothing, run_id, advice={errors.NotFoundError: advice}
    )
    try:
        yield from routes.ask_first(session, "runs.cancel", by_v2, by_v1)
    except (errors.ConflictError, errors.BadRequestError) as error:
        if error.code not in {"run_already_cancelled", "run_already_ended"}:
            raise
        return False
    return True
