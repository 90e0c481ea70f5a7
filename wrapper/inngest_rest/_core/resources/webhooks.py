"""Webhooks, which only Inngest Cloud has."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from inngest_rest._core.arguments import check_each, check_id, check_text, invalid
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources.fields import of_data, optional, record
from inngest_rest._core.resources.routes import ask, listed, pages
from inngest_rest.models import Webhook
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Unpack

    from inngest_rest._core.calls.listing import Listing, Paging
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def list_webhooks(session: Session, **paging: Unpack[Paging]) -> Listing[Webhook]:
    """List webhooks: v2 those of the client's environment, in pages; v1 all of them at once."""
    by_v1 = pages(v1.list_webhooks_v1, api.V1Webhook, partial(record, Webhook))
    by_v2 = pages(v2.list_webhooks_v2, api.V2Webhook, _of_v2)
    return listed(session, "webhooks.list", by_v1 | by_v2, **paging)


def create(
    session: Session,
    *,
    name: str | None,
    transform: str | None,
    response: str | None,
    events: Iterable[str],
    deny_events: bool,
) -> Plan[Webhook]:
    """Create a webhook; only v2 has a response and a filter of events."""
    routes = [_by_v1(v1.create_webhook_v1, repeatable=False, body=_body(name, transform))]
    names = [name for name in check_each("events", events, "names of events", check_text) if name]
    if response or names or session.settings.api_version == "v2":
        # v1 would leave out what it does not have.
        routes.clear()
        if not (name and transform):
            raise invalid("transform", "and name are required by v2, which alone has events")
    if name and transform:
        module = v2.create_webhook_v2
        chosen = api.V2EventFilter(events=names, filter_="DENY" if deny_events else "ALLOW")
        body = api.V2CreateWebhookBody(
            name=name,
            transform=transform,
            response=check_text("response", response) or UNSET,
            event_filter=chosen if names else UNSET,
        )
        form, kwargs = api.V2WebhookEnvelope, module.get_kwargs(body=body)
        routes.append(Route(module, kwargs, form, of_data(_of_v2), repeatable=False))
    return ask(session, "webhooks.create", *routes)


def get(session: Session, webhook_id: str) -> Plan[Webhook]:
    """Get one webhook."""
    return ask(session, "webhooks.get", _by_v1(v1.get_webhook_v1, _checked(webhook_id)))


def update(
    session: Session, webhook_id: str, *, name: str | None, transform: str | None
) -> Plan[Webhook]:
    """Change the given fields of a webhook."""
    path, body = _checked(webhook_id), _body(name, transform)
    return ask(session, "webhooks.update", _by_v1(v1.update_webhook_v1, path, body=body))


def delete(session: Session, webhook_id: str) -> Plan[None]:
    """Delete a webhook."""
    module = v1.delete_webhook_v1
    route = Route.without_result(module, module.get_kwargs(_checked(webhook_id)), deletes=True)
    return ask(session, "webhooks.delete", route)


def _checked(webhook_id: str) -> str:
    return check_id("webhook id", webhook_id, argument="id")


def _body(name: str | None, transform: str | None) -> api.V1WebhookBody:
    name, transform = check_text("name", name), check_text("transform", transform)
    return api.V1WebhookBody(name=name or UNSET, transform=transform or UNSET)


def _by_v1(module: Any, *path: str, repeatable: bool = True, **given: Any) -> Route[Any, Webhook]:
    form, convert = api.V1WebhookEnvelope, of_data(partial(record, Webhook))
    return Route(module, module.get_kwargs(*path, **given), form, convert, repeatable=repeatable)


def _of_v2(it: api.V2Webhook) -> Webhook:
    if (chosen := optional(it.event_filter)) is None:
        return record(Webhook, it)
    denies = optional(chosen.filter_) == "DENY"
    return record(Webhook, it, events=tuple(optional(chosen.events) or ()), denies_events=denies)
