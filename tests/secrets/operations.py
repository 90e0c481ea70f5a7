"""A call of each public method that sends requests, and how to tell that none is missing."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any

from inngest_rest.call_row import EVENT_ID, RUN_ID
from inngest_rest.calls import ROWS
from inngest_rest_api.api.v2 import get_run_v2
from tests.secrets.planted_keys import found_in
from tests.support.calls import call, public_names
from tests.support.capabilities import rows

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from inngest_rest.call_row import CallRow

    Call = Callable[[Any, Path], Any]

RUN = "01M86WNRKHYE50ZF3GG530BHRT"
EVENT = {"name": "app/placed", "data": {"n": 1}}
A_MOMENT = 0.02

_SPECIAL: dict[str, Call] = {
    "send": lambda it, _: it.send([EVENT, EVENT]),
    "send_many": lambda it, _: it.send_many([EVENT] * 3, batch_size=1, in_flight=1),
    **rows("SECRETS"),
    "call": lambda it, _: it.call(get_run_v2, RUN),
    "request": lambda it, _: it.request("POST", "/e/{event_key}", body=EVENT),
    "raw": lambda it, _: _raw(it),
    "with_options": lambda it, _: it.with_options(headers={"x-other": "1"}).health(),
    "runs.watch": lambda it, _: list(it.runs.watch(every=0.01, timeout=A_MOMENT)),
}


def _call(row: CallRow, client: Any, _folder: Path) -> Any:
    others: dict[str, Any] = {"timeout": A_MOMENT} if "timeout" in row.examples[0] else {}
    return call(client, row.name, {RUN_ID: RUN, EVENT_ID: RUN}, **others)


CALLS: dict[str, Call] = {row.name: partial(_call, row) for row in ROWS} | _SPECIAL
"""A call of each public method that sends requests."""


def public() -> set[str]:
    """Return the names of all public methods of a client and its groups that send requests."""
    return {name for name in public_names() if name not in {"close", "profile", "target"}}


def _raw(client: Any) -> list[Any]:
    with client.raw() as responses:
        try:
            client.runs.get(RUN)
        finally:
            shown = [(repr(it), it.url, dict(it.headers), it.body, it.text) for it in responses]
            assert found_in(repr(shown)) == set()
    return shown
