"""Webhooks: list, create, get, update, delete. Only Inngest Cloud has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id, check_text
from inngest_rest._core.calls.listing import Listing, Paging, listing, unpaged
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources.fields import (
    optional,
    page_of,
    required,
    timestamp,
    unpaged_items,
)
from inngest_rest._core.resources.routes import ask, in_order
from inngest_rest.errors import Advice, RouteNotFoundError
from inngest_rest.models import Webhook
from inngest_rest_api import models as api
from inngest_rest_api.api import v1
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Unpack

    from inngest_rest._core.calls.route import AdviceByError, OperationModule
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


_ADVICE: AdviceByError = {
    RouteNotFoundError: Advice(
        "No release of the self-hosted server has webhooks: they exist in Inngest Cloud alone."
    )
}


def _route(
    operation: OperationModule, kwargs: Mapping[str, Any], *, repeatable: bool = True
) -> Route[api.V1WebhookEnvelope, Webhook]:
    return Route(
        operation,
        kwargs,
        api.V1WebhookEnvelope,
        lambda it: _webhook(it.data),
        repeatable=repeatable,
        advice=_ADVICE,
    )


def _body(name: str | None, transform: str | None) -> api.V1WebhookBody:
    return api.V1WebhookBody(
        name=check_text("name", name) or UNSET,
        transform=check_text("transform", transform) or UNSET,
    )


def list_webhooks(session: Session, **paging: Unpack[Paging]) -> Listing[Webhook]:
    """List webhooks; the server returns all of them at once."""
    operation = v1.list_webhooks_v1
    route = Route(
        operation,
        operation.get_kwargs(),
        page_of(api.V1WebhookListEnvelope, api.V1Webhook, _webhook),
        unpaged_items,
        advice=_ADVICE,
    )
    routes = in_order("webhooks.list", list_webhooks_v1=unpaged(route))
    return listing(session, *routes, **paging)


def create(session: Session, *, name: str | None, transform: str | None) -> Plan[Webhook]:
    """Create a webhook."""
    operation = v1.create_webhook_v1
    kwargs = operation.get_kwargs(body=_body(name, transform))
    return ask(session, "webhooks.create", _route(operation, kwargs, repeatable=False))


def get(session: Session, webhook_id: str) -> Plan[Webhook]:
    """Get one webhook."""
    operation = v1.get_webhook_v1
    kwargs = operation.get_kwargs(check_id("webhook id", webhook_id, argument="id"))
    return ask(session, "webhooks.get", _route(operation, kwargs))


def update(
    session: Session, webhook_id: str, *, name: str | None, transform: str | None
) -> Plan[Webhook]:
    """Change the given fields of a webhook."""
    operation = v1.update_webhook_v1
    kwargs = operation.get_kwargs(
        check_id("webhook id", webhook_id, argument="id"), body=_body(name, transform)
    )
    return ask(session, "webhooks.update", _route(operation, kwargs))


def delete(session: Session, webhook_id: str) -> Plan[None]:
    """Delete a webhook."""
    operation = v1.delete_webhook_v1
    kwargs = operation.get_kwargs(check_id("webhook id", webhook_id, argument="id"))
    route = Route.without_result(operation, kwargs, deletes=True, advice=_ADVICE)
    return ask(session, "webhooks.delete", route)


def _webhook(it: api.V1Webhook) -> Webhook:
    return Webhook(
        id=required(it.id, "id"),
        name=optional(it.name),
        url=optional(it.url),
        transform=optional(it.transform),
        created_at=timestamp(it.created_at),
        updated_at=timestamp(it.updated_at),
    )
