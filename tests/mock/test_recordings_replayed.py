"""The mock responds to recorded requests as the real server did."""

from __future__ import annotations

import json
import re
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.contract.document import Document
from tests.contract.recordings import LEFT_OUT

from .recorded_servers import (
    ULID,
    Exchange,
    is_artefact,
    is_cache_hit,
    is_run,
    preparations_of,
    recorded_server,
    reports_states_at_random,
)
from .shapes import FREE, KINDS, body_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    import httpx

    from .recorded_servers import RecordedServer

FOLDER = Path(__file__).parents[1] / "contract" / "recordings"
EXCHANGES = {path.stem: Exchange.read(path) for path in sorted(FOLDER.glob("*.json"))}
DOCUMENT = Document.load()

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

SERVED_AND_LEFT_OUT = re.compile(r"/invoke/.*")


def _is_cut(exchange: Exchange) -> bool:
    return any(mark in json.dumps(exchange.sent) for mark in ("$truncated", "$note"))


def _is_not_text(exchange: Exchange) -> bool:
    return isinstance(exchange.sent, str) and "\x1f" in exchange.sent


def _is_of_another_route(exchange: Exchange) -> bool:
    is_left_out = LEFT_OUT.fullmatch(exchange.route) is not None
    return is_left_out and SERVED_AND_LEFT_OUT.fullmatch(exchange.route) is None


def _failed(exchange: Exchange) -> bool:
    if exchange.method == "HEAD" or re.search("/cancellations$|/rerun$", exchange.route):
        return False
    in_v2 = exchange.code in ("internal_error", "not_implemented")
    return exchange.status >= 500 and (exchange.received in ("", None) or in_v2)


def _needs_configuration(exchange: Exchange) -> bool:
    return (
        any("isArchived" in item or "archivedAt" in item for item in exchange.items)
        or "multiple steps" in str(exchange.received)
        or (
            exchange.route.startswith("/v2/runs/")
            and "Function not found" in str(exchange.received)
        )
    )


def _checks_sessions(exchange: Exchange) -> bool:
    return exchange.release is not None and "event session" in str(exchange.received)


def _describes_tools(exchange: Exchange) -> bool:
    return exchange.route == "/v2/operations" and exchange.status == 200


def _retries_a_step(exchange: Exchange) -> bool:
    return any(item.get("kind") == "edge" for item in exchange.items)


def _lacks_the_time(exchange: Exchange) -> bool:
    return any(item.get("queuedAt", "") is None for item in exchange.items)


NOT_REPLAYED: dict[str, Callable[[Exchange], bool]] = {
    "the request is cut in the recording": _is_cut,
    "the body is not text": _is_not_text,
    "a route that the document leaves out": _is_of_another_route,
    "the server failed, or has no store for it": _failed,
    "a setting that the mock lacks": _needs_configuration,
    "texts for agents, of which the mock has those that tell releases apart": _describes_tools,
    "the mock tries whole functions again, not a step": _retries_a_step,
    "an old release, which does not state when an invoked run was queued": _lacks_the_time,
    "releases differ in which sessions of an event they refuse": _checks_sessions,
}
REPLAYED = [
    name
    for name, exchange in EXCHANGES.items()
    if not any(rule(exchange) for rule in NOT_REPLAYED.values())
]


@pytest.mark.parametrize("name", REPLAYED)
def test_answer_is_as_recorded(name: str) -> None:
    exchange = EXCHANGES[name]
    staged = recorded_server(exchange)
    with closing(staged.client):
        response = ask(staged)
        if is_cache_hit(exchange):
            response = ask(staged)
    assert response.status_code == exchange.status, to_prepare(exchange)
    whole = "vary" in exchange.answer_headers
    for header in COMPARED if whole else ("content-type",):
        assert response.headers.get(header) == exchange.answer_headers.get(header), header
    if exchange.is_web_ui or (exchange.received is None and not response.content):
        return
    received = with_recorded_ids(staged, response)
    if is_fixed(exchange.received):
        assert as_compared(received) == as_compared(exchange.received or "")
        # The length reveals a newline at the end and the escapes.
        length = exchange.answer_headers.get("content-length")
        assert length is None or response.headers["content-length"] == length
    else:
        found = differences(exchange.received, received)
        if reports_states_at_random(exchange):
            found = (each for each in found if ".status is " not in each)
        assert list(found) == [], to_prepare(exchange)
        assert list(undocumented(exchange, response)) == []


def to_prepare(exchange: Exchange) -> str:
    """Return where to say what the mock has to have, if no preparation is for this route."""
    if preparations_of(exchange):
        return ""
    route = re.sub(r"(?<=/runs/)[^/]+", "[^/]+", f"{exchange.method} {exchange.route}")
    return (
        "Where the mock lacks what this is about, make it in a function of "
        f'tests/mock/recorded_servers.py, and add `r"{route}": _that` to PREPARATIONS there.'
    )


