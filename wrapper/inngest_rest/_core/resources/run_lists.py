"""Lists of runs: by v2, or by v1; filtered by the server and here; and why one is empty."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any, Unpack, get_args

from attrs import evolve
from attrs import fields as attrs_fields

from inngest_rest import errors
from inngest_rest._core.calls.listing import Listing
from inngest_rest._core.calls.local_filter import MOST_RUNS, LocalFilter
from inngest_rest._core.resources import events, fields, routes, run_filters
from inngest_rest._core.resources.filters import PAUSED, Selection
from inngest_rest._core.resources.names import check_names
from inngest_rest._core.resources.run_rows import (
    GRACE_PERIOD,
    UNKNOWN,
    V1RunRow,
    V2RunRow,
    listed_run_of_v1,
    listed_run_of_v2,
)
from inngest_rest._local.arguments import check_choice
from inngest_rest._values.visible import shown
from inngest_rest.models import Run
from inngest_rest.typing import RunOrder, StatusName
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest._core.calls.listing import ListedPage, PageRequest
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
        selection,
        statuses,
        include_output=include_output,
        is_ascending=is_ascending,
        by_change=by_change,
    )
    if not is_ascending and (also_v1 or not include_output):
        of_pages |= _pages_of_v1(selection)
    filter_here = partial(local_filter, session, selection, is_bounded=is_bounded)
    filters_here = selection.ended or selection.evaluated_here
    return Listing(
        session=session,
        routes=routes.in_order("runs.list", of_pages),
        id_of=ID_OF,
        is_relative=selection.is_relative,
        guard=partial(_prepare, session, selection, statuses),
        local_filter=filter_here if filters_here else None,
        about=f"runs with {selection}",
        explain=partial(_why_none, session, selection),
        kind=Run,
        **paging,
    )


def local_filter(
    session: Session, selection: Selection, now: datetime, *, is_bounded: bool = True
) -> LocalFilter[Run]:
    """Return the filter for the part of a selection that servers do not support.

    A comparison of ends alone reads any number of runs.
    """
    evaluated_here = selection.evaluated_here

    def read_event(event_id: str, deadline: float) -> Plan[StoredEvent]:
        route = events.get_route(event_id)
        return routes.ask_first(session, "events.get", route, deadline=deadline)

    return LocalFilter(
        matches=partial(selection.match, now=now),
        where=selection.where,
        values=_variables_of,
        argument=evaluated_here[0] if evaluated_here else "",
        narrowed_by="since and until, app or status",
        most_read=MOST_RUNS if is_bounded and evaluated_here else None,
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


async def _why_none(session: Session, selection: Selection) -> str:
    """Return why a selection found nothing: a name that does not exist, or what is kept."""
    unknown = await _unknown_name(session, selection)
    why = unknown or _beyond_history(session, selection)
    gap = ""
    if selection.are_open and session.absent.filters_by_paused is False:
        gap = f"not asked for, as the server does not filter by it: {PAUSED.value}"
    return "; ".join(filter(None, (why, gap)))


async def _unknown_name(session: Session, selection: Selection) -> str:
    """Return which of the selected app and function does not exist, with the nearest name."""
    try:
        await check_names(session, selection.names)
    except errors.NotFoundError as error:
        return error.message
    return ""


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


async def _prepare(
    session: Session,
    selection: Selection,
    statuses: list[api.V2RunStatus],
    deadline: float,
) -> None:
    """Find out what the server filters by, before the first page; complete the statuses."""
    if selection.query is not None:
        await run_filters.check_has_queries(session, deadline)
    if selection.are_open and await run_filters.filters_by_paused(session, deadline):
        asked = (*selection.statuses, PAUSED)
        statuses[:] = [api.V2RunStatus(name.upper()) for name in asked]


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
        if not is_by_end:
            page = page._replace(place=_place_of(page.items))
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


def _place_of(runs: tuple[Run, ...]) -> datetime | None:
    """Return the time to which a page has come: the latest at which one of its runs was queued.

    Runs are listed by the time of scheduling, which is that of queueing and 20 ms more at the most
    on the servers that were recorded (recording v2-runs-list). From `oldest` on, the last run was
    scheduled after the latest such time. From `newest` on, it was before it, or within the margin
    of `Window.behind`: also if a run was scheduled later than that, unless all of the page were.
    """
    times = [run.queued_at for run in runs if run.queued_at is not None]
    return max(times, default=None)


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
