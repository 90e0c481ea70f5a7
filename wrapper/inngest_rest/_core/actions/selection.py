"""Which runs a bulk operation acts on: ids in hand, a filter, or what a report leaves to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, Self

from attrs import frozen

from inngest_rest._core.actions.action import Collected, OptionArguments
from inngest_rest._core.arguments import check_count_or_none, check_run_id
from inngest_rest._core.calls.server_clock import SAME_WITHIN
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import check_statuses
from inngest_rest._visible import shown
from inngest_rest.action_reports import ActionOutcome, ActionReport, ActionRow
from inngest_rest.errors import InvalidArgumentError, RouteNotFoundError
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.calls.listing import Listing, Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Page, Run
    from inngest_rest.typing import StatusFilter

Resumable = ActionReport | Mapping[str, object]

UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING)

_FILTERS = ("status", "app", "function", "since", "until")


@frozen
class KeptRun:
    """What matters of a run, beside its id, to whoever replays it.

    Attributes:
        event_id: The event that started it; None for one without.
        function: Its app and function, None where the route does not have them.
        is_ended: Whether it has ended.
        is_of_batch: Whether it handled a batch of events.
    """

    event_id: str | None
    function: tuple[str | None, str | None]
    is_ended: bool
    is_of_batch: bool

    @classmethod
    def of(cls, run: Run) -> Self:
        """Return what matters of a run."""
        return cls(
            next(iter(run.event_ids), None),
            (run.app_id, run.function_id),
            run.is_ended,
            run.batch_id is not None,
        )


@frozen
class RunTarget:
    """A run to act on.

    Attributes:
        row: Its row in the report so far.
        run: What was kept of the run as it was listed; None if only its id is known.
    """

    row: ActionRow
    run: KeptRun | None = None


@frozen
class RunFilter:
    """A filter of runs.

    Attributes:
        made_at: When it was made, by our clock: what a relative window is relative to.
    """

    status: StatusFilter
    app: str | None
    function: str | None
    since: datetime | timedelta | None
    until: datetime | timedelta | None
    limit: int | None
    made_at: float

    @property
    def is_relative(self) -> bool:
        """Whether its window is relative to now."""
        return any(isinstance(each, timedelta) for each in (self.since, self.until))


class RunArguments(OptionArguments):
    """What selects the runs of a bulk operation, and its options, as the caller gave them."""

    resume: Resumable | None
    status: StatusFilter | None
    app: str | None
    function: str | None
    since: datetime | timedelta | None
    until: datetime | timedelta | None
    limit: int | None


def check_selection(
    session: Session,
    action: str,
    ids: Iterable[str] | None,
    arguments: RunArguments,
    *,
    default_status: StatusFilter,
    keep_runs: bool = False,
) -> Callable[[], Plan[Collected[RunTarget]]]:
    """Validate what selects the runs, and return the plan that collects them.

    Args:
        session: The session whose settings and clock apply.
        action: The action of the report; one to resume must have the same.
        ids: The runs' ids.
        arguments: A filter, or a report to resume from.
        default_status: The statuses to list if there is another filter.
        keep_runs: Whether to remember more of a listed run than its id.

    Raises:
        InvalidArgumentError: Nothing selects runs, or more than one way does.
    """
    resume, limit = arguments["resume"], arguments["limit"]
    filters = dict(arguments)
    given = [name for name in _FILTERS if filters[name] is not None]
    ways = [
        *(["ids"] if ids is not None else []),
        *(["resume"] if resume is not None else []),
        *(["/".join(given)] if given else []),
    ]
    if len(ways) > 1:
        raise InvalidArgumentError(f"{' and '.join(ways)} exclude each other: pass one of them")
    check_count_or_none("limit", limit)
    if resume is not None:
        rows = list(check_report(resume, action).rows)
        for row in (row for row in rows if row.is_open):
            # It may come from a file: an id is never None here, nor anything but an id.
            check_run_id(f"resume: the id of row {row.position}", row.id)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        return lambda: _remaining(rows, limit)
    if ids is not None:
        named = _check_ids(ids, limit)
        return lambda: _named(named)
    if not given:
        raise InvalidArgumentError(
            "nothing selects runs: pass ids, or a filter (status, app, function, since, until); "
            "there is no way to act on every run of a server by accident"
        )
    status = arguments["status"]
    selected = RunFilter(
        check_statuses(default_status if status is None else status),
        arguments["app"],
        arguments["function"],
        _check_window("since", arguments["since"]),
        _check_window("until", arguments["until"]),
        limit,
        session.clock.now(),
    )
    _listing(session, selected)  # its arguments are checked before anything is sent
    return lambda: _listed(session, selected, keep_runs=keep_runs)


def check_report(resume: Resumable, action: str) -> ActionReport:
    """Return the report to resume from; reject that of another action."""
    try:
        report = resume if isinstance(resume, ActionReport) else ActionReport.from_dict(resume)
    except ValueError as error:
        raise InvalidArgumentError(f"resume: {error}") from None
    if report.action != action:
        raise InvalidArgumentError(
            f"resume is the report of {report.action}, which cannot be resumed by {action}"
        )
    return report


def with_reason(row: ActionRow, outcome: ActionOutcome, reason: str | None = None) -> ActionRow:
    """Return a row with an outcome, and the reason for it."""
    # Ten times as fast as evolve, which counts for a hundred thousand rows.
    return ActionRow(row.position, row.id, outcome, row.new_run_id, reason, row.replays_before)


def _remaining(rows: list[ActionRow], limit: int | None) -> Plan[Collected[RunTarget]]:
    yield from ()
    targets = (RunTarget(row) for row in rows if row.is_open)
    return Collected(rows, islice(targets, limit))


def _named(rows: list[ActionRow]) -> Plan[Collected[RunTarget]]:
    yield from ()
    return Collected(rows, map(RunTarget, rows))


def _listed(
    session: Session, selected: RunFilter, *, keep_runs: bool
) -> Plan[Collected[RunTarget]]:
    """List the runs to their end before the first act, so that the set cannot grow under it."""
    found: dict[str, KeptRun | None] = {}
    walk, page = yield from _first_page(session, selected)
    while True:
        for run in page.items:
            if run.id not in found:
                found[run.id] = KeptRun.of(run) if keep_runs else None
        if walk.is_done:
            break
        page = yield from walk.next_page()
    rows = [ActionRow(position, id) for position, id in enumerate(found)]
    return Collected(rows, map(RunTarget, rows, found.values()))


def _first_page(session: Session, selected: RunFilter) -> Plan[tuple[Walk[Run], Page[Run]]]:
    """Fetch the first page; again if its response shows that a relative window was wrong."""
    while True:
        ahead = session.server_clocks["api"].ahead
        walk = _listing(session, selected).walk()
        try:
            page = yield from walk.next_page()
        except RouteNotFoundError as error:
            error.advice += " Then pass the ids of the runs instead of a filter."
            raise
        moved = abs(session.server_clocks["api"].ahead - ahead)
        if moved <= SAME_WITHIN or not selected.is_relative:
            return walk, page


def _listing(session: Session, selected: RunFilter) -> Listing[Run]:
    return runs.list_runs(
        session,
        status=selected.status,
        app=selected.app,
        function=selected.function,
        since=_instant("since", selected.since, selected, session),
        until=_instant("until", selected.until, selected, session),
        include_output=False,
        limit=selected.limit,
        page_size=None,
        cursor=None,
    )


def _check_ids(ids: Iterable[str], limit: int | None) -> list[ActionRow]:
    """Return the rows of the ids, without repeats; an error names the position."""
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgumentError(f"ids must be an iterable of run ids, not {shown(ids)}")
    unique = dict.fromkeys(check_run_id(f"ids[{at}]", each) for at, each in enumerate(ids))
    return [ActionRow(position, id) for position, id in enumerate(islice(unique, limit))]


def _check_window(name: str, value: datetime | timedelta | None) -> datetime | timedelta | None:
    if isinstance(value, timedelta) and value <= timedelta():
        raise InvalidArgumentError(f"{name} must lie in the past: a positive timedelta")
    return value


def _instant(
    name: str, value: datetime | timedelta | None, selected: RunFilter, session: Session
) -> datetime | None:
    """Return the instant that a timedelta before now is; a datetime is returned as it is."""
    if not isinstance(value, timedelta):
        return value
    try:
        return session.server_clocks["api"].at(selected.made_at) - value
    except OverflowError:
        raise InvalidArgumentError(f"{name} is too long ago: {value}") from None
