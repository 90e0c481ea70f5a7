"""Whatever stands in a response, a call ends in a result or an error of this package."""

from __future__ import annotations

import asyncio
import json
import pickle
from contextlib import closing, suppress
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inngest_rest import (
    InngestClient,
    InngestError,
    InvalidResponseError,
    PartialSendError,
    ServerError,
)
from inngest_rest.calls import commands
from inngest_rest.models import Span
from inngest_rest.record import Record
from inngest_rest_mock import sleeps, when
from inngest_rest_tools.parameters import read
from inngest_rest_tools.problems import Code
from inngest_rest_tools.running import Invocation
from tests.contract.document import Document
from tests.contract.methods import METHODS, stand_in
from tests.contract.parsing import body_of, documented
from tests.contract.replayer import SharedReplayer
from tests.contract.unrecorded import DOCUMENTED
from tests.hostile.invalid import VALUES, bounded, briefly, damaged, flipped, paths, put, written
from tests.operations.cases import CASES, World
from tests.support import server as scripted
from tests.support.chance import drawing
from tests.support.server import Reply, says

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from inngest_rest.typing import ApiVersion
    from inngest_rest_mock import MockTransport
    from tests.conftest import Connect
    from tests.contract.parsing import Exchange
    from tests.support.server import Server

DOCUMENT = Document.load()
EXCHANGES: dict[str, list[Exchange]] = {}
for each in (
    documented(DOCUMENT)
    | {name: unrecorded.exchange(DOCUMENT, name) for name, unrecorded in DOCUMENTED.items()}
).values():
    if each.operation.id in METHODS:
        EXCHANGES.setdefault(each.operation.id, []).append(each)

OPERATIONS = {each.command or "": each for each in commands()}

CONTENT_TYPES = [
    "application/json",
    "text/plain; charset=utf-16",
    "application/json; charset=hex",
    "text/html",
    "\xff",
    "",
]
STATUSES = [200, 200, 201, 204, 206, 400, 401, 404, 405, 409, 429, 500, 501, 503, 520, 999]


@pytest.fixture(scope="module")
def replayer() -> Iterator[SharedReplayer]:
    # Both clients read responses by the same plans: one is enough.
    with asyncio.Runner() as runner, closing(SharedReplayer(DOCUMENT, "blocking", runner)) as it:
        yield it


def check(outcome: Any) -> None:
    """Do with a result, or an error, what programs do with them."""
    assert repr(outcome)
    str(outcome)
    with suppress(RecursionError):  # of Python's own, for data nested more deeply than it pickles
        pickle.loads(pickle.dumps(outcome))
    for record in outcome if isinstance(outcome, list) else [outcome]:
        if isinstance(record, Record):
            json.loads(record.to_json())
        if isinstance(record, Span):
            assert record.render(width=80, color=False)


@pytest.mark.parametrize("operation", sorted(EXCHANGES))
def test_any_response_is_a_result_or_an_error_of_ours(
    operation: str, replayer: SharedReplayer
) -> None:
    @settings(bounded, max_examples=12)
    @given(st.data())
    def holds(data: st.DataObject) -> None:
        exchange = data.draw(st.sampled_from(EXCHANGES[operation]))
        body = body_of(exchange.recording)
        content = written(body) if not isinstance(body, str) else body.encode()
        if data.draw(st.integers(0, 3)):
            content = data.draw(damaged(body))
        if not data.draw(st.integers(0, 3)):
            content = data.draw(flipped(content))
        status, content_type = exchange.recording.status, exchange.recording.content_type
        if not data.draw(st.integers(0, 3)):
            status = data.draw(st.sampled_from(STATUSES))
        if not data.draw(st.integers(0, 3)):
            content_type = data.draw(st.sampled_from(CONTENT_TYPES))
        headers = [(b"content-type", content_type.encode("latin-1"))]
        answer = httpx.Response(status, headers=headers, content=content)
        said = stand_in(exchange.operation, 3)
        with briefly():
            outcome = replayer.ask(exchange.operation, said, answer)
            check(outcome)
        if operation == "sendEvents" and not isinstance(outcome, InngestError):
            assert len(outcome) == 3
        if isinstance(outcome, PartialSendError):
            report = outcome.report
            assert report.accepted + report.rejected + report.unknown == 3
            assert sum(id is not None for id in outcome.ids) == report.accepted

    holds()


def test_any_header_is_kept_with_an_error(client: InngestClient, server: Server) -> None:
    headers: Any = {"x-name": b"caf\xe9"}
    server.on("GET /v2/runs/x", Reply(500, b"", headers))
    with pytest.raises(ServerError) as raised:
        client.runs.get("x")
    assert raised.value.response is not None
    assert raised.value.response.headers["x-name"] == "caf\xe9"


def test_a_time_without_a_zone_is_in_utc(client: InngestClient, server: Server) -> None:
    body = scripted.body_of("v2-run-batch")
    body["data"]["endedAt"] = "2026-11-24T18:00:00"
    server.on("GET /v2/runs/x", says(body))
    assert client.runs.get("x").ended_at == datetime(2026, 11, 24, 18, tzinfo=UTC)


