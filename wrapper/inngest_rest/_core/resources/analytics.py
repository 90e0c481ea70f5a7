"""What Inngest Cloud derives from events and runs: Insights, experiments and sessions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest._core.arguments import check_id, check_text, invalid
from inngest_rest._core.resources.fields import json_object, optional, record, required
from inngest_rest._core.resources.filters import Names, check_window
from inngest_rest._core.resources.routes import listed, one, pages
from inngest_rest.models import (
    EventSchema,
    Experiment,
    InsightsResult,
    InsightsTable,
    Run,
    RunStatus,
    SessionGroup,
    Variant,
)
from inngest_rest_api import models as api
from inngest_rest_api.api import v2
from inngest_rest_api.types import UNSET, Unset

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime, timedelta
    from typing import Unpack

    from inngest_rest._core.calls.listing import Listing, Paging
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def query(session: Session, sql: str) -> Plan[InsightsResult]:
    """Query events and runs in SQL."""
    body = api.V2InsightsQueryBody(query=check_text("sql", sql) or "")

    def convert(it: api.V2InsightsResult) -> InsightsResult:
        columns = optional(it.columns)
        if columns is None:
            raise ValueError("columns is missing")
        remarks = optional(it.diagnostics) or []
        return InsightsResult(
            tuple(required(each.name, "name") for each in columns),
            tuple(tuple(optional(each.values) or ()) for each in optional(it.rows) or []),
            tuple(f"{optional(each.severity)}: {optional(each.message)}" for each in remarks),
        )

    form, module = api.V2InsightsResultEnvelope, v2.query_insights_v2
    return one(session, "insights.query", module, form, convert, body=body)


def list_tables(session: Session) -> Plan[list[InsightsTable]]:
    """List the tables that queries can name."""

    def table(it: api.V2InsightsTable) -> InsightsTable:
        columns = optional(it.columns) or []
        types = {required(each.name, "name"): optional(each.type_) for each in columns}
        return record(InsightsTable, it, columns=types)

    def convert(data: list[api.V2InsightsTable] | None) -> list[InsightsTable]:
        return [table(it) for it in optional(data) or []]

    form, module = api.V2InsightsTableListEnvelope, v2.list_insights_tables_v2
    return one(session, "insights.tables", module, form, convert)


def list_schemas(session: Session, **paging: Unpack[Paging]) -> Listing[EventSchema]:
    """List the schemas of events."""

    def schema(it: api.V2EventSchema) -> EventSchema:
        return record(EventSchema, it, schema=json_object(it.schema))

    found = pages(v2.list_event_schemas_v2, api.V2EventSchema, schema)
    return listed(session, "insights.schemas", found, **paging)


def list_experiments(
    session: Session, app: str | None, function: str | None, **paging: Unpack[Paging]
) -> Listing[Experiment]:
    """List experiments."""
    names = Names.of(app, function)
    app, function = names.exact
    if names != Names(app, function):
        raise invalid("function" if app else "app", "has to be the id of one, not a pattern")
    of: Any = {"app_id": app or UNSET, "function_id": function or UNSET}

    def experiment(it: api.V2Experiment) -> Experiment:
        variants = tuple(map(Variant, optional(it.variants) or ()))
        return record(Experiment, it, function_id=_function_id(it.function), variants=variants)

    found = pages(v2.list_experiments_v2, api.V2Experiment, experiment, **of)
    return listed(session, "experiments.list", found, **paging)


def get_experiment(
    session: Session, app: str, function: str, experiment: str, *, variant: str | None
) -> Plan[Experiment]:
    """Compare the variants of an experiment."""
    of = check_id("app", app), check_id("function", function)
    experiment = check_id("experiment", experiment, argument="id")

    def convert(it: api.V2ExperimentDetail) -> Experiment:
        weights = {each.variant_name: each.weight for each in optional(it.variant_weights) or []}
        variants = tuple(_variant(each, weights) for each in optional(it.variants) or [])
        return record(Experiment, it, function_id=function, variants=variants)

    form, module = api.V2ExperimentEnvelope, v2.get_experiment_v2
    only = check_text("variant", variant) or UNSET
    return one(session, "experiments.get", module, form, convert, *of, experiment, variant=only)


def _variant(it: api.V2VariantMetrics, weights: Mapping[Any, Any]) -> Variant:
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
    return record(Variant, it, name=name, weight=weight, metrics=metrics)


def list_session_keys(
    session: Session, search: str | None, **paging: Unpack[Paging]
) -> Listing[str]:
    """List the keys by which runs are grouped into sessions."""

    def key(it: api.V2SessionKey) -> str:
        return required(it.id, "id")

    text = check_text("search", search) or UNSET
    found = pages(v2.list_session_keys_v2, api.V2SessionKey, key, search=text)
    return listed(session, "sessions.keys", found, **paging)


def list_sessions(
    session: Session, key: str, search: str | None, **paging: Unpack[Paging]
) -> Listing[SessionGroup]:
    """List the sessions of a key."""

    def group(it: api.V2Session) -> SessionGroup:
        functions = map(_function_id, optional(it.functions) or [])
        return record(SessionGroup, it, function_ids=tuple(filter(None, functions)))

    of, text = check_id("session key", key, argument="key"), check_text("search", search) or UNSET
    found = pages(v2.list_sessions_v2, api.V2Session, group, of, search=text)
    return listed(session, "sessions.list", found, **paging)


def list_session_runs(
    session: Session,
    key: str,
    session_id: str,
    *,
    since: datetime | timedelta | None,
    until: datetime | timedelta | None,
    **paging: Unpack[Paging],
) -> Listing[Run]:
    """List the runs of a session."""

    def run(it: api.V2SessionRun) -> Run:
        status = RunStatus(optional(it.status) or "unknown")
        return record(Run, it, status=status, function_id=_function_id(it.function))

    of = check_id("session key", key, argument="key")
    of_session = check_id("session id", session_id, argument="id")
    window = check_window(since, until, session.server_clocks["api"].now())
    module, item = v2.list_session_runs_v2, api.V2SessionRun
    found = pages(module, item, run, of, of_session, window=window)
    return listed(session, "sessions.runs", found, is_relative=window.is_relative, **paging)


def _function_id(it: api.V2FunctionRef | Unset) -> str | None:
    return None if isinstance(it, Unset) else optional(it.id)
