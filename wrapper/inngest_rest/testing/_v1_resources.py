"""v1: bulk cancellations and webhooks, kept in memory."""

import secrets
import uuid
from typing import Any

import orjson

from ._call import Call, Handlers
from ._go_json import GoJsonError, read_first, text_of
from ._http import Response
from ._ids import ACCOUNT_ID, ENVIRONMENT_ID, parse_ulid, stable_uuid
from ._json_kinds import is_object
from ._times import parse_rfc3339, v1_time
from ._v1_shapes import v1_data, v1_error

_SLACK_NS = 5 * 10**9
_BAD_CANCELLATION = "Invalid cancellation request"
_BAD_WEBHOOK = "Invalid webhook request"


def list_cancellations(call: Call) -> Response:
    """List the cancellations.

    The open-source server has no store for them and answers an empty 500; Inngest Cloud has
    one, so the mock works as its source says (facts.md 4).
    """
    return v1_data(list(call.store.cancellations.values()), call.now)


def create_cancellation(call: Call) -> Response:
    """Cancel the runs of a function that started in a span of time.

    An `if` expression is kept, but the mock cannot evaluate it: then nothing is cancelled.
    """
    fields = _read_object(call)
    if fields is None:
        return v1_error(400, _BAD_CANCELLATION)
    texts = {name: fields.get(name) for name in ("app_id", "function_id", "if")}
    times = {name: fields.get(name) for name in ("started_after", "started_before")}
    if not all(value is None or isinstance(value, str) for value in (texts | times).values()):
        return v1_error(400, _BAD_CANCELLATION)
    parsed = {name: parse_rfc3339(value) for name, value in times.items() if value is not None}
    if None in parsed.values():
        return v1_error(400, _BAD_CANCELLATION)
    after, before = parsed.get("started_after"), parsed.get("started_before")
    problems = [f"{name} is required" for name in ("app_id", "function_id") if not texts[name]]
    if before is None:
        problems.append("started_before is required")
    elif before > call.now + _SLACK_NS:
        problems.append("started_before must be in the past")
    if after is not None and after > (before or 0):
        problems.append("started_after must be before started_before")
    if problems or before is None:
        return v1_error(400, "\n".join(problems))
    # Its vendor's document says "the ID as in the SDK"; the server wants the full slug.
    function = call.store.catalogue.by_slug(str(texts["function_id"]))
    if function is None or function.app_id != texts["app_id"]:
        return v1_error(404, "function not found")
    cancellation_id = call.store.ids.next(call.now)
    cancellation: dict[str, object] = {
        "created_at": v1_time(call.now),
        "name": None,
        "id": cancellation_id,
        "account_id": ACCOUNT_ID,
        "environment_id": ENVIRONMENT_ID,
        "app_id": stable_uuid(function.app_id),
        "function_internal_id": function.internal_id,
        "function_id": function.slug,
        "started_after": None if after is None else v1_time(after),
        "started_before": v1_time(before),
    }
    if texts["if"] is not None:
        cancellation["if"] = texts["if"]
    cancellation |= {"kind": "bulk_run", "cause": "API", "queue_name": None}
    call.store.cancellations[cancellation_id] = cancellation
    if texts["if"] is None:
        call.store.cancel_started_between(function, after, before, call.now)
    return v1_data(cancellation, call.now)


def delete_cancellation(call: Call) -> Response:
    """Forget a cancellation; the runs it cancelled stay cancelled."""
    cancellation_id = parse_ulid(call.params[0])
    if cancellation_id is None:
        return v1_error(400, "Invalid cancellation ID")
    if call.store.cancellations.pop(cancellation_id, None) is None:
        return v1_error(404, "Cancellation not found")
    return v1_data({"ok": True}, call.now)


def list_webhooks(call: Call) -> Response:
    """List the webhooks. Documented by the vendor, absent from its open-source server."""
    return v1_data(list(call.store.webhooks.values()), call.now)


def create_webhook(call: Call) -> Response:
    """Make a webhook with a URL of its own."""
    changes = _webhook_fields(call)
    if changes is None:
        return v1_error(400, _BAD_WEBHOOK)
    webhook_id = str(uuid.uuid4())
    webhook: dict[str, object] = {
        "id": webhook_id,
        "name": "",
        "url": f"https://inn.gs/e/{secrets.token_urlsafe(48)}",
        "transform": "",
        **changes,
        "created_at": v1_time(call.now),
        "updated_at": v1_time(call.now),
    }
    call.store.webhooks[webhook_id] = webhook
    return v1_data(webhook, call.now)


def _find_webhook(call: Call) -> dict[str, object] | Response:
    webhook = call.store.webhooks.get(call.params[0].lower())
    return webhook if webhook is not None else v1_error(404, "Webhook not found")


def get_webhook(call: Call) -> Response:
    """Give one webhook."""
    webhook = _find_webhook(call)
    return webhook if isinstance(webhook, Response) else v1_data(webhook, call.now)


def update_webhook(call: Call) -> Response:
    """Change the name or the transform of a webhook."""
    webhook = _find_webhook(call)
    if isinstance(webhook, Response):
        return webhook
    changes = _webhook_fields(call)
    if changes is None:
        return v1_error(400, _BAD_WEBHOOK)
    webhook.update(changes, updated_at=v1_time(call.now))
    return v1_data(webhook, call.now)


def delete_webhook(call: Call) -> Response:
    """Delete a webhook."""
    webhook = _find_webhook(call)
    if isinstance(webhook, Response):
        return webhook
    del call.store.webhooks[str(webhook["id"])]
    return v1_data({"id": webhook["id"]}, call.now)


def _read_object(call: Call) -> dict[str, Any] | None:
    try:
        body = read_first(text_of(call.request.body))
    except GoJsonError:
        return None
    if not is_object(body):
        return None
    return {key.casefold(): value for key, value in body.items()}


def _webhook_fields(call: Call) -> dict[str, object] | None:
    """Read `name` and `transform`: flat, or under `data`, as the vendor's document has both."""
    try:
        body = orjson.loads(call.request.body)
    except orjson.JSONDecodeError:
        return None
    fields = body["data"] if is_object(body) and is_object(body.get("data")) else body
    if not is_object(fields):
        return None
    changes = {name: fields[name] for name in ("name", "transform") if fields.get(name) is not None}
    return changes if all(isinstance(value, str) for value in changes.values()) else None


HANDLERS: Handlers = {
    "GET /v1/cancellations": list_cancellations,
    "POST /v1/cancellations": create_cancellation,
    "DELETE /v1/cancellations/{}": delete_cancellation,
    "GET /v1/webhooks": list_webhooks,
    "POST /v1/webhooks": create_webhook,
    "GET /v1/webhooks/{}": get_webhook,
    "PUT /v1/webhooks/{}": update_webhook,
    "DELETE /v1/webhooks/{}": delete_webhook,
}
