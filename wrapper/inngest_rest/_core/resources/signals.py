"""Signals, which end the wait of a run."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest._arguments import check_json, check_text
from inngest_rest._core.resources import fields, routes
from inngest_rest_api import models as api

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def send_signal(session: Session, signal: str, data: Any) -> Plan[str]:
    # The server responds to an empty one with 500 after 1.5 s (recording v1-signal-empty).
    check_text("signal", signal or "")
    body = api.V1Signal(signal, check_json("data", data))
    return routes.ask_one(
        session, "signals.send", fields.run_id_of, body=body, repeatable=False
    )
