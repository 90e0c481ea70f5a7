"""Bulk jobs on runs, selected by ids, a filter or a report; and the one that cancels them."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import islice
from typing import TYPE_CHECKING, ClassVar

from attrs import frozen

from inngest_rest._core.actions.reported import (
    BulkArguments,
    BulkResult,
    ReportedJob,
    failure,
    settled,
)
from inngest_rest._core.arguments import check_count_or_none, check_run_id, invalid
from inngest_rest._core.calls.server_clock import SAME_WITHIN
from inngest_rest._core.resources import runs
from inngest_rest._core.resources.filters import check_statuses
from inngest_rest._visible import shown
from inngest_rest.action_reports import ActionOutcome, ActionRow
from inngest_rest.errors import Advice, InngestError, InvalidArgumentError, RouteNotFoundError
from inngest_rest.models import UNFINISHED

if TYPE_CHECKING:
    from typing import Unpack

    from inngest_rest._core.calls.listing import Listing, Walk
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.models import Page, Run, RunStatus
    from inngest_rest.typing import StatusFilter

_FILTERS = ("status", "app", "function", "since", "until")


class RunArguments(BulkArguments):
    """The arguments of every job on runs, as given by the caller."""

    status: StatusFilter | None
    app: str | None
    function: str | None
    since: datetime | timedelta | None
    until: datetime | timedelta | None
    limit: int | None


@frozen
class _RunFilter:
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


class RunsJob(ReportedJob):
    """A bulk job on runs.

    Args:
        session: The session whose settings and clock apply.
        ids: The runs' ids.
        arguments: A filter, or a report to resume from, and options.

    Attributes:
        name: The operation, for the report.
        default_status: The statuses to list if there is another filter.

    Raises:
        InvalidArgumentError: Nothing selects runs, or more than one way does.
    """

    name: ClassVar[str]
    default_status: ClassVar[StatusFilter]

    def __init__(
        self, session: Session, ids: Iterable[str] | None, **arguments: Unpack[RunArguments]
    ) -> None:
        super().__init__(session, self.name, arguments)
        self.check_status(check_statuses(arguments["status"]))
        self._limit = check_count_or_none("limit", arguments["limit"])
        self._filter: _RunFilter | None = None
        given = [name for name in _FILTERS if dict(arguments)[name] is not None]
        resume = arguments["resume"]
        ways = [
            *(["ids"] if ids is not None else []),
            *(["resume"] if resume is not None else []),
            *(["/".join(given)] if given else []),
        ]
        if len(ways) > 1:
            raise InvalidArgumentError(
                f"{' and '.join(ways)} exclude each other: pass one of them", argument=ways[0]
            )
        if resume is not None:
            self.resume(resume)
            for row in (row for row in self.rows if row.is_open):
                # It may come from a file: an id is never None here, nor anything but an id.
                check_run_id(f"resume: the id of row {row.position}", row.id, argument="resume")  # type: ignore[arg-type] # pyright: ignore[reportArgumentType]
        elif ids is not None:
            self.rows = _check_ids(ids, self._limit)
        elif given:
            self._filter = self._check_filter(arguments)
        else:
            raise InvalidArgumentError(
                "nothing selects runs: pass ids, or a filter (status, app, function, since, "
                "until); there is no way to act on every run of a server by accident"
            )

    @abstractmethod
    def check_status(self, statuses: Iterable[RunStatus]) -> None:
        """Reject statuses of runs that the job cannot act on."""

    def keep(self, run: Run) -> None:
        """Remember what the job needs of a listed run."""

    def collect(self) -> Plan[Iterable[ActionRow]]:
        """Return the open rows; a filter is listed to its end first, so the set cannot grow."""
        if self._filter is not None:
            yield from self._list(self._filter)
        return islice((yield from super().collect()), self._limit)

    def _check_filter(self, arguments: RunArguments) -> _RunFilter:
        status = arguments["status"]
        selected = _RunFilter(
            check_statuses(self.default_status if status is None else status),
            arguments["app"],
            arguments["function"],
            _check_window("since", arguments["since"]),
            _check_window("until", arguments["until"]),
            arguments["limit"],
            self.session.clock.now(),
        )
        self._listing(selected)  # its arguments are checked before anything is sent
        return selected

    def _list(self, selected: _RunFilter) -> Plan[None]:
        """Add a row for each run that a filter selects."""
        seen: set[str] = set()
        walk, page = yield from self._first_page(selected)
        while True:
            for run in page.items:
                if run.id not in seen:
                    seen.add(run.id)
                    self.rows.append(ActionRow(len(self.rows), run.id))
                    self.keep(run)
            if walk.is_done:
                break
            page = yield from walk.next_page()

    def _first_page(self, selected: _RunFilter) -> Plan[tuple[Walk[Run], Page[Run]]]:
        """Fetch the first page; again if its response shows that a relative window was wrong."""
        clocks = self.session.server_clocks
        while True:
            ahead = clocks["api"].ahead
            walk = self._listing(selected).walk()
            try:
                page = yield from walk.next_page()
            except RouteNotFoundError as error:
                error.advice += Advice("Then pass the ids of the runs instead of a filter.")
                raise
            moved = abs(clocks["api"].ahead - ahead)
            if moved <= SAME_WITHIN or not selected.is_relative:
                since, until = self._window(selected)
                self.window = since, until or clocks["api"].at(selected.made_at)
                return walk, page

    def _listing(self, selected: _RunFilter) -> Listing[Run]:
        since, until = self._window(selected)
        return runs.list_runs(
            self.session,
            status=selected.status,
            app=selected.app,
            function=selected.function,
            since=since,
            until=until,
            include_output=False,
            limit=selected.limit,
            page_size=None,
            cursor=None,
        )

    def _window(self, selected: _RunFilter) -> tuple[datetime | None, datetime | None]:
        return (
            self._instant("since", selected.since, selected),
            self._instant("until", selected.until, selected),
        )

    def _instant(
        self, name: str, value: datetime | timedelta | None, selected: _RunFilter
    ) -> datetime | None:
        """Return the instant that a timedelta before now is; a datetime is returned as it is."""
        if not isinstance(value, timedelta):
            return value
        try:
            return self.session.server_clocks["api"].at(selected.made_at) - value
        except OverflowError:
            raise invalid(name, f"is too long ago: {value}") from None


class CancelJob(RunsJob):
    """Cancels runs."""

    name = "runs.cancel"
    default_status = UNFINISHED

    def check_status(self, statuses: Iterable[RunStatus]) -> None:
        """Reject the statuses of runs that have ended."""
        ended = [each for each in statuses if each not in UNFINISHED]
        if ended:
            raise InvalidArgumentError(
                f"status {ended[0].value!r} is of runs that have ended", argument="status"
            )

    def act(self, target: ActionRow) -> Plan[BulkResult]:
        """Cancel a run."""
        if self.dry_run:
            return BulkResult(settled(target, ActionOutcome.PLANNED))
        assert target.id is not None
        self.begin(target)
        try:
            was_running = yield from runs.cancel_if_running(self.session, target.id)
        except InngestError as error:
            return failure(target, error)
        outcome = ActionOutcome.DONE if was_running else ActionOutcome.ALREADY_ENDED
        return BulkResult(settled(target, outcome))


def _check_ids(ids: Iterable[str], limit: int | None) -> list[ActionRow]:
    """Return the rows of the ids, without repeats; an error names the position."""
    if isinstance(ids, str | bytes) or not isinstance(ids, Iterable):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise invalid("ids", f"must be an iterable of run ids, not {shown(ids)}")
    unique = dict.fromkeys(
        check_run_id(f"ids[{at}]", each, argument="ids") for at, each in enumerate(ids)
    )
    return [ActionRow(position, id) for position, id in enumerate(islice(unique, limit))]


def _check_window(name: str, value: datetime | timedelta | None) -> datetime | timedelta | None:
    if isinstance(value, timedelta) and value <= timedelta():
        raise invalid(name, "must be a positive timedelta")
    return value
