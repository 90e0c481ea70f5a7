"""What is of an account: environments, keys, Insights, experiments, sessions, webhooks and more.

Inngest Cloud has all of it; a self-hosted server has a fixed account with one environment.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from inngest_rest import models
from inngest_rest._core.arguments import check_each, check_id, check_text, invalid
from inngest_rest._core.calls.listing import Listing, Paging, read_all
from inngest_rest._core.calls.route import Route, nothing
from inngest_rest._core.resources.fields import json_object, optional, record, required
from inngest_rest._core.resources.filters import Names, Window, check_instant
from inngest_rest._core.resources.routes import ask, listed, one, pages
from inngest_rest.errors import Advice, NextCall, ServerError
from inngest_rest_api import models as api
from inngest_rest_api.api import v1, v2
from inngest_rest_api.types import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from datetime import datetime, timedelta
    from typing import Unpack

    from inngest_rest._core.calls.route import AdviceByError
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan
    from inngest_rest.typing import KeyKind

# A self-hosted server responds with 500 and an empty body (recording v1-cancellations).
_NO_CANCELLATIONS: AdviceByError = {
    ServerError: Advice(
        "A self-hosted server has no bulk cancellations: cancel runs by a filter, with {}.",
        (NextCall("runs.cancel_all"),),
    )
}


def get_account(session: Session) -> Plan[models.AccountInfo]:
    return one(session, "account.get", partial(record, models.AccountInfo))


def list_envs(session: Session, **paging: Unpack[Paging]) -> Listing[models.Environment]:
    return listed(session, "envs.list", pages(v2.list_envs_v2, _environment), **paging)


def create_env(session: Session, name: str) -> Plan[models.Environment]:
    body = api.V2CreateEnvBody(name=check_text("name", name))
    return one(session, "envs.create", _environment, repeatable=False, body=body)


def archive_env(session: Session, env_id: str, archived: bool) -> Plan[models.Environment]:
    path = check_id("environment id", env_id, argument="id")
    body = api.V2UpdateEnvBody(is_archived=archived)
    return one(session, "envs.archive", _environment, path, body=body)


def ensure_env(session: Session, name: str) -> Plan[models.Environment]:
    """Return the environment of a name: as it is, taken back from the archive, or created."""
    check_text("name", name)
    envs = yield from read_all(list_envs(session))
    found = sorted((it for it in envs if it.name == name), key=lambda it: it.is_archived)
    if not found:
        return (yield from create_env(session, name))
    env = found[0]
    return (yield from archive_env(session, env.id, archived=False)) if env.is_archived else env


def _environment(it: api.V2Env) -> models.Environment:
    return record(models.Environment, it, kind=(optional(it.type_) or "production").lower())


def list_keys(
    session: Session, kind: KeyKind, reveal: bool, **paging: Unpack[Paging]
) -> Listing[models.Key]:
    modules = {"event": v2.list_event_keys_v2, "signing": v2.list_signing_keys_v2}
    if kind not in modules:
        raise invalid("kind", 'must be "event" or "signing"')

    def key(it: api.V2Key) -> models.Key:
        text = optional(it.key)
        if text is not None and not reveal:
            # Of a short one, the last characters would be much of it.
            text = f"…{text[-4:]}" if len(text) > 16 else "…"
        return record(models.Key, it, key=text)

    return listed(session, "keys.list", pages(modules[kind], key), **paging)


def query(session: Session, sql: str) -> Plan[models.InsightsResult]:
    body = api.V2InsightsQueryBody(query=check_text("sql", sql))

    def convert(it: api.V2InsightsResult) -> models.InsightsResult:
        columns = optional(it.columns)
        if columns is None:
            raise ValueError("columns is missing")
        remarks = optional(it.diagnostics) or []
        return models.InsightsResult(
            tuple(required(each.name, "name") for each in columns),
            tuple(tuple(optional(each.values) or ()) for each in optional(it.rows) or []),
            tuple(f"{optional(each.severity)}: {optional(each.message)}" for each in remarks),
        )

    return one(session, "insights.query", convert, body=body)


def list_tables(session: Session) -> Plan[list[models.InsightsTable]]:
    def table(it: api.V2InsightsTable) -> models.InsightsTable:
        columns = optional(it.columns) or []
        types = {required(each.name, "name"): optional(each.type_) for each in columns}
        return record(models.InsightsTable, it, columns=types)

    return one(session, "insights.tables", lambda data: list(map(table, optional(data) or ())))


def list_schemas(session: Session, **paging: Unpack[Paging]) -> Listing[models.EventSchema]:
    def schema(it: api.V2EventSchema) -> models.EventSchema:
        return record(models.EventSchema, it, schema=json_object(it.schema))

    found = pages(v2.list_event_schemas_v2, schema)
    return listed(session, "insights.schemas", found, **paging)


def list_experiments(
    session: Session, app: str | None, function: str | None, **paging: Unpack[Paging]
) -> Listing[models.Experiment]:
    names = Names.of(app, function)
    app, function = names.exact
    if names != Names(app, function):
        raise invalid("function" if app else "app", "has to be the id of one, not a pattern")
    of: Any = {"app_id": app, "function_id": function}

    def experiment(it: api.V2Experiment) -> models.Experiment:
        variants = tuple(map(models.Variant, optional(it.variants) or ()))
        return record(
            models.Experiment, it, function_id=_function_id(it.function), variants=variants
        )

    found = pages(v2.list_experiments_v2, experiment, **of)
    return listed(session, "experiments.list", found, **paging)


def get_experiment(
    session: Session, app: str, function: str, experiment: str, variant: str | None
) -> Plan[models.Experiment]:
    of = check_id("app", app), check_id("function", function)
    experiment = check_id("experiment", experiment, argument="id")

    def convert(it: api.V2ExperimentDetail) -> models.Experiment:
        weights = {each.variant_name: each.weight for each in optional(it.variant_weights) or []}
        variants = tuple(_variant(each, weights) for each in optional(it.variants) or [])
        return record(models.Experiment, it, function_id=function, variants=variants)

    only = check_text("variant", variant)
    return one(session, "experiments.get", convert, *of, experiment, variant=only)


def _variant(it: api.V2VariantMetrics, weights: Mapping[Any, Any]) -> models.Variant:
    name = required(it.variant_name, "variantName")
    metrics = {
        required(each.key, "key"): {
            "avg": optional(each.avg),
            "min": optional(each.min_),
            "max": optional(each.max_),
        }
        for each in optional(it.metrics) or []
    }
    weight = optional(weights.get(name, UNSET))
    return record(models.Variant, it, name=name, weight=weight, metrics=metrics)


def list_session_keys(
    session: Session, search: str | None, **paging: Unpack[Paging]
) -> Listing[str]:
    text = check_text("search", search)
    found = pages(v2.list_session_keys_v2, lambda it: required(it.id, "id"), search=text)
    return listed(session, "sessions.keys", found, **paging)


def list_sessions(
    session: Session, key: str, search: str | None, **paging: Unpack[Paging]
) -> Listing[models.SessionGroup]:
    def group(it: api.V2Session) -> models.SessionGroup:
        functions = map(_function_id, optional(it.functions) or [])
        return record(models.SessionGroup, it, function_ids=tuple(filter(None, functions)))

    of, text = check_id("session key", key, argument="key"), check_text("search", search)
    found = pages(v2.list_sessions_v2, group, of, search=text)
    return listed(session, "sessions.list", found, **paging)


def list_session_runs(
    session: Session,
    key: str,
    session_id: str,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    **paging: Unpack[Paging],
) -> Listing[models.Run]:
    def run(it: api.V2SessionRun) -> models.Run:
        status = models.RunStatus(optional(it.status) or "unknown")
        return record(models.Run, it, status=status, function_id=_function_id(it.function))

    of = check_id("session key", key, argument="key")
    of_session = check_id("session id", session_id, argument="id")
    window = Window.of(session, since, until)
    found = pages(v2.list_session_runs_v2, run, of, of_session, window=window)
    return listed(session, "sessions.runs", found, is_relative=window.is_relative, **paging)


def _function_id(it: api.V2FunctionRef | Unset) -> str | None:
    return None if isinstance(it, Unset) else optional(it.id)


def list_cancellations(session: Session, **paging: Unpack[Paging]) -> Listing[models.Cancellation]:
    found = pages(v1.list_cancellations_v1, _cancellation, may_panic=True, advice=_NO_CANCELLATIONS)
    return listed(session, "cancellations.list", found, **paging)


def create_cancellation(
    session: Session,
    app_id: str,
    function_id: str,
    started_before: datetime | timedelta,
    started_after: datetime | timedelta | None,
    condition: str | None,
) -> Plan[models.Cancellation]:
    check_text("condition", condition)
    now = session.server_clocks["api"].now()
    end = check_instant("started_before", started_before, now)
    if end is None:
        raise invalid("started_before", "must be given: it bounds what is cancelled")
    begin = check_instant("started_after", started_after, now)
    if begin is not None and begin >= end:
        raise invalid("started_after", "must be before started_before")
    body = api.V1CancellationBody(
        app_id=check_id("app", app_id),
        function_id=check_id("function", function_id),
        started_before=end,
        started_after=begin or UNSET,
        if_=condition or UNSET,
    )
    options: Any = {"repeatable": False, "advice": _NO_CANCELLATIONS}
    return one(session, "cancellations.create", _cancellation, body=body, **options)


def delete_cancellation(session: Session, cancellation_id: str) -> Plan[None]:
    path = check_id("cancellation id", cancellation_id, argument="id")
    options: Any = {"deletes": True, "may_panic": True, "advice": _NO_CANCELLATIONS}
    return one(session, "cancellations.delete", nothing, path, **options)


def _cancellation(it: api.V1Cancellation) -> models.Cancellation:
    return record(models.Cancellation, it, condition=optional(it.if_))


def list_webhooks(session: Session, **paging: Unpack[Paging]) -> Listing[models.Webhook]:
    """List webhooks: v2 those of the client's environment, in pages; v1 all of them at once."""
    by_v1 = pages(v1.list_webhooks_v1, _webhook)
    by_v2 = pages(v2.list_webhooks_v2, _webhook_of_v2)
    return listed(session, "webhooks.list", by_v1 | by_v2, **paging)


