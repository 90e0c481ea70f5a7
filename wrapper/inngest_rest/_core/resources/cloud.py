"""Resources of an account: environments, keys, Insights, experiments, sessions, webhooks and more.

Inngest Cloud has all of them; a self-hosted server has a fixed account with one environment.
Methods that need no separate plan send their request themselves; this module converts the
responses.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from inngest_rest import models
from inngest_rest._arguments import invalid
from inngest_rest._core.arguments import check_each, check_text
from inngest_rest._core.calls.route import Route
from inngest_rest._core.resources.fields import json_object, optional, record, required
from inngest_rest._core.resources.filters import Names
from inngest_rest._core.resources.routes import ask_first
from inngest_rest.errors import Advice, NextCall, RouteNotFoundError
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

account = partial(record, models.AccountInfo)


def environment(raw: api.V2Env) -> models.Environment:
    return record(
        models.Environment, raw, kind=(optional(raw.type_) or "production").lower()
    )


key = partial(record, models.Key)


def masked_key(raw: api.V2Key) -> models.Key:
    text = optional(raw.key)
    if text is not None:
        # Four characters of a short key reveal too much.
        text = f"…{text[-4:]}" if len(text) > 16 else "…"
    return key(raw, key=text)


def insights_result(raw: api.V2InsightsResult) -> models.InsightsResult:
    columns = optional(raw.columns)
    if columns is None:
        raise ValueError("columns is missing")
    remarks = optional(raw.diagnostics) or []
    return models.InsightsResult(
        tuple(required(each.name, "name") for each in columns),
        tuple(tuple(optional(each.values) or ()) for each in optional(raw.rows) or []),
        tuple(
            f"{optional(each.severity)}: {optional(each.message)}" for each in remarks
        ),
    )


def insights_tables(
    data: list[api.V2InsightsTable] | Unset | None,
) -> list[models.InsightsTable]:
    def table(raw: api.V2InsightsTable) -> models.InsightsTable:
        columns = optional(raw.columns) or []
        types = {required(each.name, "name"): optional(each.type_) for each in columns}
        return record(models.InsightsTable, raw, columns=types)

    return list(map(table, optional(data) or ()))


def event_schema(raw: api.V2EventSchema) -> models.EventSchema:
    return record(models.EventSchema, raw, schema=json_object(raw.schema))


def of_one_function(app: str | None, function: str | None) -> dict[str, Any]:
    """Return arguments of a request about an app or a function; reject a pattern of several."""
    names = Names.of(app, function)
    app, function = names.exact
    if names != Names(app, function):
        raise invalid("function" if app else "app", "must be an id, not a pattern")
    return {"app_id": app, "function_id": function}


def experiment(raw: api.V2Experiment) -> models.Experiment:
    variants = tuple(map(models.Variant, optional(raw.variants) or ()))
    return record(
        models.Experiment,
        raw,
        function_id=_function_id(raw.function),
        variants=variants,
    )


def experiment_of(
    function: str,
) -> Callable[[api.V2ExperimentDetail], models.Experiment]:
    """Return how an experiment of a function is converted, with what its variants came to."""

    def convert(raw: api.V2ExperimentDetail) -> models.Experiment:
        weights = {
            each.variant_name: each.weight
            for each in optional(raw.variant_weights) or []
        }

        def variant(raw: api.V2VariantMetrics) -> models.Variant:
            name = required(raw.variant_name, "variantName")
            metrics = {
                required(each.key, "key"): {
                    "avg": optional(each.avg),
                    "min": optional(each.min_),
                    "max": optional(each.max_),
                }
                for each in optional(raw.metrics) or []
            }
            weight = optional(weights.get(name, UNSET))
            return record(
                models.Variant, raw, name=name, weight=weight, metrics=metrics
            )

        variants = tuple(map(variant, optional(raw.variants) or []))
        return record(models.Experiment, raw, function_id=function, variants=variants)

    return convert


def session_key(raw: api.V2SessionKey) -> str:
    return required(raw.id, "id")


def session_group(raw: api.V2Session) -> models.SessionGroup:
    functions = map(_function_id, optional(raw.functions) or [])
    return record(models.SessionGroup, raw, function_ids=tuple(filter(None, functions)))


def session_run(raw: api.V2SessionRun) -> models.Run:
    status = models.RunStatus(optional(raw.status) or "unknown")
    return record(
        models.Run, raw, status=status, function_id=_function_id(raw.function)
    )


def _function_id(raw: api.V2FunctionRef | Unset) -> str | None:
    return None if isinstance(raw, Unset) else optional(raw.id)


# It responds to them with 500 and an empty body (recording v1-cancellations).
NO_CANCELLATIONS: AdviceByError = {
    RouteNotFoundError: Advice(
        "A self-hosted server has no bulk cancellations: cancel runs by a filter, with {}.",
        (NextCall("runs.cancel_all"),),
    )
}
"""What to do where the server has no bulk cancellations."""


def cancellation(raw: api.V1Cancellation) -> models.Cancellation:
    return record(models.Cancellation, raw, condition=optional(raw.if_))


def create_webhook(
    session: Session,
    name: str | None,
    transform: str | None,
    response: str | None,
    events: Iterable[str],
    deny_events: bool,
) -> Plan[models.Webhook]:
    body = {
        "name": check_text("name", name),
        "transform": check_text("transform", transform),
    }
    names = [
        name
        for name in check_each("events", events, "names of events", check_text)
        if name
    ]
    kind = "DENY" if deny_events else "ALLOW"
    chosen = api.V2EventFilter(events=names, filter_=kind) if names else None
    of_v2 = {
        **body,
        "response": check_text("response", response),
        "event_filter": chosen,
    }
    routes = list[Route[Any, models.Webhook]]()
    if not (response or names or session.settings.api_version == "v2"):
        # v1 would leave out what it does not have.
        routes.append(
            Route.of(v1.create_webhook_v1, webhook, body=body, repeatable=False)
        )
    if name and transform:
        routes.append(
            Route.of(v2.create_webhook_v2, webhook, body=of_v2, repeatable=False)
        )
    if not routes:
        raise invalid(
            "transform", "and name are required by v2, which alone has events"
        )
    return ask_first(session, "webhooks.create", *routes)


def webhook(raw: api.V1Webhook | api.V2Webhook) -> models.Webhook:
    chosen = optional(raw.event_filter) if isinstance(raw, api.V2Webhook) else None
    if chosen is None:
        return record(models.Webhook, raw)
    denies, events = (
        optional(chosen.filter_) == "DENY",
        tuple(optional(chosen.events) or ()),
    )
    return record(models.Webhook, raw, events=events, denies_events=denies)
