"""The plan that wakes a run waiting for a signal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest._core.arguments import check_json, check_text
from inngest_rest._core.calls.families import Route, first_present
from inngest_rest._core.calls.operation import perform
from inngest_rest_api import models as api
from inngest_rest_api.api import v1

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest._core.plans import Plan


def send(session: Session, signal: str, data: Any) -> Plan[str]:
    """Send a signal and return the id of the run that waited for it."""
    # An empty one the server would take 1.5 s to answer with 500 [facts.md 8].
    check_text("signal", signal or "")
    body = api.V1Signal(signal=signal, data=check_json("data", data))

    def by_v1() -> Plan[str]:
        operation = v1.send_signal_v1
        kwargs = operation.get_kwargs(body=body)
        answer = yield from perform(
            session, "v1", operation, kwargs, api.V1RunIdEnvelope, repeatable=False
        )
        return answer.data.run_id

    return first_present(session, Route("v1", "POST /v1/signals", by_v1))
