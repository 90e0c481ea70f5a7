"""Health of the server."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.calls.operation import perform
from inngest_rest._core.calls.route import Route
from inngest_rest_api.api import ingest

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def check(session: Session) -> Plan[None]:
    """Return if the server is up; raise if it is not."""
    operation = ingest.get_health
    return perform(session, Route.without_result(operation, operation.get_kwargs()))
