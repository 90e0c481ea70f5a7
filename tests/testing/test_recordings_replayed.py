"""The mock responds to recorded requests as the real server did."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest.testing import MockServer

from .functions import EVENING_NS, with_functions
from .shapes import body_of, shape

if TYPE_CHECKING:
    from collections.abc import Callable

    import httpx

    from .shapes import Serve

FOLDER = Path(__file__).parents[1] / "contract" / "recordings"
RECORDINGS = {path.stem: json.loads(path.read_bytes()) for path in sorted(FOLDER.glob("*.json"))}

COMPARED = (
    "content-type",
    "vary",
    "x-inngest-server-kind",
    "x-content-type-options",
    "cache-control",
    "allow",
    "location",
    "access-control-allow-origin",
    "access-control-allow-methods",
    "access-control-allow-headers",
    "access-control-max-age",
)

NOT_REPLAYED = {
    "the body is cut in the recording": r"ingest-(batch-)?too-big|ingest-5001|v2-send-toobig",
    "the body is not text": r"ingest-gzip",
    "answered from the server's cache": r"v1-run-cached-hit|v1-event-numbers",
    "what the server does at random": r"v1-event-not-yet|v1-event-runs-immediately"
    r"|v2-run-(output-boom|slow|retrying|batch)|v1-event-runs-retrying|v1-run-retrying"
    r"|v2-trace-(?!unknown).*",
    "a feature that the mock lacks": r".*-cron|v2-function-full|v2-apps-archived|v2-score.*|v2-sync"
    r"|v2-invoke-(debounced|ratelimited)|v2-rerun-fromstep",
    "a route that the mock lacks": r"v1-prom|v2-(account|envs.*|keys.*|partner.*|webhooks.*)"
    r"|start-v2-keys.*",
    "broken on the open-source server": r"v1-cancellations|v1-cancellation-create-fullslug",
}
REPLAYED = [
    name
    for name in RECORDINGS
    if not any(re.fullmatch(names, name) for names in NOT_REPLAYED.values())
]

# Ids in recorded paths and queries, and the functions whose runs or events they are.
RUNS = {
    "01M86WNRKHYE50ZF3GG530BHRT": "ok",
    "01M86WNRKHE1KHP1B93A2V3YEN": "boom",
    "01M86WNRKJKZQ9PYJYDPREBHFS": "slow",
    "01M86WNRKJA69MMB4T3NZPKYQQ": "steps",
    "01M86WNRKJ98QGFX27SMCA87H3": "text",
    "01M86WNRKGCDE2G0MGNHH4RDM2": "none",
    "01M86WNRKKXQP0EE3601PDS73R": "waitevent",
}
EVENTS = {
    "01M86WNRFXGX2X6REM97R8ZTYK": "ok",
    "01M86WNRFZ8XQ6YMDFZFANS8X9": "boom",
    "01M86WNRFZHESFHM1NDXVGAVY4": "slow",
    "01M86WNRFYF0HWR0ETE7AMREYS": "steps",
}
TRIGGERS = ("ok", "boom", "slow", "steps", "text", "returns-none", "wait", "ok", *["boom"] * 3)


def send(client: httpx.Client, key: str, event: dict[str, Any]) -> str:
    return str(client.post(f"/e/{key}", json=event).json()["ids"][0])


def first(mock: MockServer, function: str) -> Any:
    return next(run for run in mock.runs if run.function_id == function)


def rerun(client: httpx.Client, mock: MockServer) -> str:
    path = f"/v2/runs/{first(mock, 'ok').id}/rerun"
    return str(client.post(path).json()["data"]["runId"])


def cancel(function: str) -> Callable[[httpx.Client, MockServer], str]:
    def prepare(client: httpx.Client, mock: MockServer) -> str:
        client.delete(f"/v1/runs/{first(mock, function).id}")
        return ""

    return prepare


def duplicate(client: httpx.Client, _: MockServer) -> str:
    send(client, "k", {"name": "app/ok", "id": "dup-1"})
    return send(client, "k", {"name": "app/ok", "id": "dup-1", "data": {"n": 2}})


# Steps before the request; the id that they return replaces any id not in the tables above.
PREPARED: dict[str, Callable[[httpx.Client, MockServer], str]] = {
    "v1-run-of-rerun": rerun,
    "v1-event-runs-after-rerun": rerun,
    "v1-run-after-cancel": cancel("slow"),
    "v2-run-after-cancel": cancel("slow"),
    "v1-run-cancel-again": cancel("slow"),
    "v2-cancel-again": cancel("waitevent"),
    "v1-event-dup-second": duplicate,
    "v1-event-runs-dup-second": duplicate,
    "v1-event-invoke": lambda client, _: str(
        client.post("/invoke/probe-app-ok", json={"data": {"via": "invoke"}}).json()["id"]
    ),
    "v1-event-user-v": lambda client, _: send(
        client, "k", {"name": " spaced ", "data": {"k": 1}, "user": {"e": "x"}, "v": "2"}
    ),
    "v2-invoke-idem2": lambda client, _: (
        client.post(
            "/v2/apps/probe-app/functions/ok/invoke", json={"data": {}, "idempotencyKey": "k1"}
        ).text
    ),
    "v1-events-cursor": lambda _, mock: str(mock.events[-1].internal_id),
    "v2-runs-page2": lambda client, _: str(
        client.get("/v2/runs", params={"limit": 2}).json()["page"]["cursor"]
    ),
}


@pytest.mark.parametrize("name", REPLAYED)
def test_answer_is_as_recorded(name: str, serve: Serve) -> None:
    recording = RECORDINGS[name]
    started = recording["server"] == "start"
    key = "test-event-key-0123456789" if started else "test"
    mock = with_functions(
        MockServer(
            v1_routes=False,
            event_keys=[key] if started else None,
            signing_key="ab" * 32 if started else None,
            clock=lambda: EVENING_NS,
        )
    )
    client = serve(mock)
    for trigger in TRIGGERS:
        send(client, key, {"name": f"app/{trigger}", "data": {"k": trigger}})
    prepared = PREPARED[name](client, mock) if name in PREPARED else ""

    answer = client.request(**request(recording, mock, prepared))

    recorded = recording["response"]
    assert answer.status_code == recorded["status"]
    whole = "vary" in recorded["headers"]
    for header in COMPARED if whole else ("content-type",):
        assert answer.headers.get(header) == recorded["headers"].get(header), header
    if is_fixed(recorded["body"]):
        assert body_of(answer) == recorded["body"]
        # The length reveals a newline at the end and the escapes.
        length = recorded["headers"].get("content-length")
        assert length is None or answer.headers["content-length"] == length
    else:
        assert shape(body_of(answer)) == shape(recorded["body"])


def request(recording: dict[str, Any], mock: MockServer, prepared: str) -> dict[str, Any]:
    """Turn a recorded request into arguments of httpx, with this mock's ids."""
    sent = recording["request"]
    known = {id: first(mock, function).id for id, function in RUNS.items()}
    known |= {id: first(mock, function).event_id for id, function in EVENTS.items()}

    def ours(match: re.Match[str]) -> str:
        return str(known.get(match[0], prepared or match[0]))

    path = re.sub(r"01M8\w{22}", ours, sent["path"])
    query = {
        name: prepared if name == "cursor" and prepared else str(value)
        for name, value in sent["query"].items()
    }
    body = sent["body"]
    content = body if isinstance(body, str | None) else json.dumps(body)
    return {
        "method": sent["method"],
        "url": path,
        "params": query,
        "headers": sent["headers"],
        "content": content,
    }


def is_fixed(body: Any) -> bool:
    """Return whether a recorded body holds no ids or times: errors and texts."""
    if not isinstance(body, dict):
        return isinstance(body, str)
    return ("error" in body and body.get("ids", [""]) == [""]) or "errors" in body


def test_nearly_all_recordings_are_replayed() -> None:
    assert len(REPLAYED) >= 140
