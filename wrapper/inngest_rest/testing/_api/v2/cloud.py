"""v2: the routes of Inngest Cloud, to which a self-hosted server answers that it has them not."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from inngest_rest.testing._api.v2.input import InputError, missing_field, read_body, read_query

if TYPE_CHECKING:
    from inngest_rest.testing._api.call import Call, Handlers
    from inngest_rest.testing._api.v2.input import BodyKind
    from inngest_rest.testing._carriers.messages import Response


def _unserved(what: str, call: Call) -> Response:
    read_query(call.request, {})
    raise InputError(f"{what} not implemented in OSS", "not_implemented", 501)


def _refuse(what: str, known: dict[str, BodyKind], needed: dict[str, str], call: Call) -> Response:
    """Read the body first, as the server does: what it lacks is told before what is not served."""
    fields = read_body(call.request.body, known)
    for name, message in needed.items():
        if not fields.get(name):
            raise missing_field(message)
    return _unserved(what, call)


def _of_environment(what: str, call: Call) -> Response:
    if not call.request.headers.get("x-inngest-env"):
        raise missing_field("X-Inngest-Env header is required")
    return _unserved(what, call)


def _create_webhook(call: Call) -> Response:
    known: dict[str, BodyKind] = dict.fromkeys(("name", "transform", "response"), "string")
    fields = read_body(call.request.body, {**known, "eventFilter": "object"})
    if not call.request.headers.get("x-inngest-env"):
        raise missing_field("X-Inngest-Env header is required")
    for name in ("name", "transform"):
        if not fields.get(name):
            raise missing_field(f"Webhook {name} is required")
    return _unserved("Webhooks", call)


_INSIGHTS = partial(_unserved, "Insights")
_EXPERIMENTS = partial(_unserved, "Experiments")
_SESSIONS = partial(_unserved, "Sessions")

HANDLERS: Handlers = {
    "POST /v2/envs": partial(
        _refuse,
        "Environments",
        {"name": "string", "id": "string"},
        {"name": "Environment name is required"},
    ),
    "PATCH /v2/envs/{}": partial(_refuse, "Environments", {"isArchived": "bool"}, {}),
    "GET /v2/env/webhooks": partial(_of_environment, "Webhooks"),
    "POST /v2/env/webhooks": _create_webhook,
    "POST /v2/apps/{}/syncs": partial(_refuse, "App sync", {"url": "string"}, {}),
    "GET /v2/insights/tables": _INSIGHTS,
    "GET /v2/insights/events/schemas": _INSIGHTS,
    "POST /v2/insights/query": partial(_refuse, "Insights", {"query": "string"}, {}),
    "GET /v2/experiments": _EXPERIMENTS,
    "GET /v2/apps/{}/functions/{}/experiments": _EXPERIMENTS,
    "GET /v2/apps/{}/functions/{}/experiments/{}": _EXPERIMENTS,
    "GET /v2/sessions": _SESSIONS,
    "GET /v2/sessions/{}": _SESSIONS,
    "GET /v2/sessions/{}/{}/runs": _SESSIONS,
}
