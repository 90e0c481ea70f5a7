"""Plans for webhooks: list, create, get, update, delete. Inngest Cloud alone has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id, check_text
from inngest_rest._core.calls.families import Cursor, Route, first_present
from inngest_rest._core.calls.listing import Listing, listing
from inngest_rest._core.calls.operation import perform
from inngest_rest._core.resources import from_v1
from inngest_rest.models import Page, Webhook
from inngest_rest_api import models as api
from inngest_rest_api.api import v1
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def list_webhooks(
    session: Session, *, limit: int | None, page_size: int | None, cursor: str | None
) -> Listing[Webhook]:
    """List webhooks, all on one page."""

    def by_v1() -> Plan[Page[Webhook]]:
        operation = v1.list_webhooks_v1
        answer = yield from perform(
            session, "v1", operation, operation.get_kwargs(), api.V1WebhookListEnvelope
        )
        return Page(tuple(from_v1.webhook(each) for each in answer.data), None)

    def fetch(_cursor: Cursor | None, _size: int) -> Plan[Page[Webhook]]:
        return first_present(session, Route("v1", "GET /v1/webhooks", by_v1))

    return listing(fetch, limit=limit, page_size=page_size, cursor=cursor)


def _body(name: str | None, transform: str | None) -> api.V1WebhookBody:
    return api.V1WebhookBody(
        name=check_text("name", name) or UNSET,
        transform=check_text("transform", transform) or UNSET,
    )


def create(session: Session, *, name: str | None, transform: str | None) -> Plan[Webhook]:
    """Make a webhook."""
    body = _body(name, transform)

    def by_v1() -> Plan[Webhook]:
        operation = v1.create_webhook_v1
        kwargs = operation.get_kwargs(body=body)
        answer = yield from perform(
            session, "v1", operation, kwargs, api.V1WebhookEnvelope, repeatable=False
        )
        return from_v1.webhook(answer.data)

    return first_present(session, Route("v1", "POST /v1/webhooks", by_v1))


def get(session: Session, webhook_id: str) -> Plan[Webhook]:
    """Get one webhook."""
    check_id("webhook id", webhook_id)

    def by_v1() -> Plan[Webhook]:
        operation = v1.get_webhook_v1
        kwargs = operation.get_kwargs(webhook_id)
        answer = yield from perform(session, "v1", operation, kwargs, api.V1WebhookEnvelope)
        return from_v1.webhook(answer.data)

    return first_present(session, Route("v1", "GET /v1/webhooks/{id}", by_v1))


def update(
    session: Session, webhook_id: str, *, name: str | None, transform: str | None
) -> Plan[Webhook]:
    """Change what is given of a webhook."""
    check_id("webhook id", webhook_id)
    body = _body(name, transform)

    def by_v1() -> Plan[Webhook]:
        operation = v1.update_webhook_v1
        kwargs = operation.get_kwargs(webhook_id, body=body)
        answer = yield from perform(session, "v1", operation, kwargs, api.V1WebhookEnvelope)
        return from_v1.webhook(answer.data)

    return first_present(session, Route("v1", "PUT /v1/webhooks/{id}", by_v1))


def delete(session: Session, webhook_id: str) -> Plan[None]:
    """Remove a webhook."""
    check_id("webhook id", webhook_id)

    def by_v1() -> Plan[None]:
        operation = v1.delete_webhook_v1
        kwargs = operation.get_kwargs(webhook_id)
        yield from perform(session, "v1", operation, kwargs, api.V1WebhookIdEnvelope)

    return first_present(session, Route("v1", "DELETE /v1/webhooks/{id}", by_v1))
