"""The plan that asks whether the server is up."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest._core.ask import ask
from inngest_rest_api import models as api
from inngest_rest_api.api import ingest

if TYPE_CHECKING:
    from inngest_rest._core.effects import Plan
    from inngest_rest._core.session import Session


def check(session: Session) -> Plan[None]:
    """Return if the server is up; raise if it is not."""
    operation = ingest.get_health
    yield from ask(session, "ingest", operation, operation.get_kwargs(), api.Health)
