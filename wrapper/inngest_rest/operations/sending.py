"""Operations that send events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import msgspec
from attrs import evolve, field, frozen

from inngest_rest.errors import PartialSendError
from inngest_rest.operations.operation import Effect, Operation
from inngest_rest.operations.parameters import Json, Moment, Rate, instant, option, unusable_file
from inngest_rest.operations.problems import Code, OperationError, Problem
from inngest_rest.operations.results import MAX_ROWS, Sent

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import BatchReport, InngestClient

_AGAIN = (
    "data.failures has each with its reason. Sent again as it is there, with its id, an event runs "
    "nothing twice."
)


@frozen
class SendEvent:
    """Send one event.

    Safe to repeat with an id: a function runs once for it within 24 hours.

    Attributes:
        name: The event's name, such as shop/order.created.
        data: The event's data, a JSON object.
        id: Idempotency key; a unique one by default.
        user_id: Id of the user whom the event is about, for limits per user.
        ts: When it happened; the time of arrival by default.
    """

    name: str
    data: Json = field(factory=dict[str, Any], kw_only=True)
    id: str | None = option()
    user_id: str | None = option()
    ts: Moment | None = option()


def _send(client: InngestClient, parameters: SendEvent) -> Sent:
    event: dict[str, Any] = {"name": parameters.name, "data": parameters.data}
    if parameters.id is not None:
        event["id"] = parameters.id
    if parameters.user_id is not None:
        event["user"] = {"id": parameters.user_id}
    if (ts := instant("ts", parameters.ts)) is not None:
        event["ts"] = ts
    return _send_all(client, [event])


@frozen
class SendEvents:
    """Send up to 5,000 events, which are all checked before the first is sent.

    Safe to repeat if each has an id: a function runs once for it within 24 hours.

    Attributes:
        events: The events, each a JSON object with name, and if need be data, id, user, ts (in
            milliseconds since 1970) and v.
    """

    events: Annotated[tuple[Json, ...], msgspec.Meta(min_length=1, max_length=5_000)] = field(
        kw_only=True
    )


def _send_many(client: InngestClient, parameters: SendEvents) -> Sent:
    return _send_all(client, parameters.events)


def _send_all(client: InngestClient, events: Any) -> Sent:
    try:
        ids = client.send(events)
    except PartialSendError as error:
        report = error.report
        accepted = [each for each in error.ids if each is not None]
        sent = Sent(
            client.target,
            report.accepted,
            report.rejected,
            report.unknown,
            tuple(accepted[:MAX_ROWS]),
            report.failures,
        )
        raise OperationError(_incomplete(sent), data=sent) from error
    return Sent(client.target, accepted=len(ids), ids=tuple(ids[:MAX_ROWS]))


@frozen
class SendFile:
    """Send the events of a file with one JSON object per line, plain or gzip.

    Safe to repeat: sending the same file again starts no run twice within 24 hours. Lines that are
    rejected are written to a file beside it, to be fixed and sent.

    Attributes:
        path: The file; - for standard input.
        name: Name of the import, from which ids of events without one are made; the file's name by
            default, required for standard input.
        resume: Go on after the last batch that was completed, as FILE.checkpoint has it.
        dead_letters: The file for rejected lines; FILE.rejected.ndjson by default.
        batch_size: Maximum number of events per request.
        in_flight: Maximum number of concurrent requests.
        rate: Maximum number of requests per second.
    """

    path: str
    name: str | None = option()
    resume: bool = option(default=False)
    dead_letters: str | None = option()
    batch_size: Annotated[int, msgspec.Meta(ge=1, le=5_000)] = option(default=512)
    in_flight: Annotated[int, msgspec.Meta(ge=1, le=64)] = option(default=8)
    rate: Rate | None = option()


def send_file(
    client: InngestClient,
    parameters: SendFile,
    *,
    on_batch: Callable[[BatchReport], object] | None = None,
) -> Sent:
    """Send the events of a file.

    Raises:
        OperationError: Not all of them were accepted; the data has the failures.
    """
    ids: list[str] = []

    def note(batch: BatchReport) -> None:
        room = MAX_ROWS - len(ids)
        ids.extend([each for each in batch.ids if each is not None][:room])
        if on_batch is not None:
            on_batch(batch)

    try:
        report = client.send_file(
            parameters.path,
            name=parameters.name,
            resume=parameters.resume,
            dead_letters=parameters.dead_letters,
            batch_size=parameters.batch_size,
            in_flight=parameters.in_flight,
            max_requests=parameters.rate,
            on_batch=note,
        )
    except OSError as error:
        # The checkpoint and the rejected lines are written beside it.
        is_input = error.filename in {None, parameters.path}
        path = parameters.path if is_input else error.filename
        verb = "read" if is_input else "write"
        raise unusable_file("path", path, error, verb=verb) from error
    sent = Sent(
        client.target,
        report.accepted,
        report.rejected,
        report.unknown,
        tuple(ids),
        report.failures,
    )
    if not sent.is_complete:
        problem = evolve(_incomplete(sent), hint=_next(sent, parameters))
        raise OperationError(problem, data=sent)
    return sent


def _next(sent: Sent, parameters: SendFile) -> str:
    """Return what to do about the lines of a file that were not accepted."""
    parts: list[str] = []
    if sent.rejected:
        # Only one who sends files has loaded these.
        from inngest_rest._core.file_import.rejected_lines import reasons_path  # noqa: PLC0415
        from inngest_rest._core.file_import.send_file import rejected_path  # noqa: PLC0415

        rejected = rejected_path(parameters.path, parameters.name or "", parameters.dead_letters)
        parts.append(
            f"The rejected lines are in {rejected}, and the reason of each in "
            f"{reasons_path(rejected)}: correct the lines, and send that file."
        )
    if sent.unknown:
        parts.append(
            "Send the whole again, by the same name, for those that are unknown: what was accepted "
            "runs nothing twice."
        )
    return " ".join(parts)


def _incomplete(sent: Sent) -> Problem:
    total = sent.accepted + sent.rejected + sent.unknown
    first = f"; first: {sent.failures[0].reason}" if sent.failures else ""
    return Problem(
        Code.PARTIAL,
        f"{sent.accepted} of {total} events accepted, {sent.rejected} rejected, {sent.unknown} "
        f"unknown{first}",
        hint=_AGAIN,
    )


# The events that were rejected are the user's own, and came from anywhere.
_FROM_STRANGERS = ("failures[].event", "failures[].reason")

OPERATIONS: tuple[Operation[Any], ...] = (
    Operation(
        name="send",
        parameters=SendEvent,
        result=Sent,
        run=_send,
        effect=Effect.ADD,
        is_idempotent=False,
        is_idempotent_for=lambda parameters: parameters.id is not None,
        untrusted=_FROM_STRANGERS,
        examples=(
            """shop/order.created --data '{"order": 1}'""",
            "shop/order.created --data @order.json --id order-1001",
        ),
    ),
    Operation(
        name="send_many",
        parameters=SendEvents,
        result=Sent,
        run=_send_many,
        effect=Effect.ADD,
        is_idempotent=False,
        is_idempotent_for=lambda parameters: all(it.get("id") for it in parameters.events),
        untrusted=_FROM_STRANGERS,
        examples=("--events @events.json",),
    ),
    Operation(
        name="send_file",
        parameters=SendFile,
        result=Sent,
        run=send_file,
        effect=Effect.ADD,
        uses_files=True,
        untrusted=_FROM_STRANGERS,
        examples=("events.ndjson", "events.ndjson --resume"),
    ),
)
