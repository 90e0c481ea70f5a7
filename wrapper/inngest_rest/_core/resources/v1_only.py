"""What v1 has, besides events: bulk cancellations, signals, webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest._core.arguments import check_each, check_id, check_json, check_text, invalid
from inngest_rest._core.calls.listing import Listing, Paging, unpaged
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources.fields import (
    of_data,
    optional,
    page_of,
    record,
    required,
    unpaged_items,
    v2_page,
)
from inngest_rest._core.resources.filters import check_instant
from inngest_rest._core.resources.routes import ask, in_order
from inngest_rest.errors import Advice, NextCall, ServerError
from inngest_rest.models import Cancellation, Webhook
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta
    from typing import Unpack

    from inngest_rest._core.calls.listing import ListedPage, PageRequest
    from inngest_rest._core.calls.route import AdviceByError, OperationModule
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

# It responds with 500 and an empty body (recording v1-cancellations).
_CANCELLATION_ADVICE: AdviceByError = {
    ServerError: Advice(
        "A self-hosted server has no bulk cancellations: cancel runs by a filter, with {}.",
        (NextCall("runs.cancel_all"),),
    )
}


def list_cancellations(session: Session, **paging: Unpack[Paging]) -> Listing[Cancellation]:
    """List bulk cancellations; the server returns all of them at once."""
    operation = v1.list_cancellations_v1
    kwargs = operation.get_kwargs()
    expected = page_of(api.V1CancellationListEnvelope, api.V1Cancellation, _cancellation)
    advice = _CANCELLATION_ADVICE
    route = Route(operation, kwargs, expected, unpaged_items, may_panic=True, advice=advice)
    routes = in_order("cancellations.list", list_cancellations_v1=unpaged(route))
    return Listing(session, *routes, **paging)


def create_cancellation(
    session: Session,
    app_id: str,
    function_id: str,
    *,
    started_before: datetime | timedelta,
    started_after: datetime | timedelta | None,
    condition: str | None,
) -> Plan[Cancellation]:
    """Cancel every run of a function that started in a time window."""
    check_text("condition", condition)
    now = session.server_clocks["api"].now()
    end = check_instant("started_before", started_before, now)
    if end is None:
        raise invalid("started_before", "must be given: it bounds what is cancelled")
    begin = check_instant("started_after", started_after, now)
    if begin is not None and begin >= end:
        raise invalid("started_after", "must be before started_before")
    operation = v1.create_cancellation_v1
    body = api.V1CancellationBody(
        app_id=check_id("app", app_id),
        function_id=check_id("function", function_id),
        started_before=end,
        started_after=begin or UNSET,
        if_=condition or UNSET,
    )
    route: Route[Any, Cancellation] = Route(
        operation,
        operation.get_kwargs(body=body),
        api.V1CancellationEnvelope,
        of_data(_cancellation),
        other_forms=(api.V1Cancellation,),
        repeatable=False,
        advice=_CANCELLATION_ADVICE,
    )
    return ask(session, "cancellations.create", route)


def delete_cancellation(session: Session, cancellation_id: str) -> Plan[None]:
    """Withdraw a bulk cancellation; runs it has already cancelled stay cancelled."""
    operation = v1.delete_cancellation_v1
    kwargs = operation.get_kwargs(check_id("cancellation id", cancellation_id, argument="id"))
    advice = _CANCELLATION_ADVICE
    route = Route.without_result(operation, kwargs, deletes=True, may_panic=True, advice=advice)
    return ask(session, "cancellations.delete", route)


def _cancellation(it: api.V1Cancellation) -> Cancellation:
    return record(Cancellation, it, condition=optional(it.if_))


def send_signal(session: Session, signal: str, data: Any) -> Plan[str]:
    """Send a signal and return the id of the run that waited for it."""
    # For an empty one the server responds with 500 after 1.5 s (recording v1-signal-empty).
    check_text("signal", signal or "")
    operation = v1.send_signal_v1
    kwargs = operation.get_kwargs(body=api.V1Signal(signal, check_json("data", data)))
    form, others, convert = api.V1RunIdEnvelope, (api.V1RunId,), of_data(_run_id)
    route: Route[Any, str] = Route(
        operation, kwargs, form, convert, other_forms=others, repeatable=False
    )
    return ask(session, "signals.send", route)


def _run_id(it: api.V1RunId) -> str:
    return required(it.run_id, "run_id")


def list_webhooks(session: Session, **paging: Unpack[Paging]) -> Listing[Webhook]:
    """List webhooks: v2 those of the client's environment, in pages; v1 all of them at once."""
    operation = v1.list_webhooks_v1
    expected = page_of(api.V1WebhookListEnvelope, api.V1Webhook, _webhook)
    by_v1 = unpaged(Route(operation, operation.get_kwargs(), expected, unpaged_items))

    def by_v2(page: PageRequest) -> Route[Any, ListedPage[Webhook]]:
        module = v2.list_webhooks_v2
        kwargs = module.get_kwargs(limit=page.size, cursor=page.cursor)
        expected = page_of(api.V2WebhookListEnvelope, api.V2Webhook, _webhook_of_v2)
        return Route(module, kwargs, expected, v2_page)

    routes = in_order("webhooks.list", list_webhooks_v2=by_v2, list_webhooks_v1=by_v1)
    return Listing(session, *routes, **paging)


