"""The events that the demo sends: all are read and checked before the first is sent."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, cast

from inngest_rest import InngestClient, InvalidEventError, PartialSendError
from inngest_rest.operations.parameters import ParameterError
from inngest_rest.testing import MockServer

if TYPE_CHECKING:
    from pathlib import Path

_ADA = {"id": "usr_456", "email": "ada@example.com"}
_GRACE = {"id": "usr_789", "email": "grace@example.com"}


def _order(number: int, total: float, user: str) -> dict[str, Any]:
    return {
        "name": "app/order.created",
        "data": {"orderId": f"ord_{number}", "total": total},
        "user": {"id": user},
    }


def _payment(number: int, total: float) -> dict[str, Any]:
    return {"name": "app/order.paid", "data": {"orderId": f"ord_{number}", "total": total}}


SAMPLE: tuple[dict[str, Any], ...] = (
    {"name": "app/user.signed_up", "data": {"plan": "free"}, "user": _ADA},
    _order(124, 12.5, "usr_456"),
    {"name": "app/user.signed_up", "data": {"plan": "team"}, "user": _GRACE},
    _order(125, 1299.0, "usr_789"),
    _payment(124, 12.5),
)
"""What is sent where no file is named."""

FIRST: tuple[dict[str, Any], ...] = (_order(123, 49.99, "usr_456"), _payment(123, 49.99))
"""Sent first on the mock, so that some runs fail, complete and keep running for any file, and those
of one event all complete."""


def read_events(path: Path) -> list[dict[str, Any]]:
    """Read the events of a file, all of which a server would accept.

    Raises:
        ParameterError: It cannot be read, or a line of it is wrong; the message names the line.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise _wrong(f"{path}: {error.strerror}") from None
    events: list[dict[str, Any]] = []
    places: list[str] = []
    for number, line in enumerate(content.removeprefix(b"\xef\xbb\xbf").split(b"\n"), start=1):
        if not line.strip():
            continue
        place = f"{path}:{number}"
        try:
            event = json.loads(line.decode())
        except (ValueError, RecursionError) as error:
            raise _wrong(f"{place}: not JSON: {error}") from None
        if not isinstance(event, dict):
            raise _wrong(f"{place}: not a JSON object; write one event per line")
        events.append(cast("dict[str, Any]", event))
        places.append(place)
    if not events:
        raise _wrong(f"{path}: no events; write one JSON object per line")
    _rehearse(events, places)
    return events


def _rehearse(events: list[dict[str, Any]], places: list[str]) -> None:
    """Send the events to a mock in this process first: it rejects what a server would reject."""
    with InngestClient(
        event_key="rehearsal", base_url="http://localhost", transport=MockServer().transport
    ) as client:
        try:
            client.send(events)
        except InvalidEventError as error:
            reason = f"not a valid event: {error.reason}"
            raise _wrong(f"{places[error.position]}: {reason}") from None
        except PartialSendError as error:
            refused = error.report.failures[0]
            reason = f"the server would reject this event: {refused.reason}"
            raise _wrong(f"{places[refused.position]}: {reason}") from None


def _wrong(message: str) -> ParameterError:
    return ParameterError(message, field="file")
