"""v2: the account, its environment and its keys, which a self-hosted server makes up."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest_mock._api.v2.input import (
    Kind,
    invalid_field,
    page_limit,
    read_query,
)
from inngest_rest_mock._api.v2.shapes import v2_data

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Call, Handlers
    from inngest_rest_mock._carriers.messages import Response

_PAGING: dict[str, Kind] = {"limit": "int32", "cursor": "string"}
_MADE_AT = "2021-05-13T09:30:04Z"
_ENVIRONMENT = "dev"


def get_account(call: Call) -> Response:
    """Return the account that every such server has."""
    read_query(call.request, {})
    account = {"id": "00000000-0000-4000-a000-000000000000", "name": "Dev Server"}
    times = {"createdAt": _MADE_AT, "updatedAt": _MADE_AT}
    return v2_data({**account, "email": "dev@inngest.local", **times}, call.now)


def list_envs(call: Call) -> Response:
    """Return the one environment."""
    _check_limit(call, 250)
    env = {
        "id": "00000000-0000-4000-b000-000000000000",
        "name": _ENVIRONMENT,
        "type": "TEST",
    }
    envs = [{**env, "createdAt": _MADE_AT}, *call.store.environments.values()]
    return v2_data(envs, call.now, page={})


def list_event_keys(call: Call) -> Response:
    """Return the event keys, if the server has any and they are those of its environment."""
    return _keys(call, tuple(sorted(call.keys.event_keys)))


def list_signing_keys(call: Call) -> Response:
    """Return the signing key."""
    return _keys(call, call.keys.signing_keys)


def _keys(call: Call, keys: tuple[str, ...]) -> Response:
    _check_limit(call, 100)
    wanted = call.request.headers.get("x-inngest-env") or _ENVIRONMENT
    shown: list[dict[str, Any]] = [
        {"environment": _ENVIRONMENT, "key": key, "createdAt": _MADE_AT} for key in keys
    ]
    return v2_data(shown if wanted == _ENVIRONMENT else [], call.now, page={})


def _check_limit(call: Call, most: int) -> None:
    query = read_query(call.request, _PAGING)
    if "limit" in query.values and query.number("limit") < 1:
        raise invalid_field("Limit must be at least 1")
    page_limit(call.server, query, most)


QUERIES = dict.fromkeys(
    ("GET /v2/envs", "GET /v2/keys/events", "GET /v2/keys/signing"), _PAGING
)
HANDLERS: Handlers = {
    "GET /v2/account": get_account,
    "GET /v2/envs": list_envs,
    "GET /v2/keys/events": list_event_keys,
    "GET /v2/keys/signing": list_signing_keys,
}