def create_webhook(
    session: Session,
    name: str | None,
    transform: str | None,
    response: str | None,
    events: Iterable[str],
    deny_events: bool,
) -> Plan[models.Webhook]:
    module, body = v1.create_webhook_v1, _webhook_body(name, transform)
    routes = [Route.of(module, _webhook, repeatable=False, body=body)]
    names = [name for name in check_each("events", events, "names of events", check_text) if name]
    if response or names or session.settings.api_version == "v2":
        # v1 would leave out what it does not have.
        routes.clear()
        if not (name and transform):
            raise invalid("transform", "and name are required by v2, which alone has events")
    if name and transform:
        chosen = api.V2EventFilter(events=names, filter_="DENY" if deny_events else "ALLOW")
        of_v2 = api.V2CreateWebhookBody(
            name=name,
            transform=transform,
            response=check_text("response", response) or UNSET,
            event_filter=chosen if names else UNSET,
        )
        routes.append(Route.of(v2.create_webhook_v2, _webhook_of_v2, repeatable=False, body=of_v2))
    return ask(session, "webhooks.create", *routes)


def get_webhook(session: Session, webhook_id: str) -> Plan[models.Webhook]:
    return one(session, "webhooks.get", _webhook, _webhook_id(webhook_id))


def update_webhook(
    session: Session, webhook_id: str, name: str | None, transform: str | None
) -> Plan[models.Webhook]:
    path, body = _webhook_id(webhook_id), _webhook_body(name, transform)
    return one(session, "webhooks.update", _webhook, path, body=body)


def delete_webhook(session: Session, webhook_id: str) -> Plan[None]:
    return one(session, "webhooks.delete", nothing, _webhook_id(webhook_id), deletes=True)


def _webhook_id(webhook_id: str) -> str:
    return check_id("webhook id", webhook_id, argument="id")


def _webhook_body(name: str | None, transform: str | None) -> api.V1WebhookBody:
    name, transform = check_text("name", name), check_text("transform", transform)
    return api.V1WebhookBody(name=name or UNSET, transform=transform or UNSET)


_webhook = partial(record, models.Webhook)


def _webhook_of_v2(it: api.V2Webhook) -> models.Webhook:
    if (chosen := optional(it.event_filter)) is None:
        return _webhook(it)
    denies = optional(chosen.filter_) == "DENY"
    return _webhook(it, events=tuple(optional(chosen.events) or ()), denies_events=denies)