class Tampering(httpx.BaseTransport):
    """Changes half of what a server responds, the same way for the same seed."""

    def __init__(self, inner: MockTransport, seed: int) -> None:
        self._inner = inner
        self._random = drawing(seed)
        self.inngest_time = inner.inngest_time

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        answer = self._inner.handle_request(request)
        answer.read()
        if self._random.random() < 0.5:
            return answer
        headers = {"content-type": answer.headers.get("content-type", "")}
        content = self._tampered(answer.content)
        return httpx.Response(answer.status_code, headers=headers, content=content)

    def _tampered(self, content: bytes) -> bytes:
        try:
            body = json.loads(content)
        except ValueError:
            return content[: self._random.randrange(len(content) + 1)]
        for _ in range(self._random.randint(1, 2)):
            places = list(paths(body))[1:] or [()]
            body = put(body, self._random.choice(places), self._random.choice(VALUES))
        return written(body)


class Limited(World):
    """A world whose functions have limits, so that much has to be explained."""

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        second = timedelta(seconds=1)
        define = self.mock.function
        never = when("event.data.total > 5", lambda _: False)
        define("shop", "bounce", trigger="order/*", debounce=second)
        define("shop", "rate", trigger="order/*", rate_limit=(1, second))
        define("mail", "single", trigger="order/open", singleton="skip", run=sleeps(60 * second))
        define("mail", "last", trigger="order/open", singleton="cancel", run=sleeps(60 * second))
        define("mail", "if", trigger="order/*", condition=never)
        define("mail", "batch", trigger="order/open", batch_size=9)
        self.open_run()
        for _ in range(2):
            self.client.send({"name": "order/open", "id": "same"})
        self.event_id = self.mock.events[-1].internal_id


# Each of these asks several times, and draws conclusions.
INVOLVED = {
    "events.explain",
    "events.wait",
    "runs.watch",
    "runs.wait",
    "runs.replay",
    "runs.cancel",
}


@pytest.mark.parametrize("api_version", ["auto", "v1"])
@pytest.mark.parametrize("name", OPERATIONS)
def test_no_operation_ends_unexpectedly_at_a_server_that_sends_nonsense(
    name: str, api_version: ApiVersion, tmp_path: Path
) -> None:
    operation = OPERATIONS[name]
    for seed in range(6 if name in INVOLVED else 2):
        folder = tmp_path / str(seed)
        folder.mkdir()
        world = Limited(folder) if name in INVOLVED else World(folder)
        parameters = read(operation, CASES[name](world))
        transport = Tampering(world.mock.transport, seed)
        with InngestClient(dev=True, api_version=api_version, transport=transport) as client:
            with briefly():
                call = Invocation(
                    row=operation, client=client, values=parameters, is_confirmed=True
                )
                envelope = call.run()
                json.loads(envelope.to_json())
            problem = envelope.error
            assert problem is None or problem.code is not Code.UNEXPECTED, (seed, problem)


@pytest.mark.parametrize("status", [400, 401, 404, 409, 429, 500])
@pytest.mark.parametrize("depth", [500, 1_000])
def test_a_message_of_any_depth_is_the_message_of_an_error(
    connect: Connect, server: Server, status: int, depth: int
) -> None:
    body = f'{{"errors": [{{"message": {"[" * depth}{"]" * depth}}}]}}'.encode()
    run = "01KADEP2Q2JVT4PM3FEKAZTX4Z"
    server.on(f"GET /v2/runs/{run}", Reply(status, body))
    with pytest.raises(InngestError) as caught:
        connect(retries=0, api_version="v2").runs.get(run)
    assert len(str(caught.value)) < 1_000
    assert pickle.loads(pickle.dumps(caught.value)).args == caught.value.args


def test_a_record_with_data_of_any_depth_has_a_repr(connect: Connect, server: Server) -> None:
    event = "01KADEP2Q2JVT4PM3FEKAZTX4Z"
    data = f'{{"a": {"[" * 700}{"]" * 700}}}'
    stored = f'{{"data": {{"internal_id": "{event}", "name": "a", "data": {data}}}}}'
    server.on(f"GET /v1/events/{event}", Reply(200, stored.encode()))
    shown = repr(connect(api_version="v1").events.get(event))
    assert "data=" in shown
    assert len(shown) < 1_000


@pytest.mark.parametrize("version", [..., None, 5, {}, ["1.2.3"], "", "9" * 5_000 + ".0.0"])
def test_a_diagnosis_copes_with_any_version(
    connect: Connect, server: Server, version: object
) -> None:
    server.on("GET /health", says({"status": 200, "message": "OK"}))
    server.on("GET /dev", says({} if version is ... else {"version": version}))
    assert connect(retries=0).diagnose().release is None


@pytest.mark.parametrize("run_id", [5, {}, ["x"], True])
def test_a_trace_of_a_run_whose_id_is_no_text_is_invalid(
    connect: Connect, server: Server, run_id: object
) -> None:
    run = "01KADEP2Q2JVT4PM3FEKAZTX4Z"
    trace = scripted.body_of("v2-trace-all-kinds")
    trace["data"]["runId"] = run_id
    server.on(f"GET /v2/runs/{run}/trace", says(trace))
    with pytest.raises(InvalidResponseError, match="runId: str expected"):
        connect().runs.trace(run)
