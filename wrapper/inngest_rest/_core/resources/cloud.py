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
    from collections.abc import Callable, Iterable, Mapping

    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan

account = partial(record, models.AccountInfo)


def environment(raw: api.V2Env) -> models.Environment:
    kind = optional(raw.type_) or "production"
    return record(models.Environment, raw, kind=kind.lower())


key = partial(record, models.Key)


def masked_key(raw: api.V2Key) -> models.Key:
    text = optional(raw.key)
    if text is None:
        return key(raw, key=None)
    # Four characters of a short key reveal too much.
    end = text[-4:] if len(text) > 16 else ""
    return key(raw, key=f"…{end}")


def insights_result(raw: api.V2InsightsResult) -> models.InsightsResult:
    columns = optional(raw.columns)
    if columns is None:
        raise ValueError("columns is missing")
    rows = map(_values_of, optional(raw.rows) or [])
    diagnostics: list[str] = []
    for diagnostic in optional(raw.diagnostics) or []:
        severity = optional(diagnostic.severity)
        diagnostics.append(f"{severity}: {optional(diagnostic.message)}")
    return models.InsightsResult(
        columns=tuple(required(column.name, "name") for column in columns),
        rows=tuple(rows),
        diagnostics=tuple(diagnostics),
    )


def _values_of(row: api.V2InsightsRow) -> tuple[Any, ...]:
    return tuple(optional(row.values) or ())


def insights_tables(
    data: list[api.V2InsightsTable] | Unset | None,
) -> list[models.InsightsTable]:
    tables: list[models.InsightsTable] = []
    for raw in optional(data) or ():
        types: dict[str, str | None] = {}
        for column in optional(raw.columns) or []:
            types[required(column.name, "name")] = optional(column.type_)
        tables.append(record(models.InsightsTable, raw, columns=types))
    return tables


def event_schema(raw: api.V2EventSchema) -> models.EventSchema:
    return record(models.EventSchema, raw, schema=json_object(raw.schema))


def of_one_function(app: str | None, function: str | None) -> dict[str, Any]:
    """Return the arguments of a request about one app or function; reject patterns."""
    names = Names.of(app, function)
    exact_app, exact_function = names.exact
    if names != Names(exact_app, exact_function):
        argument = "function" if exact_app else "app"
        raise invalid(argument, "must be an id, not a pattern")
    return {"app_id": exact_app, "function_id": exact_function}


def experiment(raw: api.V2Experiment) -> models.Experiment:
    names = optional(raw.variants) or ()
    return record(
        models.Experiment,
        raw,
        function_id=_function_id(raw.function),
        variants=tuple(map(models.Variant, names)),
    )


def experiment_of(
    function: str,
) -> Callable[[api.V2ExperimentDetail], models.Experiment]:
    """Return the conversion of an experiment of a function, with the metrics of its variants."""

    def convert(raw: api.V2ExperimentDetail) -> models.Experiment:
        weights: dict[Any, Any] = {}
        for weight in optional(raw.variant_weights) or []:
            weights[weight.variant_name] = weight.weight
        variants = [
            _measured_variant(variant, weights)
            for variant in optional(raw.variants) or []
        ]
        return record(
            models.Experiment, raw, function_id=function, variants=tuple(variants)
        )

    return convert


def _measured_variant(
    raw: api.V2VariantMetrics, weights: Mapping[Any, Any]
) -> models.Variant:
    name = required(raw.variant_name, "variantName")
    metrics: dict[str, dict[str, float | None]] = {}
    for metric in optional(raw.metrics) or []:
        metric_name = required(metric.key, "key")
        metrics[metric_name] = {
            "avg": optional(metric.avg),
            "min": optional(metric.min_),
            "max": optional(metric.max_),
        }
    weight = optional(weights.get(name, UNSET))
    return record(
        models.Variant,
        raw,
        name=name,
        weight=weight,
        metrics=metrics,
    )


def session_key(raw: api.V2SessionKey) -> str:
    return required(raw.id, "id")


def session_group(raw: api.V2Session) -> models.SessionGroup:
    functions = optional(raw.functions) or []
    known = filter(None, map(_function_id, functions))
    return record(models.SessionGroup, raw, function_ids=tuple(known))


def session_run(raw: api.V2SessionRun) -> models.Run:
    status = models.RunStatus(optional(raw.status) or "unknown")
    function_id = _function_id(raw.function)
    return record(models.Run, raw, status=status, function_id=function_id)


def _function_id(raw: api.V2FunctionRef | Unset) -> str | None:
    if isinstance(raw, Unset):
        return None
    return optional(raw.id)


# It responds to them with 500 and an empty body (recording v1-cancellations).
NO_CANCELLATIONS: AdviceByError = {
    RouteNotFoundError: Advice(
        "A self-hosted server has no bulk cancellations: cancel runs by a filter, with {}.",
        (NextCall("runs.cancel_all"),),
    )
}
"""The alternative if the server has no bulk cancellations."""


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
    checked_events = check_each("events", events, "names of events", check_text)
    names = [name for name in checked_events if name]
    body_of_v2 = {
        **body,
        "response": check_text("response", response),
        "event_filter": _event_filter(names, denies=deny_events),
    }
    routes = list[Route[Any, models.Webhook]]()
    # v1 would ignore the fields that it does not have.
    needs_v2 = response or names or session.settings.api_version == "v2"
    if not needs_v2:
        by_v1 = Route.of(v1.create_webhook_v1, webhook, body=body, repeatable=False)
        routes.append(by_v1)
    if name and transform:
        by_v2 = Route.of(
            v2.create_webhook_v2, webhook, body=body_of_v2, repeatable=False
        )
        routes.append(by_v2)
    if not routes:
        raise invalid(
            "transform", "and name are required by v2, which alone has events"
        )
    return ask_first(session, "webhooks.create", *routes)


def _event_filter(names: list[str], *, denies: bool) -> api.V2EventFilter | None:
    if not names:
        return None
    effect = "DENY" if denies else "ALLOW"
    return api.V2EventFilter(events=names, filter_=effect)


def webhook(raw: api.V1Webhook | api.V2Webhook) -> models.Webhook:
    if isinstance(raw, api.V1Webhook):
        return record(models.Webhook, raw)
    event_filter = optional(raw.event_filter)
    if event_filter is None:
        return record(models.Webhook, raw)
    events = tuple(optional(event_filter.events) or ())
    denies = optional(event_filter.filter_) == "DENY"
    return record(models.Webhook, raw, events=events, denies_events=denies)
