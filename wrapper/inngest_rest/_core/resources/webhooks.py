"""Webhooks: list, create, get, update, delete. Only Inngest Cloud has them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.arguments import check_id, check_text
from inngest_rest._core.calls.listing import Listing, Paging, unpaged
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources.fields import of_data, page_of, record, unpaged_items
from inngest_rest._core.resources.routes import ask, in_order, where_absent
from inngest_rest.models import Webhook
from inngest_rest_api import models as api
from inngest_rest_api.api import v1
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, Unpack

    from inngest_rest._core.calls.route import OperationModule
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


_ADVICE = where_absent(
    "No release of the self-hosted server has webhooks: they exist in Inngest Cloud alone."
)


def list_webhooks(session: Session, **paging: Unpack[Paging]) -> Listing[Webhook]:
    """List webhooks; the server returns all of them at once."""
    operation = v1.list_webhooks_v1
    expected = page_of(api.V1WebhookListEnvelope, api.V1Webhook, _webhook)
    route = Route(operation, operation.get_kwargs(), expected, unpaged_items, advice=_ADVICE)
    return Listing(session, *in_order("webhooks.list", list_webhooks_v1=unpaged(route)), **paging)


def create(session: Session, *, name: str | None, transform: str | None) -> Plan[Webhook]:
    """Create a webhook."""
    kwargs = v1.create_webhook_v1.get_kwargs(body=_body(name, transform))
    route = _route(v1.create_webhook_v1, kwargs, repeatable=False)
    return ask(session, "webhooks.create", route)


def get(session: Session, webhook_id: str) -> Plan[Webhook]:
    """Get one webhook."""
    kwargs = v1.get_webhook_v1.get_kwargs(check_id("webhook id", webhook_id, argument="id"))
    return ask(session, "webhooks.get", _route(v1.get_webhook_v1, kwargs))


def update(
    session: Session, webhook_id: str, *, name: str | None, transform: str | None
) -> Plan[Webhook]:
    """Change the given fields of a webhook."""
    webhook_id = check_id("webhook id", webhook_id, argument="id")
    kwargs = v1.update_webhook_v1.get_kwargs(webhook_id, body=_body(name, transform))
    return ask(session, "webhooks.update", _route(v1.update_webhook_v1, kwargs))


def delete(session: Session, webhook_id: str) -> Plan[None]:
    """Delete a webhook."""
    operation = v1.delete_webhook_v1
    kwargs = operation.get_kwargs(check_id("webhook id", webhook_id, argument="id"))
    route = Route.without_result(operation, kwargs, deletes=True, advice=_ADVICE)
    return ask(session, "webhooks.delete", route)


def _route(
    operation: OperationModule, kwargs: Mapping[str, Any], *, repeatable: bool = True
) -> Route[Any, Webhook]:
    form, convert = api.V1WebhookEnvelope, of_data(_webhook)
    return Route(operation, kwargs, form, convert, repeatable=repeatable, advice=_ADVICE)


def _body(name: str | None, transform: str | None) -> api.V1WebhookBody:
    name, transform = check_text("name", name), check_text("transform", transform)
    return api.V1WebhookBody(name=name or UNSET, transform=transform or UNSET)


def _webhook(it: api.V1Webhook) -> Webhook:
    return record(Webhook, it)
