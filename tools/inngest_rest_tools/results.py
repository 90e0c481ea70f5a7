"""Records that programs return where the client's method returns none, or one without a target."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inngest_rest.bulk import ActionOutcome, ActionRow
from inngest_rest.explain import SendPreview
from inngest_rest.models import Run
from inngest_rest.record import Record
from inngest_rest.reports import SendReport
from inngest_rest.responses import Target

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest import InngestClient
    from inngest_rest_tools.parameter import Values


@frozen(repr=False, slots=False)
class AtTarget(Record):
    """What was done at a server.

    Attributes:
        target: Where it was done.
    """

    target: Target


@frozen(repr=False)
class Sent(SendReport, AtTarget):  # type: ignore[misc] # the target comes first
    """What became of events that were sent.

    Attributes:
        ids: The internal ids of those accepted, for `events get`, in order; of a file the first
            1,000.
        failures: Those that were not accepted, the first 1,000. Sending them again, as they are
            here, runs nothing twice, except functions that debounce or batch events.
        runs: The runs that were waited for.
        preview: What a dry run found; it sent nothing.
    """

    ids: tuple[str, ...] = ()
    runs: tuple[Run, ...] = ()
    preview: SendPreview | None = None


@frozen(repr=False)
class Acted(AtTarget):
    """What became of the runs of a bulk operation.

    Attributes:
        action: What was done: "runs.cancel" or "runs.replay".
        counts: How many rows have each outcome.
        rows: One row per run, those that were not done first.
        since: The beginning of the filter's window.
        until: The end of the filter's window.
        by_function: How many of the rows that are left to do are of each function, where they
            were looked at.
        confirm: The token of a dry run, by which exactly those rows are confirmed.
    """

    action: str
    counts: dict[ActionOutcome, int]
    rows: tuple[ActionRow, ...]
    since: datetime | None = None
    until: datetime | None = None
    by_function: dict[str, int] = field(factory=dict)
    confirm: str | None = None


@frozen(repr=False)
class Done(AtTarget):
    """What was changed or deleted.

    Attributes:
        id: Id of what was deleted, or of a run that was scored.
    """

    id: str


@frozen(repr=False)
class Started(AtTarget):
    """The run that was started, or that a signal has resumed.

    Attributes:
        run_id: Its id.
        run: The run itself, if it was waited for.
    """

    run_id: str
    run: Run | None = None


@frozen(repr=False)
class CreatedCancellation(AtTarget):
    """The bulk cancellation that was created, or what a dry run of it found.

    Attributes:
        cancellation: The bulk cancellation that was created, as the API has it.
        planned: The runs that a dry run found; the condition is the server's to evaluate.
    """

    cancellation: dict[str, Any] | None = None
    planned: Acted | None = None


@frozen(repr=False)
class OfCloud(Record):
    """What only Inngest Cloud has.

    Attributes:
        body: Its JSON, as the API has it.
    """

    body: dict[str, Any]

    @classmethod
    def of(cls, model: Any) -> OfCloud:
        return cls(body=model.to_dict())


@frozen(repr=False)
class Answered(AtTarget):
    """The response to a request.

    Attributes:
        status: The HTTP status; None if nothing was requested.
        body: The JSON of the body; its text if it is no JSON.
    """

    status: int | None = None
    body: Any = None


def made(
    kind: type[Record],
    client: InngestClient,
    values: Values,
    result: Any,
    ids: Iterable[str | None],
) -> Record:
    """Return a record of a class for programs, made of what a method has returned."""
    target = client.target
    if kind is Sent:
        return _sent(target, result, ids)
    if kind is OfCloud:
        return OfCloud.of(result)
    if kind is Answered:
        try:
            body = result.json()
        except (ValueError, RecursionError):
            body = result.text
        return Answered(target=target, status=result.status, body=body)
    match result:
        case None:
            return Done(target=target, id=values["id"])
        case Run():
            return Started(target=target, run_id=result.id, run=result)
        case str():
            return Started(target=target, run_id=result)
        case _ if kind is Started:
            return Started(target=target, run_id=result.run_id)
        case _:
            return CreatedCancellation(target=target, cancellation=result.to_dict())


def _sent(target: Target, result: Any, ids: Iterable[str | None]) -> Sent:
    """Return what became of events, of a report or of the ids and runs that a call returned."""
    runs: tuple[Run, ...] = ()
    report = result
    if not isinstance(result, SendReport):
        ids = [each for each in result if isinstance(each, str)]
        runs = tuple(each for each in result if isinstance(each, Run))
        report = SendReport(accepted=len(ids))
    return Sent(
        target=target,
        accepted=report.accepted,
        rejected=report.rejected,
        unknown=report.unknown,
        failures=report.failures,
        ids=tuple(filter(None, ids)),
        runs=runs,
    )
