"""One bulk operation: its targets are collected before the first act, then acted on one by one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, NamedTuple, Protocol, TypedDict, TypeVar

from attrs import evolve

from inngest_rest._core.arguments import check_count, check_count_or_none, check_seconds
from inngest_rest._core.calls.retry import names_a_pause
from inngest_rest._core.locks import Locked
from inngest_rest._core.pacing import Pacer
from inngest_rest._core.plans import Plan, sleep
from inngest_rest.action_reports import ActionOutcome, ActionReport, ActionRow
from inngest_rest.errors import (
    ApiError,
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    InngestError,
    InvalidArgumentError,
    InvalidResponseError,
    NotFoundError,
    PartialActionError,
    PermissionDeniedError,
    RouteNotFoundError,
    ServerError,
    TransportError,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.drivers.asynchronous import AsyncDriver
    from inngest_rest._core.drivers.blocking import Driver
    from inngest_rest.typing import Seconds

DEFAULT_IN_FLIGHT = 8
"""Default number of acts in work at a time."""

MAX_IN_FLIGHT = 64

# After one of these no later act can succeed either.
_HOPELESS = (
    AuthenticationError,
    ClosedError,
    ConfigurationError,
    PermissionDeniedError,
    RouteNotFoundError,
)

_ABANDONED = "abandoned before its response arrived"

# This many acts in a row that the server failed are an outage, not bad luck.
_OUTAGE = 10


class Target(Protocol):
    """What one act is about; its row says which, and what is known of it from before."""

    @property
    def row(self) -> ActionRow: ...


C = TypeVar("C", bound="Callable[..., object]")
J = TypeVar("J", bound=Target)


class Result(NamedTuple):
    """The outcome of one act, and the error that it ended with."""

    row: ActionRow
    cause: InngestError | None = None


class Begin(Protocol):
    """Notes that the request to act is about to be sent: from then on it may be done."""

    def __call__(self, row: ActionRow, /) -> None: ...


class Collected(NamedTuple, Generic[J]):
    """What a bulk operation is about.

    Attributes:
        rows: A row for each run or input, settled or not.
        targets: What to act on, in the order of the rows; made one by one.
    """

    rows: list[ActionRow]
    targets: Iterable[J]


class OptionArguments(TypedDict):
    """The options of every bulk operation, as the caller gave them."""

    dry_run: bool
    in_flight: int
    max_requests: int | None
    period: Seconds
    on_start: Callable[[ActionRow], object] | None
    on_result: Callable[[ActionRow], object] | None


class Options(NamedTuple):
    """Validated options of a bulk operation."""

    dry_run: bool
    in_flight: int
    pacer: Pacer
    on_start: Callable[[ActionRow], object] | None
    on_result: Callable[[ActionRow], object] | None


def check_options(session: Session, options: OptionArguments) -> Options:
    """Validate the options common to all bulk operations."""
    in_flight, max_requests = options["in_flight"], options["max_requests"]
    check_count("in_flight", in_flight, at_most=MAX_IN_FLIGHT)
    check_count_or_none("max_requests", max_requests)
    period = check_seconds("period", options["period"])
    return Options(
        dry_run=options["dry_run"],
        in_flight=in_flight,
        pacer=Pacer(max_requests, period, session.clock.monotonic),
        on_start=_check_callable("on_start", options["on_start"]),
        on_result=_check_callable("on_result", options["on_result"]),
    )


def _check_callable(name: str, value: C | None) -> C | None:
    if value is not None and not callable(value):
        raise InvalidArgumentError(f"{name} must be callable")
    return value


class Action(Generic[J]):
    """A bulk operation with validated arguments; it is run once.

    Args:
        name: What is done, for the report.
        collect: Returns what to act on, and the rows of everything, settled ones included.
        act: Acts on one target, and calls `begin` with its row before the request to do so is sent.
        options: The validated options.
        hopeless: Further errors after which no later act can succeed.
    """

    def __init__(
        self,
        name: str,
        collect: Callable[[], Plan[Collected[J]]],
        act: Callable[[J, Begin], Plan[Result]],
        options: Options,
        hopeless: tuple[type[InngestError], ...] = (),
    ) -> None:
        self._name = name
        self._hopeless = (*_HOPELESS, *hopeless)
        self._collect = collect
        self._act = act
        self._options = options

    def run(self, driver: Driver) -> ActionReport:
        """Collect and act; several acts run concurrently, in threads."""
        rows, targets = driver.run(self._collect())
        tally = self._tally(rows)
        try:
            driver.run_many(
                targets,
                lambda target: self._paced(target, tally.begin),
                tally.record,
                in_flight=self._options.in_flight,
            )
        except BaseException as error:
            tally.note(error)
            raise
        return tally.finish()

    async def run_async(self, driver: AsyncDriver) -> ActionReport:
        """Collect and act; several acts run concurrently, in tasks."""
        rows, targets = await driver.run(self._collect())
        tally = self._tally(rows)
        try:
            await driver.run_many(
                targets,
                lambda target: self._paced(target, tally.begin),
                tally.record,
                in_flight=self._options.in_flight,
            )
        except BaseException as error:
            tally.note(error)
            raise
        return tally.finish()

    def _tally(self, rows: list[ActionRow]) -> _Tally:
        return _Tally(self._name, rows, self._options, self._hopeless)

    def _paced(self, target: J, begin: Begin) -> Plan[Result]:
        pause = self._options.pacer.take()
        if pause:
            yield from sleep(pause)
        return (yield from self._act(target, begin))


class _Tally(Locked):
    """Notes what begins and what came of it, and detects when continuing is pointless."""

    def __init__(
        self,
        name: str,
        rows: list[ActionRow],
        options: Options,
        hopeless: tuple[type[InngestError], ...],
    ) -> None:
        super().__init__()
        self._name = name
        self._on_start = options.on_start
        self._on_result = options.on_result
        self._hopeless = hopeless
        self._rows = rows
        self._begun: dict[int, ActionRow] = {}
        self._failing = 0
        self._stopped_by: InngestError | None = None

    def begin(self, row: ActionRow) -> None:
        """Note, and tell, that the request to act on the row is about to be sent."""
        begun = evolve(row, outcome=ActionOutcome.UNKNOWN, reason=_ABANDONED)
        with self._lock:
            if self._on_start is not None:
                self._on_start(begun)
            self._begun[row.position] = begun

    def record(self, target: Target, result: Result | None) -> bool:
        """Add the result of an act, None if it was abandoned; return whether to continue."""
        begun = self._begun.pop(target.row.position, None)
        row, cause = result or Result(begun or _not_begun(target.row))
        self._rows[row.position] = row
        is_failing = isinstance(cause, ServerError | TransportError)
        self._failing = self._failing + 1 if is_failing else 0
        if isinstance(cause, self._hopeless) or names_a_pause(cause) or self._failing >= _OUTAGE:
            self._stopped_by = self._stopped_by or cause
        if self._on_result is not None:
            self._on_result(row)
        return self._stopped_by is None

    def finish(self) -> ActionReport:
        """Return the report, or raise it with the error that stopped the operation."""
        report = self._report()
        if self._stopped_by is None:
            return report
        raise PartialActionError(
            f"stopped by {self._stopped_by} So far {report}. Pass resume=error.report to go on "
            "where it stopped.",
            report=report,
        ) from self._stopped_by

    def note(self, error: BaseException) -> None:
        """Add to an exception from outside what was done before it."""
        error.add_note(f"so far {self._report()}")

    def _report(self) -> ActionReport:
        return ActionReport(self._name, self._rows)


def _not_begun(row: ActionRow) -> ActionRow:
    """Return the row of an act that was abandoned before its request; what is unknown stays so."""
    if row.outcome is ActionOutcome.UNKNOWN:
        return row
    return evolve(row, outcome=ActionOutcome.NOT_TRIED, reason=None)


def failure(row: ActionRow, error: InngestError) -> Result:
    """Return the row of an act that ended with an error."""
    if isinstance(error, NotFoundError):
        outcome = ActionOutcome.NOT_FOUND
    elif may_be_done(error):
        outcome = ActionOutcome.UNKNOWN
    else:
        outcome = ActionOutcome.FAILED
    return Result(evolve(row, outcome=outcome, reason=str(error)), error)


def may_be_done(error: InngestError) -> bool:
    """Return whether a request may have been carried out although it ended with an error."""
    match error:
        case TransportError():
            return error.delivered
        case ApiError():
            return error.may_have_taken_effect
        case _:
            # It was carried out, but the response cannot be read.
            return isinstance(error, InvalidResponseError)
