"""A mock server behind a real socket that fails one request, and what then is true of it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
from attrs import frozen

from inngest_rest import InngestClient
from inngest_rest_mock import MockServer, completes, fails, sleeps, waits_for
from tests.faults.behaviours import answers, closes, http, json, resets
from tests.faults.server import Behaviour
from tests.faults.verdicts import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.server import Connection, Request
    from tests.support.clock import Clock


@frozen
class Passing:
    """A fault that strikes one request.

    Attributes:
        name: What the server does.
        behaviour: How it does so.
        verdict: What that means.
        is_done: Whether the server has done what was asked by then.
    """

    name: str
    behaviour: Behaviour
    verdict: Verdict
    is_done: bool


_CUT_OFF = b'HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{"data":'
_PAUSE = http(429, "", "Retry-After: 1")

PASSING = (
    Passing("resets", answers(b"", resets), Verdict.LOST, is_done=False),
    Passing("does it and resets", answers(b"", resets), Verdict.LOST, is_done=True),
    Passing("does it and is cut off", answers(_CUT_OFF, closes), Verdict.LOST, is_done=True),
    Passing("does it and says 503", answers(http(503, "")), Verdict.FAILED, is_done=True),
    Passing("429", answers(http(429, "")), Verdict.LIMITED, is_done=False),
    Passing("429 with Retry-After", answers(_PAUSE), Verdict.TOLD_TO_WAIT, is_done=False),
    Passing("does it and says nothing", answers(http(200, "")), Verdict.NOTHING, is_done=True),
    Passing(
        "does it and says nonsense", answers(json(200, '{"da')), Verdict.MALFORMED, is_done=True
    ),
)


class World:
    """A mock server with what operations are about; its time is that of the client.

    Attributes:
        mock: The server.
        ids: What `Tools` has of it.
        strikes_at: Which request is struck, by its index.
    """

    def __init__(self, clock: Clock) -> None:
        self.mock = MockServer(v1_routes=True, cloud=True, clock=clock.nanoseconds)
        self.mock.function("shop", "charge", trigger="shop/order.placed", run=completes({"n": 1}))
        self.mock.function("shop", "fail", trigger="shop/order.failed", run=fails("no stock"))
        self.mock.function("shop", "stay", trigger="shop/stay", run=sleeps(timedelta(hours=1)))
        self.mock.function(
            "shop", "held", trigger="shop/held", run=waits_for("order-1001-approved")
        )
        self.strikes_at = -1
        self._client = client = InngestClient(dev=True, transport=self.mock.transport)
        event, *_ = client.send(
            [{"name": f"shop/{name}"} for name in ("order.failed", "stay", "held")]
        )
        run, open_run, _ = (each.id for each in self.mock.runs)
        made = client.cancellations.create("shop", "shop-charge", started_before=self.mock.now)
        self.ids: Mapping[str, str] = {
            "event": event,
            "run": run,
            "open_run": open_run,
            "cancellation": made.id,
            "webhook": client.webhooks.create("orders", "function transform(evt) {}").id,
            "env": client.envs.create("staging").id,
        }

    def state(self) -> dict[str, Any]:
        """Return what operations may change; an event that is sent again starts no other run."""
        return {
            "events": {each.name for each in self.mock.events},
            "runs": sorted((each.function_id, str(each.status)) for each in self.mock.runs),
            "cancellations": len(self._client.cancellations.list()),
            "envs": sorted(
                (it.name, it.is_archived) for it in self._client.envs.list().page().items
            ),
            "webhooks": [each.name for each in self._client.webhooks.list().page().items],
        }

    def answer(self, request: Request) -> bytes:
        """Return the mock's response to a request."""
        answered = self.mock.transport.handle_request(
            httpx.Request(
                request.method,
                f"http://mock{request.path}",
                headers=request.headers,
                content=request.body,
            )
        )
        lines = [
            f"{name}: {value}"
            for name, value in answered.headers.multi_items()
            if name.lower() not in {"content-length", "transfer-encoding", "connection"}
        ]
        return http(answered.status_code, answered.read(), *lines)


def in_front_of(worlds: Mapping[str, World], fault: Passing | None) -> Behaviour:
    """Return the behaviour of a server that answers as the mock of the trial does, but for once."""

    async def answer(connection: Connection, request: Request) -> None:
        world = worlds[request.trial]
        if fault is None or request.index != world.strikes_at:
            await connection.send(world.answer(request))
            return
        if fault.is_done:
            world.answer(request)
        await fault.behaviour.answer(connection, request)

    return Behaviour(answer)
