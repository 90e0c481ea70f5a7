"""Signals that runs wait for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest._core.arguments import check_json, check_text
from inngest_rest._core.resources.fields import required
from inngest_rest._core.resources.routes import one
from inngest_rest_api import models as api
from inngest_rest_api.api import v1

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def send(session: Session, signal: str, data: Any) -> Plan[str]:
    """Send a signal and return the id of the run that waited for it."""
    # For an empty one the server responds with 500 after 1.5 s (recording v1-signal-empty).
    check_text("signal", signal or "")
    body = api.V1Signal(signal, check_json("data", data))
    forms = api.V1RunIdEnvelope, api.V1RunId
    module = v1.send_signal_v1
    return one(session, "signals.send", module, forms, _run_id, repeatable=False, body=body)


def _run_id(it: api.V1RunId) -> str:
    return required(it.run_id, "run_id")
