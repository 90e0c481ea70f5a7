"""Successes that were not recorded, and what they mean; failures, where they are no plain errors.

`BY_HAND` has those of Inngest Cloud, in every form that its vendor documents: in his documents, or
in a guide or client of it where those have another. What has one form alone needs no row there: it
is tried with the example of its schema. Plain errors are tried as the document has them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, NamedTuple

from inngest_rest import errors

from .document import Document
from .methods import METHODS
from .outcomes import RESULTS
from .parsing import Exchange
from .recordings import Recording
from .sources import Sources

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .document import Object

ID = "01HE8AM9DPK9N37V1RKY1DNQF5"
JSON = "application/json"
AT = "2026-11-24T13:42:09.777Z"
THEN = datetime(2026, 11, 24, 13, 42, 9, 777_000, tzinfo=UTC)
UUID = "5e627760-ce58-4068-861e-bcfe5161382e"

METADATA = {"fetchedAt": AT, "cachedUntil": None}
EVENT = {
    "internal_id": ID,
    "accountID": UUID,
    "environmentID": UUID,
    "source": "key",
    "sourceID": UUID,
    "receivedAt": AT,
    "id": "order-42",
    "name": "shop/order.paid",
    "data": {"order": 42},
    "user": None,
    "ts": 1795527729777,
    "v": None,
}
RUN = {
    "run_id": ID,
    "run_started_at": AT,
    "status": "Running",
    "function_id": UUID,
    "function_version": 1,
    "environment_id": UUID,
}
NULLS = {"event_id": None, "batch_id": None, "original_run_id": None, "cron": None}
FULL_RUN = RUN | {
    "status": "Completed",
    "ended_at": AT,
    "output": [1],
    "event_id": ID,
    "batch_id": ID,
    "original_run_id": ID,
    "cron": "* * * * *",
}
JOB = {"at": AT, "position": 0, "attempt": 2}
CANCELLATION = {
    "id": ID,
    "environment_id": UUID,
    "function_internal_id": UUID,
    "function_id": "charge",
    "started_before": AT,
}
FILTERED = CANCELLATION | {"started_after": AT, "if": "event.data.order == 42"}
OF_THE_GUIDE = {key: value for key, value in FILTERED.items() if key != "function_internal_id"}
WEBHOOK = {"id": UUID, "name": "Clerk", "transform": "function transform() {}", "url": "https://x"}
OF_THE_PHP_CLIENT = WEBHOOK | {"created_at": AT, "updated_at": AT}
ERROR = {"error": "Unable to load function run", "data": None, "status": 500}
V2_RUN = {
    "id": ID,
    "function": {"id": "charge", "name": "Charge"},
    "app": {"id": "shop"},
    "status": "COMPLETED",
    "queuedAt": AT,
    "startedAt": AT,
    "endedAt": AT,
    "durationMs": "12",
    "trigger": {"eventIds": [ID], "eventName": "shop/order.paid"},
}
V2_METADATA = {"fetchedAt": AT, "cachedUntil": AT}
V2_FUNCTION = {
    "id": "charge",
    "slug": "charge",
    "app": {"id": "shop"},
    "isPaused": True,
    "triggers": [{"type": "EVENT", "value": "shop/*", "condition": "event.data.n > 1"}],
    "configuration": {"retries": {"value": 3, "isDefault": False}},
    "failureHandler": {"slug": "charge-failure", "name": "Charge (failure)"},
}
V2_SPAN = {"id": "s", "name": "Run", "status": "COMPLETED", "queuedAt": AT, "stepOp": "RUN"}
INVOCATION = {"runId": ID, "queuedAt": AT}


def v2_error(code: str) -> dict[str, Any]:
    return {"errors": [{"code": code, "message": "No."}]}


Reading = Any
"""What a method returns or raises, as a row states it."""


class Unrecorded(NamedTuple):
    """One response, and what a client reads in it."""

    operation: str
    status: int
    body: Any
    expected: Reading
    view: Callable[[Any], Any] = lambda it: it

    @property
    def content_type(self) -> str:
        if self.body is None:
            return ""
        return "text/plain" if self.operation == "sendEvents" and self.status == 200 else JSON

    def exchange(self, document: Document, name: str) -> Exchange:
        """Return it as if it had been recorded."""
        operation = next(it for it in document.operations if it.id == self.operation)
        recording = Recording(
            name,
            operation.method.upper(),
            operation.path,
            {},
            None,
            self.status,
            self.content_type,
            self.body,
        )
        return Exchange(recording, operation)


def event(it: Any) -> Reading:
    return it.internal_id, it.id, it.name, it.data, it.ts, it.received_at, it.user, it.v


def run(it: Any) -> Reading:
    origin = (it.event_ids, it.batch_id, it.original_run_id, it.cron)
    return it.id, it.status, it.queued_at, it.ended_at, it.output, *origin


def job(it: Any) -> Reading:
    return it.at, it.position, it.attempt, it.id, it.kind


def cancellation(it: Any) -> Reading:
    return it.id, it.function_id, it.started_before, it.started_after or None, it.if_ or None


def webhook(it: Any) -> Reading:
    return it.id, it.name, it.transform, it.url


def each(view: Callable[[Any], Any]) -> Callable[[Any], Any]:
    return lambda items: [view(item) for item in items]


READ_EVENT = (ID, "order-42", "shop/order.paid", {"order": 42}, 1795527729777, THEN, None, None)
READ_RUN = (ID, "running", THEN, None, None, (), None, None, None)
READ_FULL_RUN = (ID, "completed", THEN, THEN, [1], (ID,), ID, ID, "* * * * *")
READ_JOB = (THEN, 0, 2, None, None)
READ_CANCELLATION = (ID, "charge", THEN, None, None)
READ_FILTERED = (ID, "charge", THEN, THEN, "event.data.order == 42")
READ_WEBHOOK = (UUID, "Clerk", "function transform() {}", "https://x")

BY_HAND: dict[str, Unrecorded] = {
    "events with metadata in camelCase": Unrecorded(
        "listEventsV1", 200, {"data": [EVENT], "metadata": METADATA}, [READ_EVENT], each(event)
    ),
    "an event with metadata in camelCase": Unrecorded(
        "getEventV1", 200, {"data": EVENT, "metadata": METADATA}, READ_EVENT, event
    ),
    "an event without metadata": Unrecorded("getEventV1", 200, {"data": EVENT}, READ_EVENT, event),
    "an event with user and version": Unrecorded(
        "getEventV1",
        200,
        {"data": EVENT | {"user": {"id": 1}, "v": "2"}},
        (*READ_EVENT[:-2], {"id": 1}, "2"),
        event,
    ),
    "an event without what may be absent": Unrecorded(
        "getEventV1",
        200,
        {"data": {key: EVENT[key] for key in EVENT if key not in ("sourceID", "user", "v")}},
        READ_EVENT,
        event,
    ),
    "runs of an event": Unrecorded(
        "listEventRunsV1",
        200,
        {"data": [FULL_RUN, RUN | {"run_id": "01B"}], "metadata": METADATA},
        [READ_FULL_RUN, ("01B", *READ_RUN[1:])],
        each(run),
    ),
    "a run with all that is optional": Unrecorded(
        "getRunV1", 200, {"data": FULL_RUN, "metadata": METADATA}, READ_FULL_RUN, run
    ),
    "a run without anything optional": Unrecorded(
        "getRunV1", 200, {"data": RUN, "metadata": METADATA}, READ_RUN, run
    ),
    "a run with nulls": Unrecorded(
        "getRunV1",
        200,
        {"data": FULL_RUN | NULLS, "metadata": METADATA},
        (*READ_FULL_RUN[:5], (), None, None, None),
        run,
    ),
    "a run without metadata": Unrecorded("getRunV1", 200, {"data": FULL_RUN}, READ_FULL_RUN, run),
    "a run that is not there, by a body of another status": Unrecorded(
        "getRunV1", 404, ERROR, errors.NotFoundError
    ),
    "a cancelled run": Unrecorded("cancelRunV1", 200, None, None),
    "a cancelled run, without content": Unrecorded("cancelRunV1", 204, None, None),
    "jobs": Unrecorded(
        "listRunJobsV1", 200, {"data": [JOB], "metadata": METADATA}, [READ_JOB], each(job)
    ),
    "jobs without metadata": Unrecorded(
        "listRunJobsV1", 200, {"data": [JOB]}, [READ_JOB], each(job)
    ),
    "a signal without envelope": Unrecorded(
        "sendSignalV1", 200, {"run_id": ID}, ID, lambda it: it.run_id
    ),
    "a signal in an envelope": Unrecorded(
        "sendSignalV1", 200, {"data": {"run_id": ID}}, ID, lambda it: it.run_id
    ),
    "cancellations": Unrecorded(
        "listCancellationsV1",
        200,
        {"data": [CANCELLATION, FILTERED]},
        [READ_CANCELLATION, READ_FILTERED],
        each(cancellation),
    ),
    "a cancellation in an envelope": Unrecorded(
        "createCancellationV1", 200, {"data": CANCELLATION}, READ_CANCELLATION, cancellation
    ),
    "a cancellation in an envelope with room for an error": Unrecorded(
        "createCancellationV1",
        200,
        {"data": FILTERED, "error": ""},
        READ_FILTERED,
        cancellation,
    ),
    "a cancellation as the guide shows it": Unrecorded(
        "createCancellationV1", 200, OF_THE_GUIDE, READ_FILTERED, cancellation
    ),
    "a deleted cancellation": Unrecorded("deleteCancellationV1", 200, {"data": {"ok": True}}, None),
    "a webhook with times": Unrecorded(
        "getWebhookV1",
        200,
        {"data": OF_THE_PHP_CLIENT, "metadata": METADATA},
        (*READ_WEBHOOK, THEN, THEN),
        lambda it: (*webhook(it), it.created_at, it.updated_at),
    ),
    "a deleted webhook": Unrecorded("deleteWebhookV1", 200, {"data": {"id": UUID}}, None),
    "a run of v2": Unrecorded(
        "getRunV2",
        200,
        {"data": V2_RUN, "metadata": V2_METADATA},
        (ID, "completed", "shop", "charge", THEN, (ID,)),
        lambda it: (it.id, it.status, it.app_id, it.function_id, it.ended_at, it.event_ids),
    ),
    "a trace": Unrecorded(
        "getRunTraceV2",
        200,
        {"data": {"runId": ID, "rootSpan": V2_SPAN}, "metadata": V2_METADATA},
        ("s", "completed"),
        lambda it: (it.id, it.status),
    ),
    "runs of an event of v2": Unrecorded(
        "listEventRunsV2",
        200,
        {"data": [V2_RUN], "metadata": V2_METADATA, "page": {}},
        [ID],
        each(lambda it: it.id),
    ),
    "a function": Unrecorded(
        "getFunctionV2",
        200,
        {"data": V2_FUNCTION, "metadata": V2_METADATA},
        ("charge", "shop", "event.data.n > 1", {"retries": {"value": 3, "isDefault": False}}),
        lambda it: (it.id, it.app_id, it.triggers[0].condition, it.configuration),
    ),
    "an invocation, 200": Unrecorded("invokeFunctionV2", 200, {"data": {"runId": ID}}, ID),
    "an invocation, 201": Unrecorded("invokeFunctionV2", 201, {"data": INVOCATION}, ID),
    "an invocation, 202": Unrecorded(
        "invokeFunctionV2",
        202,
        {"data": INVOCATION | {"startedAt": AT}, "metadata": V2_METADATA},
        ID,
    ),
    "an invocation that was made before": Unrecorded(
        "invokeFunctionV2",
        409,
        {"data": INVOCATION | {"completedAt": AT, "result": "42"}, "metadata": V2_METADATA},
        ID,
    ),
    "a sync that goes on": Unrecorded(
        "syncAppV2",
        200,
        {"data": {"id": UUID, "status": "pending", "appId": "shop"}, "metadata": V2_METADATA},
        ("pending", "shop", None),
        lambda it: (it.status, it.app_id, it.error),
    ),
    "a sync that failed": Unrecorded(
        "syncAppV2",
        422,
        {"data": {"id": UUID, "status": "error", "error": {"code": "x", "message": "No."}}},
        ("error", "No."),
        lambda it: (it.status, it.error),
    ),
    "a sync that was refused": Unrecorded(
        "syncAppV2", 422, v2_error("app_sync_failed"), "No.", lambda it: it.error
    ),
    "keys of sessions": Unrecorded(
        "listSessionKeysV2",
        200,
        {"data": [{"id": "user", "createdAt": AT}], "metadata": V2_METADATA, "page": {}},
        ["user"],
        each(lambda it: it.id),
    ),
    "sessions": Unrecorded(
        "listSessionsV2",
        200,
        {
            "data": [{"id": "u-1", "runCount": 2, "functions": [{"id": "charge"}]}],
            "metadata": V2_METADATA,
            "page": {},
        },
        [("u-1", 2, ["charge"])],
        each(lambda it: (it.id, it.run_count, [of.id for of in it.functions])),
    ),
    "runs of a session": Unrecorded(
        "listSessionRunsV2",
        200,
        {
            "data": [{"id": ID, "status": "FAILED", "function": {"id": "f"}, "endedAt": AT}],
            "metadata": V2_METADATA,
            "page": {},
        },
        [(ID, "FAILED", "f", THEN)],
        each(lambda it: (it.id, it.status, it.function.id, it.ended_at)),
    ),
    "sent events": Unrecorded("sendEvents", 200, {"ids": [ID], "status": 200}, [ID]),
    "an event key that is not known": Unrecorded(
        "sendEvents",
        401,
        {"status": 401, "message": "", "error": "Event key not found"},
        errors.AuthenticationError,
    ),
    "an event that the key filters": Unrecorded(
        "sendEvents", 403, None, errors.PermissionDeniedError
    ),
    "no such event key": Unrecorded("sendEvents", 404, None, errors.RouteNotFoundError),
    "an event that is not accepted": Unrecorded("sendEvents", 406, None, errors.ApiError),
    "a transform that conflicts": Unrecorded("sendEvents", 409, None, errors.ConflictError),
    "a transform that fails": Unrecorded("sendEvents", 412, None, errors.ApiError),
    "events that are too large": Unrecorded("sendEvents", 413, None, errors.ApiError),
    "a failing event API": Unrecorded("sendEvents", 500, None, errors.ServerError),
    "an event API that was started without event keys": Unrecorded(
        "sendEvents",
        503,
        {"status": 503, "message": "", "error": "No event keys"},
        errors.ServerError,
    ),
}

# What no document of the vendor states, and any client may meet all the same.
BEYOND: dict[str, Unrecorded] = {
    "a run cancelled with a body": Unrecorded("cancelRunV1", 200, {"ok": True}, None),
    "a deleted cancellation without a body": Unrecorded("deleteCancellationV1", 200, None, None),
    "a deleted cancellation, without content": Unrecorded("deleteCancellationV1", 204, None, None),
    "a deleted webhook, without content": Unrecorded("deleteWebhookV1", 204, None, None),
    "a filtered event with a body": Unrecorded(
        "sendEvents", 403, {"error": "Not allowed", "status": 403}, errors.PermissionDeniedError
    ),
}


def _by_example() -> Iterator[tuple[str, Unrecorded]]:
    """Yield each success that no recording shows and `BY_HAND` lacks, as the document has it."""
    document = Document.load()
    written = {(row.operation, row.status) for row in BY_HAND.values()}
    for operation in document.operations:
        for code, response in operation.responses.items():
            status = int(code)
            is_success = status < 300 and Sources.of(response).is_of_words
            if is_success and operation.id in METHODS and (operation.id, status) not in written:
                media = (operation.content(status) or {}).get(JSON)
                body = media and example(document, media["schema"])
                row = Unrecorded(operation.id, status, body, RESULTS[operation.id])
                yield f"{operation.id} {status}", row


def example(document: Document, schema: Object) -> Any:
    """Return the example of a schema, or one made of those in it; {} for an object without any."""
    schema = document.resolved(schema)
    if "examples" in schema:
        return schema["examples"][0]
    if schema.get("type") == "array":
        return [example(document, schema["items"])]
    needed = schema.get("required", ())
    return {name: example(document, schema["properties"][name]) for name in needed}


DOCUMENTED: dict[str, Unrecorded] = BY_HAND | dict(_by_example())
