"""Ingest: which events are stored, which are refused, and the response to both."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    import httpx

    from inngest_rest_mock import MockServer

GOOD = '{"name":"app/x"}'
SEED = {"x-inngest-event-id-seed": "1795528002973,bTcqrH5ZNP4Wew=="}
MOST_BYTES = 3 * 1024 * 1024


def post(client: httpx.Client, body: str | bytes, **headers: str) -> tuple[int, Any]:
    response = client.post("/e/k", content=body, headers=headers)
    assert response.headers["content-type"] == "text/plain; charset=utf-8"
    return response.status_code, response.json()


def stored(client: httpx.Client, mock: MockServer, event: dict[str, Any]) -> Any:
    """Send an event and read it back through the API."""
    client.post("/e/k", json=event).raise_for_status()
    return client.get(f"/v1/events/{mock.events[-1].internal_id}").json()["data"]


@pytest.mark.parametrize(
    ("body", "kept", "error"),
    [
        pytest.param(f"[{GOOD},{GOOD},{GOOD} x", 2, "expected comma", id="garbage"),
        pytest.param(f"[{GOOD},{GOOD},{{]", 1, "invalid character ']'", id="broken-object"),
        pytest.param(f'[{GOOD},{{"name":', 0, "unexpected EOF", id="cut"),
        pytest.param(f"[{GOOD},{GOOD},", 1, "EOF", id="cut-after-comma"),
        pytest.param(f"[{GOOD},NaN]", 0, "invalid character 'N' looking for beg", id="nan"),
        pytest.param(f"[{GOOD},5]", 1, "cannot unmarshal number into Go value", id="number"),
        pytest.param(f"[{GOOD},null]", 1, "event name is empty", id="null"),
        pytest.param(f"{GOOD} x", 0, "invalid character 'x' after top-level value", id="trailing"),
        pytest.param('{"name":"a","data":{"x":1e999}}', 0, "cannot unmarshal number", id="inf"),
        pytest.param(
            '{"name":"a","data":{"x":1%s}}' % ("0" * 309), 0, "cannot unmarshal number", id="large"
        ),
        pytest.param("[" * 500_000, 0, "exceeded max depth", id="deep"),
        pytest.param(r'{"name":"\q"}', 0, "invalid character 'q' in string escape", id="escape"),
        pytest.param("{'name':1}", 0, r"invalid character '\'' looking for", id="quote"),
        pytest.param('{"data":{"x":1},"v":[1] 2}', 0, "after object key:value pair", id="closed"),
        pytest.param('{"name":x}', 0, "'x' looking for beginning of value", id="bare-value"),
        pytest.param("[[1 2]]", 0, "invalid character '2' after array element", id="no-comma-in"),
        pytest.param(f"[{GOOD},[1,]]", 0, "']' looking for beginning of value", id="array-comma"),
        pytest.param('{"name":"a","data":{"b":tru', 0, "unexpected end of JSON", id="cut-word"),
        pytest.param('{"name":"a\nb"}', 0, r"invalid character '\n' in string", id="control"),
        pytest.param('{"name" "a"}', 0, "after object key", id="no-colon"),
        pytest.param('{"name":"a" "b"}', 0, "after object key:value pair", id="no-comma"),
        pytest.param("{name:1}", 0, "looking for beginning of object key", id="bare-key"),
        pytest.param('{"name":"a",}', 0, "looking for beginning of object key", id="comma"),
        pytest.param('{"name":"a","v":true}', 0, "bool into Go struct field raw.v", id="bool"),
        pytest.param('{"name":{}}', 0, "object into Go struct field raw.name", id="object"),
        pytest.param('{"name":[]}', 0, "array into Go struct field raw.name", id="array"),
        pytest.param('{"name":"a","user":"u"}', 0, "raw.user of type map[string]int", id="user"),
        pytest.param('{"name":"a","ts":1.7e12}', 0, "number 1.7e12 into Go str", id="ts-e"),
        pytest.param('{"name":"a","ts":9223372036854775808}', 0, "raw.ts of type int64", id="ts64"),
        pytest.param('{"name":"a","ts":9223372036854775807}', 0, "before Jan 1, 1980", id="wrap"),
        pytest.param('{"name":"a","ts":1700000000}', 0, "before Jan 1, 1980", id="seconds"),
        pytest.param('{"name":"a","ts":4102444800001}', 0, "after Jan 1, 2100", id="2100"),
        pytest.param('{"name":"INNGEST/x"}', 0, "reserved for internal use: INNGEST/x", id="own"),
        pytest.param("5", 0, "Request body must contain an event", id="scalar"),
        pytest.param("\ufeff" + GOOD, 0, "Request body must contain an event", id="bom"),
        pytest.param("]", 0, "Request body must contain an event", id="bracket"),
        pytest.param(
            json.dumps({"name": "a", "meta": {"sessions": dict.fromkeys("abcdef", 1)}}),
            0,
            "event sessions can include at most 5 entries",
            id="sessions",
        ),
    ],
)
def test_refusal_names_what_was_stored(
    client: httpx.Client, mock: MockServer, body: str, kept: int, error: str
) -> None:
    status, answer = post(client, body)

    assert (status, answer["status"]) == (400, 400)
    assert error in answer["error"]
    assert answer["ids"] == ([event.internal_id for event in mock.events] or [""])
    assert len(mock.events) == kept


@pytest.mark.parametrize("body", ["", "  \n", "[]", "[ ]", "[", "[]x"])
def test_nothing_to_store_is_one_empty_id(client: httpx.Client, body: str) -> None:
    assert post(client, body) == (200, {"ids": [""], "status": 200})


@pytest.mark.parametrize("end", ["", "]", "] and more", "}"])
def test_end_of_an_array_may_be_anything(client: httpx.Client, end: str) -> None:
    status, answer = post(client, f"[{GOOD},{GOOD}{end}")
    assert (status, len(answer["ids"])) == (200, 2)


def test_more_than_5000_events_are_cut_off_near_the_limit(
    client: httpx.Client, mock: MockServer
) -> None:
    status, answer = post(client, json.dumps([{"name": "a"}] * 5001))
    assert (status, answer["error"]) == (400, "Cannot have more than 5000 events in a batch")
    assert len(answer["ids"]) == len(mock.events) == 4999


def test_5000_events_are_stored_in_order(client: httpx.Client, mock: MockServer) -> None:
    events = [{"name": "a", "data": {"i": i}} for i in range(5000)]
    status, answer = post(client, json.dumps(events))
    assert (status, len(answer["ids"])) == (200, 5000)
    assert [event.data["i"] for event in mock.events if event.data] == list(range(5000))


@pytest.mark.parametrize("size", [MOST_BYTES, MOST_BYTES + 1])
@pytest.mark.parametrize("single", [True, False])
def test_an_event_of_3_mib_passes_and_a_byte_more_does_not(
    client: httpx.Client, mock: MockServer, size: int, single: bool
) -> None:
    event = '{"name":"app/é","data":{"s":"%s"}}'
    event %= "x" * (size - len(event.encode()) + 2)
    # White space before an event is not part of it.
    _, answer = post(client, f" {event}" if single else f"[{GOOD}, {event},{GOOD}]")

    fits = size == MOST_BYTES
    assert len(mock.events) == (int(fits) if single else 1 + 2 * fits)
    if not fits:
        why = f"Event is over the max size: Max {MOST_BYTES} bytes / Size {size} bytes"
        assert answer["error"] == why


def test_body_of_many_events_has_no_limit(client: httpx.Client) -> None:
    event = {"name": "app/x", "data": {"s": "x" * 1_000_000}}
    status, answer = post(client, json.dumps([event] * 5))
    assert (status, len(answer["ids"])) == (200, 5)


@pytest.mark.parametrize(
    ("sent", "read"),
    [
        (9007199254740993, 9007199254740992),
        (12345678901234567890, 12345678901234567000),
        (10**20, 10**20),
        (1e21, 1e21),
        (1.0, 1),
        (0.5, 0.5),
        ("a<b>&\u2028\x00\U0001f600", "a<b>&\u2028\x00\U0001f600"),
        ({"b": 1, "a": {"d": 1e5, "c": None}}, {"a": {"c": None, "d": 100000}, "b": 1}),
    ],
)
def test_data_goes_through_float64(
    client: httpx.Client, mock: MockServer, sent: Any, read: Any
) -> None:
    data = stored(client, mock, {"name": "a", "data": {"x": sent}})["data"]["x"]
    assert (data, type(data)) == (read, type(read))
    assert json.dumps(data) == json.dumps(read), "keys come in order"


def test_html_characters_are_escaped_in_v1(client: httpx.Client, mock: MockServer) -> None:
    stored(client, mock, {"name": "a", "data": {"x": "<&>"}})
    text = client.get(f"/v1/events/{mock.events[-1].internal_id}").text
    assert r'"\u003c\u0026\u003e"' in text


@pytest.mark.parametrize("body", [b'{"name":"a\xff"}', rb'{"name":"a\ud800"}'])
def test_invalid_text_becomes_the_replacement_character(
    client: httpx.Client, mock: MockServer, body: bytes
) -> None:
    post(client, body)
    assert [event.name for event in mock.events] == ["a\ufffd"]


def test_keys_match_in_any_case_and_the_last_one_wins(
    client: httpx.Client, mock: MockServer
) -> None:
    read = stored(client, mock, {"name": "a", "NAME": "b", "Data": {"x": 1}, "other": 2})
    assert (read["name"], read["data"]) == ("b", {"x": 1})


def test_defaults_of_the_stored_form(client: httpx.Client, mock: MockServer) -> None:
    read = stored(client, mock, {"name": " a ", "id": "", "ts": None, "user": {}, "v": ""})
    assert read["id"] == read["internal_id"]
    assert (read["name"], read["data"], read["ts"]) == (" a ", None, mock.now.timestamp() * 1000)
    assert "user" not in read
    assert "v" not in read


def test_internal_data_is_removed(client: httpx.Client, mock: MockServer) -> None:
    assert stored(client, mock, {"name": "a", "data": {"_inngest": 1}})["data"] == {}


def test_form_is_read_and_refused(client: httpx.Client) -> None:
    form = "application/x-www-form-urlencoded"
    status, answer = post(client, "name=a&data=b", **{"content-type": form})
    assert (status, answer["ids"]) == (400, [""])
    assert "cannot unmarshal array into Go struct field raw.data" in answer["error"]


def test_seed_gives_the_same_ids_and_stores_once(client: httpx.Client, mock: MockServer) -> None:
    def send(value: int) -> list[str]:
        events = [{"name": "app/ok", "data": {"s": value}}] * 2
        ids: list[str] = client.post("/e/k", json=events, headers=SEED).json()["ids"]
        return ids

    assert send(1) == send(2) == ["01M86WY3CXDMVJNB3YB4TFW5KW", "01M86WY3CXDMVJNB3YB4TFW5KX"]
    assert [event.data for event in mock.events] == [{"s": 1}, {"s": 1}]
    assert len(mock.runs) == 2


def test_invocation_counts_its_seed_from_zero(client: httpx.Client, mock: MockServer) -> None:
    for _ in range(2):
        answer = client.post("/invoke/probe-app-ok", json={}, headers=SEED).json()
        assert answer == {"id": "01M86WY3CXDMVJNB3YB4TFW5KV", "status": 200}
    assert len(mock.runs) == 1


@pytest.mark.parametrize(
    "seed", ["x", "0,bTcqrH5ZNP4Wew==", "-1,bTcqrH5ZNP4Wew==", "1,AAAA", "1,!", "1,bTcq,x", ",x"]
)
def test_malformed_seed_is_ignored(client: httpx.Client, mock: MockServer, seed: str) -> None:
    for _ in range(2):
        client.post("/e/k", json={"name": "a"}, headers={"x-inngest-event-id-seed": seed})
    assert len(mock.events) == 2


def test_unknown_invocation_is_stored_and_never_runs(
    client: httpx.Client, mock: MockServer
) -> None:
    assert client.post("/invoke/zzz", json={"data": {}}).status_code == 200
    assert [event.name for event in mock.events] == ["inngest/function.invoked"]
    assert len(mock.runs) == 0
