"""v2: what Inngest Cloud alone has; a self-hosted server reads the request, then refuses it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest_mock._api.v2.input import (
    BodyKind,
    InputError,
    Kind,
    missing_field,
    read_body,
    read_fields,
    read_query,
)
from inngest_rest_mock._api.v2.shapes import v2_data
from inngest_rest_mock._state.ids import stable_uuid
from inngest_rest_mock._times import v2_time

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers
    from inngest_rest_mock._carriers.messages import Response

_PAGING: dict[str, Kind] = {"limit": "int32", "cursor": "string"}
_WINDOW: dict[str, Kind] = {"from": "timestamp", "until": "timestamp"}
_OF_FUNCTION: dict[str, Kind] = {"appId": "string", "functionId": "string"}
_VARIANT: dict[str, Kind] = {"variant": "string", **_WINDOW}

_ENV: dict[str, BodyKind] = {"name": "string", "id": "string"}
_ARCHIVED: dict[str, BodyKind] = {"isArchived": "bool"}
_WEBHOOK: dict[str, BodyKind] = {
    **dict.fromkeys(("name", "transform", "response"), "string"),
    "eventFilter": "object",
}
_SYNC: dict[str, BodyKind] = {"url": "string"}
_FILTER: dict[str, BodyKind] = {"events": "array", "filter": "string"}
_QUERY: dict[str, BodyKind] = {"query": "string"}


def _needs_cloud(call: Call, what: str) -> None:
    if not call.server.is_cloud:
        raise InputError(f"{what} not implemented in OSS", "not_implemented", 501)


def _listed(
    call: Call, what: str, items: list[Any], known: dict[str, Kind]
) -> Response:
    read_query(call.request, {**_PAGING, **known})
    _needs_cloud(call, what)
    return v2_data(items, call.now, page={})


def create_env(call: Call) -> Response:
    """Create an environment."""
    fields = read_body(call.request.body, _ENV)
    name = fields.get("name")
    if not name:
        raise missing_field("Environment name is required")
    _needs_cloud(call, "Environments")
    if any(env["name"] == name for env in call.store.environments.values()):
        raise InputError("Environment already exists", "conflict", 409)
    env_id = fields.get("id") or stable_uuid(f"environment {name}")
    env = {"id": env_id, "name": name, "type": "BRANCH", "createdAt": v2_time(call.now)}
    call.store.environments[env_id] = env
    return v2_data(env, call.now, status=201)


def update_env(call: Call) -> Response:
    """Archive an environment, or take it back."""
    fields = read_body(call.request.body, _ARCHIVED)
    _needs_cloud(call, "Environments")
    env = call.store.environments.get(call.params[0])
    if env is None:
        raise InputError("Environment not found", "not_found", 404)
    env["isArchived"] = fields.get("isArchived", False)
    return v2_data(env, call.now)


def list_webhooks(call: Call) -> Response:
    """List the webhooks of an environment."""
    read_query(call.request, _PAGING)
    env = _environment(call)
    _needs_cloud(call, "Webhooks")
    found = [it for it in call.store.webhooks_of_v2 if it["environment"] == env]
    return v2_data(found, call.now, page={})


def create_webhook(call: Call) -> Response:
    """Create a webhook in an environment."""
    fields = read_body(call.request.body, _WEBHOOK)
    if "eventFilter" in fields:
        chosen = read_fields(fields["eventFilter"], _FILTER)
        if not all(isinstance(name, str) for name in chosen.get("events", ())):
            raise InputError("proto: invalid value for string field events")
        fields["eventFilter"] = chosen
    env = _environment(call)
    for name in ("name", "transform"):
        if not fields.get(name):
            raise missing_field(f"Webhook {name} is required")
    _needs_cloud(call, "Webhooks")
    webhook_id = stable_uuid(f"webhook {len(call.store.webhooks_of_v2)}")
    webhook = {
        "id": webhook_id,
        **fields,
        "url": f"https://inn.gs/e/{webhook_id}",
        "environment": env,
        "createdAt": v2_time(call.now),
        "updatedAt": v2_time(call.now),
    }
    call.store.webhooks_of_v2.append(webhook)
    return v2_data(webhook, call.now, status=201)


def _environment(call: Call) -> str:
    name = call.request.headers.get("x-inngest-env", "")
    if not name:
        raise missing_field("X-Inngest-Env header is required")
    return name


def sync_app(call: Call) -> Response:
    """Sync an app."""
    read_body(call.request.body, _SYNC)
    _needs_cloud(call, "App sync")
    (app_id,) = call.params
    sync = {"id": stable_uuid(f"sync {app_id}"), "status": "success", "appId": app_id}
    return v2_data(sync, call.now)


def list_tables(call: Call) -> Response:
    """List the tables of Insights."""
    read_query(call.request, {})
    _needs_cloud(call, "Insights")
    column = {"name": "id", "description": "The id.", "type": "String"}
    tables = [{"name": name, "columns": [column]} for name in ("events", "runs")]
    return v2_data(tables, call.now)


def list_schemas(call: Call) -> Response:
    """List the events that were sent, each with a schema that allows anything."""
    names = sorted({event.name for event in call.store.events.view()})
    schemas = [{"name": name, "schema": {"type": "object"}} for name in names]
    return _listed(call, "Insights", schemas, {})


def query(call: Call) -> Response:
    """Answer any query with the number of events: the mock understands no SQL."""
    read_body(call.request.body, _QUERY)
    _needs_cloud(call, "Insights")
    columns = [{"name": "count", "type": "NUMBER"}]
    rows = [{"values": [len(call.store.events.view())]}]
    remark = {"severity": "INFO", "code": "mock", "message": "The mock counts events."}
    result = {"columns": columns, "rows": rows, "diagnostics": [remark]}
    return v2_data(result, call.now)


def list_experiments(call: Call) -> Response:
    """List experiments, of which there are none."""
    return _listed(call, "Experiments", [], {**_OF_FUNCTION, **_WINDOW})


def get_experiment(call: Call) -> Response:
    """Return an experiment in which no run has taken part."""
    read_query(call.request, _VARIANT)
    _needs_cloud(call, "Experiments")
    variant = {"variantName": "control", "metrics": [{"key": "accuracy", "avg": 0.5}]}
    weights = [{"variantName": "control", "weight": 1}]
    detail = {"id": call.params[-1], "variants": [variant], "variantWeights": weights}
    return v2_data(detail, call.now)


_EXPERIMENTS = {**_PAGING, **_OF_FUNCTION, **_WINDOW}

QUERIES = {
    "GET /v2/env/webhooks": _PAGING,
    "GET /v2/insights/events/schemas": _PAGING,
    "GET /v2/experiments": _EXPERIMENTS,
    "GET /v2/apps/{}/functions/{}/experiments": {**_PAGING, **_WINDOW},
    "GET /v2/apps/{}/functions/{}/experiments/{}": _VARIANT,
}
BODIES = {
    "POST /v2/envs": _ENV,
    "PATCH /v2/envs/{}": _ARCHIVED,
    "POST /v2/env/webhooks": _WEBHOOK,
    "POST /v2/apps/{}/syncs": _SYNC,
    "POST /v2/insights/query": _QUERY,
}
HANDLERS: Handlers = {
    "POST /v2/envs": create_env,
    "PATCH /v2/envs/{}": update_env,
    "GET /v2/env/webhooks": list_webhooks,
    "POST /v2/env/webhooks": create_webhook,
    "POST /v2/apps/{}/syncs": sync_app,
    "GET /v2/insights/tables": list_tables,
    "GET /v2/insights/events/schemas": list_schemas,
    "POST /v2/insights/query": query,
    "GET /v2/experiments": list_experiments,
    "GET /v2/apps/{}/functions/{}/experiments": list_experiments,
    "GET /v2/apps/{}/functions/{}/experiments/{}": get_experiment,
}