def as_compared(body: Any) -> str:
    """Return a body without what differs: capitals by release, the queue from moment to moment."""
    return re.sub(r"(?<=inngest_queue_depth )\d+", "n", json.dumps(body).casefold())


def ask(staged: RecordedServer) -> httpx.Response:
    """Send the recorded request, with the ids of the mock."""
    exchange = staged.exchange
    if exchange.status == 401:
        staged.client.headers.pop("authorization", None)

    def ours(text: str) -> str:
        return ULID.sub(lambda match: staged.ids.get(match[0], match[0]), text)

    body = exchange.sent if isinstance(exchange.sent, str | None) else json.dumps(exchange.sent)
    if exchange.status == 200 and body is not None:
        body = re.sub(r'("step_?[iI]d": )"[^"]*"', r'\1"step"', body)
    query = {
        name: [staged.ids.get(each, each) for each in map(str, value)]
        if isinstance(value, list)
        else staged.ids.get(str(value), str(value))
        for name, value in exchange.query.items()
    }
    return staged.client.request(
        exchange.method, ours(exchange.path), params=query, headers=exchange.headers, content=body
    )


def with_recorded_ids(staged: RecordedServer, response: httpx.Response) -> Any:
    """Return the body with the recording's ids."""
    theirs = {ours: recorded for recorded, ours in staged.ids.items()}
    body = body_of(response)
    text = ULID.sub(lambda match: theirs.get(match[0], match[0]), json.dumps(body))
    return json.loads(text)


def is_fixed(body: Any) -> bool:
    """Return whether a recorded body holds no new ids or times: errors and texts."""
    if not isinstance(body, dict):
        return not isinstance(body, list)
    return ("error" in body and body.get("ids", [""]) == [""]) or "errors" in body


# What differs from app to app, and what the mock leaves out: details of traces, crons, conditions.
LOOSE = FREE | {"children", "configuration", "config", "input"}
SPAN = {"status", "name", "metadata", "output", "durationMs", "endedAt"}
LACKING = {"cron", "cronSchedule", "if", "triggers", "cachedUntil"}
_SPAN_ID = re.compile(r"[0-9a-f]{16}")
EXACT = {"status", "name", "isBatch", "limit", "hasMore", "kind", "original_run_id"}


def differences(recorded: Any, received: Any, where: str = "body") -> Iterator[str]:
    """Return where two bodies differ: in keys, kinds of values, or the lengths of lists.

    States and names must be equal. What only the mock has is left to the document: one server with
    another SQLite driver left out the ends of runs.
    """
    if isinstance(recorded, dict) and isinstance(received, dict):
        skipped = LOOSE | ({"data"} if "received_at" in recorded else set())
        skipped |= {"status"} if is_run(recorded) and is_artefact(recorded) else set()
        skipped |= SPAN if "rootSpan" in where else set()
        for key in recorded.keys() - received.keys() - skipped - LACKING:
            yield f"{where}.{key} is missing"
        for key in recorded.keys() & received.keys() - skipped:
            if key == "output" and not is_plain(recorded[key]):
                continue
            yield from differences(recorded[key], received[key], f"{where}.{key}")
    elif isinstance(recorded, list) and isinstance(received, list):
        if len(recorded) != len(received):
            yield f"{where} has {len(received)} items instead of {len(recorded)}"
        for number, (one, other) in enumerate(zip(recorded, received, strict=False)):
            yield from differences(one, other, f"{where}[{number}]")
    elif not are_of_one_kind(recorded, received) or (
        where.rpartition(".")[2] in EXACT and recorded != received
    ):
        yield f"{where} is {received!r} instead of {recorded!r}"


def is_plain(output: Any) -> bool:
    """Return whether an output is not an error: those of the mock have other words."""
    return not (isinstance(output, dict) and output.keys() & {"error", "message"})


def are_of_one_kind(recorded: Any, received: Any) -> bool:
    """Return whether two values have a kind in common; a random id may happen to be all digits."""
    return kind(recorded) == kind(received) or all(
        isinstance(each, str) and _SPAN_ID.fullmatch(each) for each in (recorded, received)
    )


def kind(value: Any) -> str:
    """Return the kind of a scalar: its type, and for texts what they hold."""
    if isinstance(value, str):
        return next((kind for kind, text in KINDS.items() if text.fullmatch(value)), "text")
    return type(value).__name__


def undocumented(exchange: Exchange, response: httpx.Response) -> Iterator[str]:
    """Return how the mock's response differs from the document."""
    operation = DOCUMENT.match(exchange.method, exchange.path)
    if operation is None or exchange.is_web_ui:
        return
    content = operation.content(response.status_code) or {}
    for media in list(content.values())[:1]:
        yield from DOCUMENT.strict_faults(media["schema"], body_of(response))


def test_nearly_all_recordings_are_replayed() -> None:
    assert len(REPLAYED) > 0.7 * len(EXCHANGES)
