"""Which runs a bulk operation acts on: ids in hand, a filter, or what a report leaves to do."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from itertools import islice, repeat
from typing import TYPE_CHECKING

from attrs import evolve, frozen

from inngest_rest._core.actions.action import Collected, OptionArguments
from inngest_rest._core.actions.ledger import Ledger
from inngest_rest._core.arguments import check_count, check_id
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import check_statuses
from inngest_rest._packed_ids import PackedIdSet
from inngest_rest.action_reports import ActionOutcome, ActionReport, ActionRow
from inngest_rest.errors import InvalidArgumentError, RouteNotFoundError
from inngest_rest.models import RunStatus

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._core.calls.listing import Listing
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.action_reports import ActionRows
    from inngest_rest.models import Run
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
        run: The run as it was listed; None if only its id is known.
    """

    row: ActionRow
    run: Run | None = None


@frozen
class RunFilter:
    """A filter of runs; a window relative to now is fixed to an instant when it is made."""

    status: StatusFilter
    app: str | None
    function: str | None
    since: datetime | None
    until: datetime | None
    limit: int | None


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
    keep_run: Callable[[Run], Run] | None = None,
) -> Callable[[], Plan[Collected[RunTarget]]]:
    """Validate what selects the runs, and return the plan that collects them.

    Args:
        session: The session whose settings and clock apply.
        action: The action of the report; one to resume must have the same.
        ids: The runs' ids.
        arguments: A filter, or a report to resume from.
        default_status: The statuses to list if there is another filter.
        keep_run: Returns what to remember of a listed run; by default its id alone is.

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
    check_count("limit", limit)
    if resume is not None:
        rows = check_report(resume, action).rows
        for row in filter(is_open, rows):
            # It may come from a file: an id is never None here, nor anything but an id.
            check_id(f"resume: the id of row {row.position}", row.id)  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
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
        _instant("since", arguments["since"], session),
        _instant("until", arguments["until"], session),
        limit,
    )
    _listing(session, selected)  # its arguments are checked before anything is sent
    return lambda: _listed(session, selected, keep_run)


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
    return evolve(row, outcome=outcome, reason=reason)


def _remaining(rows: ActionRows, limit: int | None) -> Plan[Collected[RunTarget]]:
    yield from ()
    return Collected(Ledger(rows), islice(map(RunTarget, filter(is_open, rows)), limit))


def _named(ledger: Ledger) -> Plan[Collected[RunTarget]]:
    yield from ()
    return Collected(ledger, map(RunTarget, ledger))


def _listed(
    session: Session, selected: RunFilter, keep_run: Callable[[Run], Run] | None
) -> Plan[Collected[RunTarget]]:
    """List the runs to their end before the first act, so that the set cannot grow under it."""
    ledger, seen = Ledger(), PackedIdSet()
    kept: list[Run] = []
    walk = _listing(session, selected).walk()
    while not walk.is_done:
        try:
            page = yield from walk.next_page()
        except RouteNotFoundError as error:
            error.advice += " Then pass the ids of the runs instead of a filter."
            raise
        for run in page.items:
            if seen.add(run.id):
                ledger.put(new_row(len(ledger), run.id))
                if keep_run is not None:
                    kept.append(keep_run(run))
    return Collected(ledger, map(RunTarget, ledger, kept if keep_run else repeat(None)))


def _listing(session: Session, selected: RunFilter) -> Listing[Run]:
    return runs.list_runs(
        session,
        status=selected.status,
        app=selected.app,
        function=selected.function,
        since=selected.since,
        until=selected.until,
        include_output=False,
        limit=selected.limit,
        page_size=None,
        cursor=None,
    )


def _check_ids(ids: Iterable[str], limit: int | None) -> Ledger:
    """Return the rows of the ids, without repeats; an error names the position."""
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise InvalidArgumentError(f"ids must be an iterable of run ids, not {ids!r}")
    ledger, seen = Ledger(), PackedIdSet()
    for at, each in enumerate(ids):
        is_new = seen.add(check_id(f"ids[{at}]", each))
        if is_new and (limit is None or len(ledger) < limit):
            ledger.put(new_row(len(ledger), each))
    return ledger


def _instant(name: str, value: datetime | timedelta | None, session: Session) -> datetime | None:
    """Return the instant that a timedelta before now is; a datetime is returned as it is."""
    if not isinstance(value, timedelta):
        return value
    if value <= timedelta():
        raise InvalidArgumentError(f"{name} must lie in the past: a positive timedelta")
    try:
        return datetime.fromtimestamp(session.clock.now(), UTC) - value
    except OverflowError:
        raise InvalidArgumentError(f"{name} is too long ago: {value}") from None
