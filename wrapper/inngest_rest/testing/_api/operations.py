"""The operations of the mock: their names, their handlers, and which of them a server has."""

from __future__ import annotations

import re

from inngest_rest.testing._api import ingest, v1, v2
from inngest_rest_api.api import OPERATIONS

HANDLERS = {**ingest.HANDLERS, **v1.HANDLERS, **v2.HANDLERS}

UNDOCUMENTED = {
    "POST /invoke/{}": "invoke",
    "GET /dev": "get_dev_info",
    "POST /v2/events": "send_event_v2",
}
"""Routes that the server has and the document leaves out, with the names given to them here."""

ASKED_FOR = frozenset(
    {
        "GET /v1/runs",
        "GET /v1/apps",
        "POST /v1/runs/{}/replay",
        "GET /v1/webhooks",
        "POST /v1/webhooks",
        "GET /v1/webhooks/{}",
        "PUT /v1/webhooks/{}",
        "DELETE /v1/webhooks/{}",
    }
)
"""Routes of v1 that the document marks [asked-for]: no known server has them."""


def _signature(method: str, path: str) -> str:
    return f"{method} {re.sub(r'{[^}]*}', '{}', path)}"


OPERATION_NAMES = UNDOCUMENTED | {
    _signature(operation.method, operation.path): operation.name for operation in OPERATIONS
}
"""The name of every operation by its `METHOD /path`, with `{}` for each parameter of the path."""


def served_operations(*, v1_routes: bool, v2_routes: bool) -> dict[str, str]:
    """Return the part of `OPERATION_NAMES` that a server has.

    Args:
        v1_routes: Whether v1 has the routes of `ASKED_FOR`.
        v2_routes: Whether there is a v2 at all.
    """
    return {
        signature: OPERATION_NAMES[signature]
        for signature in HANDLERS
        if (v1_routes or signature not in ASKED_FOR) and (v2_routes or " /v2/" not in signature)
    }