def create_webhook(
    session: Session,
    *,
    name: str | None,
    transform: str | None,
    response: str | None,
    events: Iterable[str],
    deny_events: bool,
) -> Plan[Webhook]:
    """Create a webhook; only v2 has a response and a filter of events."""
    kwargs = v1.create_webhook_v1.get_kwargs(body=_webhook_body(name, transform))
    routes = [_webhook_route(v1.create_webhook_v1, kwargs, repeatable=False)]
    names = check_each("events", events, "names of events", check_id)
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
        form, kwargs, convert = api.V2WebhookEnvelope, module.get_kwargs(body=body), _webhook_of_v2
        routes.append(Route(module, kwargs, form, of_data(convert), repeatable=False))
    return ask(session, "webhooks.create", *routes)


def _webhook_of_v2(it: api.V2Webhook) -> Webhook:
    if (chosen := optional(it.event_filter)) is None:
        return record(Webhook, it)
    denies = optional(chosen.filter_) == "DENY"
    return record(Webhook, it, events=tuple(optional(chosen.events) or ()), denies_events=denies)


def get_webhook(session: Session, webhook_id: str) -> Plan[Webhook]:
    """Get one webhook."""
    kwargs = v1.get_webhook_v1.get_kwargs(check_id("webhook id", webhook_id, argument="id"))
    return ask(session, "webhooks.get", _webhook_route(v1.get_webhook_v1, kwargs))


def update_webhook(
    session: Session, webhook_id: str, *, name: str | None, transform: str | None
) -> Plan[Webhook]:
    """Change the given fields of a webhook."""
    webhook_id = check_id("webhook id", webhook_id, argument="id")
    kwargs = v1.update_webhook_v1.get_kwargs(webhook_id, body=_webhook_body(name, transform))
    return ask(session, "webhooks.update", _webhook_route(v1.update_webhook_v1, kwargs))


def delete_webhook(session: Session, webhook_id: str) -> Plan[None]:
    """Delete a webhook."""
    kwargs = v1.delete_webhook_v1.get_kwargs(check_id("webhook id", webhook_id, argument="id"))
    route = Route.without_result(v1.delete_webhook_v1, kwargs, deletes=True)
    return ask(session, "webhooks.delete", route)


def _webhook_route(
    operation: OperationModule, kwargs: Mapping[str, Any], *, repeatable: bool = True
) -> Route[Any, Webhook]:
    form, convert = api.V1WebhookEnvelope, of_data(_webhook)
    return Route(operation, kwargs, form, convert, repeatable=repeatable)


def _webhook_body(name: str | None, transform: str | None) -> api.V1WebhookBody:
    name, transform = check_text("name", name), check_text("transform", transform)
    return api.V1WebhookBody(name=name or UNSET, transform=transform or UNSET)


def _webhook(it: api.V1Webhook) -> Webhook:
    return record(Webhook, it)
