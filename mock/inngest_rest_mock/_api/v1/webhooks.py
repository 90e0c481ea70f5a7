"""v1: webhooks, kept in memory; the vendor documents them, its open-source server has none."""

from __future__ import annotations

import secrets
import uuid
from typing import TYPE_CHECKING

import msgspec

from inngest_rest_mock._api.v1.shapes import v1_data, v1_error
from inngest_rest_mock._carriers.messages import Response
from inngest_rest_mock._json import is_object
from inngest_rest_mock._times import v1_time

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers

_MALFORMED = "Invalid webhook request"


def list_webhooks(call: Call) -> Response:
    """List the webhooks."""
    return v1_data(list(call.store.webhooks.values()), call.now)


def create_webhook(call: Call) -> Response:
    """Create a webhook with its own URL."""
    changes = _webhook_fields(call)
    if changes is None:
        return v1_error(400, _MALFORMED)
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
    """Return one webhook."""
    webhook = _find_webhook(call)
    return webhook if isinstance(webhook, Response) else v1_data(webhook, call.now)


def update_webhook(call: Call) -> Response:
    """Change the name or the transform of a webhook."""
    webhook = _find_webhook(call)
    if isinstance(webhook, Response):
        return webhook
    changes = _webhook_fields(call)
    if changes is None:
        return v1_error(400, _MALFORMED)
    webhook.update(changes, updated_at=v1_time(call.now))
    return v1_data(webhook, call.now)


def delete_webhook(call: Call) -> Response:
    """Delete a webhook."""
    webhook = _find_webhook(call)
    if isinstance(webhook, Response):
        return webhook
    del call.store.webhooks[str(webhook["id"])]
    return v1_data({"id": webhook["id"]}, call.now)


def _webhook_fields(call: Call) -> dict[str, object] | None:
    """Read `name` and `transform`, flat or under `data`: the vendor documents both."""
    try:
        body = msgspec.json.decode(call.request.body)
    except (ValueError, RecursionError):
        return None
    fields = body["data"] if is_object(body) and is_object(body.get("data")) else body
    if not is_object(fields):
        return None
    changes = {
        name: fields[name]
        for name in ("name", "transform")
        if fields.get(name) is not None
    }
    return (
        changes if all(isinstance(value, str) for value in changes.values()) else None
    )


HANDLERS: Handlers = {
    "GET /v1/webhooks": list_webhooks,
    "POST /v1/webhooks": create_webhook,
    "GET /v1/webhooks/{}": get_webhook,
    "PUT /v1/webhooks/{}": update_webhook,
    "DELETE /v1/webhooks/{}": delete_webhook,
}
