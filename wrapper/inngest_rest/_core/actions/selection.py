"""Which runs a bulk operation acts on: ids in hand, a filter, or what a report leaves to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from itertools import islice, repeat
from typing import TYPE_CHECKING

from attrs import frozen

from inngest_rest._core.actions.action import Collected, OptionArguments
from inngest_rest._core.actions.kept_runs import KeptRuns
from inngest_rest._core.actions.ledger import Ledger
from inngest_rest._core.arguments import check_count_or_none, check_run_id
from inngest_rest._core.calls.server_clock import SAME_WITHIN
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import check_statuses
from inngest_rest._packed_ids import PackedIdSet
from inngest_rest._visible import shown
from inngest_rest.action_reports import ActionOutcome, ActionReport, ActionRow
from inngest_rest.errors import InvalidArgumentError, RouteNotFoundError
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.actions.kept_runs import KeptRun
    from inngest_rest._core.calls.listing import Listing, Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.action_reports import ActionRows
    from inngest_rest.models import Page, Run
    from inngest_rest.typing import StatusFilter

Resumable = ActionReport | Mapping[str, object]

# What a second call tries; the other outcomes are settled.
_OPEN = frozenset(
    {
        ActionOutcome.PLANNED,
        ActionOutcome.FAILED,
        ActionOutcome.UNKNOWN,
        ActionOutcome.NOT_TRIED,
    }
)


UNFINISHED = (RunStatus.QUEUED, RunStatus.RUNNING)

_FILTERS = ("status", "app", "function", "since", "until")


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
        rows = check_report(resume, action).rows
        for row in filter(is_open, rows):
            # It may come from a file: an id is never None here, nor anything but an id.
            check_run_id(f"resume: the id of row {row.position}", row.id)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        return lambda: _remaining(rows, limit)
    if ids is not None:
        ledger = _check_ids(ids, limit)
        return lambda: _named(ledger)
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
    return lambda: _listed(session, selected, KeptRuns() if keep_runs else None)


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


def is_open(row: ActionRow) -> bool:
    """Return whether a second call tries what the row is about."""
    return row.outcome in _OPEN


def new_row(position: int, run_id: str | None) -> ActionRow:
    """Return the row of what was not tried yet."""
    return ActionRow(position, run_id, ActionOutcome.NOT_TRIED)


def with_reason(row: ActionRow, outcome: ActionOutcome, reason: str | None = None) -> ActionRow:
    """Return a row with an outcome, and the reason for it."""
    # Ten times as fast as evolve, which counts for a hundred thousand rows.
    return ActionRow(row.position, row.id, outcome, row.new_run_id, reason, row.replays_before)


def _remaining(rows: ActionRows, limit: int | None) -> Plan[Collected[RunTarget]]:
    yield from ()
    return Collected(Ledger(rows), islice(map(RunTarget, filter(is_open, rows)), limit))


def _named(ledger: Ledger) -> Plan[Collected[RunTarget]]:
    yield from ()
    return Collected(ledger, map(RunTarget, ledger))


def _listed(
    session: Session, selected: RunFilter, kept: KeptRuns | None
) -> Plan[Collected[RunTarget]]:
    """List the runs to their end before the first act, so that the set cannot grow under it."""
    ledger, seen = Ledger(), PackedIdSet()
    walk, page = yield from _first_page(session, selected)
    while True:
        for run in page.items:
            if seen.add(run.id):
                ledger.put(new_row(len(ledger), run.id))
                if kept is not None:
                    kept.add(run)
        if walk.is_done:
            break
        page = yield from walk.next_page()
    return Collected(ledger, map(RunTarget, ledger, repeat(None) if kept is None else kept))


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


def _check_ids(ids: Iterable[str], limit: int | None) -> Ledger:
    """Return the rows of the ids, without repeats; an error names the position."""
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgumentError(f"ids must be an iterable of run ids, not {shown(ids)}")
    ledger, seen = Ledger(), PackedIdSet()
    for at, each in enumerate(ids):
        is_new = seen.add(check_run_id(f"ids[{at}]", each))
        if is_new and (limit is None or len(ledger) < limit):
            ledger.put(new_row(len(ledger), each))
    return ledger


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
