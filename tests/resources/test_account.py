"""What Inngest Cloud tells of an account: each field of it, and what is left out of an answer.

Keys are masked, environments are taken back, and scores are checked before they are sent.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    InvalidArgumentError,
    InvalidResponseError,
    RequestTimeoutError,
)
from inngest_rest_api.models import (
    V2InsightsColumn,
    V2InsightsTable,
)
from inngest_rest_mock import MockServer
from tests.support.server import says

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.server import Server

    Call = Callable[[InngestClient], Any]

KEY = "event-key-0123456789"
RUN = "01K9V2D6N9P1R7Z4W8X3Y5A0BC"
NOON, AT_NOON = "2026-11-24T12:00:00Z", datetime(2026, 11, 24, 12, tzinfo=UTC)


@pytest.mark.parametrize(("reveal", "shown"), [(False, "…6789"), (True, KEY)])
def test_a_key_is_masked_unless_it_is_revealed(
    reveal: bool, shown: str, client: InngestClient, server: Server
) -> None:
    server.on("GET /v2/keys/events", says({"data": [{"key": KEY}], "page": {}}))
    (key,) = client.keys.events(reveal=reveal)
    assert key.key == shown
    assert KEY not in repr(key)


def test_only_the_end_of_a_long_key_is_shown(client: InngestClient, server: Server) -> None:
    keys = [{"key": "k" * length} for length in (16, 17)]
    server.on("GET /v2/keys/events", says({"data": keys, "page": {"hasMore": False}}))
    assert [it.key for it in client.keys.events()] == ["…", "…kkkk"]


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        ({"columns": [{"name": 5}]}, "name: str expected"),
        ({"columns": [{}]}, "name is missing"),
        ({"rows": [{"values": {}}]}, "values: list expected"),
    ],
    ids=["of another type", "missing", "in a list"],
)
def test_what_is_not_as_documented_is_no_answer(
    data: Any, fault: str, client: InngestClient, server: Server
) -> None:
    server.on("POST /v2/insights/query", says({"data": data}))
    with pytest.raises(InvalidResponseError, match=fault):
        client.insights.query("select 1")


def test_tables_have_the_types_of_their_columns(client: InngestClient, server: Server) -> None:
    columns = [{"name": "n", "type": "String"}, {"name": "m"}]
    data = [{"name": "runs", "description": "d", "columns": columns}, {"name": "events"}]
    server.on("GET /v2/insights/tables", says({"data": data}), says({"data": None}))
    runs = V2InsightsTable(
        "runs", "d", [V2InsightsColumn("n", type_="String"), V2InsightsColumn("m")]
    )
    assert client.insights.tables() == [runs, V2InsightsTable("events")]
    assert client.insights.tables() == []


@pytest.mark.parametrize(
    ("call", "query"),
    [
        (lambda it: it.experiments.list(app="a"), "appId=a"),
        (lambda it: it.experiments.list(app="a", function="f"), "appId=a&functionId=f"),
        (lambda it: it.sessions.keys(search="s"), "search=s"),
        (lambda it: it.sessions.list("k", search="s"), "search=s"),
        (
            lambda it: it.sessions.runs("k", "s", since=AT_NOON, until=AT_NOON.replace(hour=13)),
            "from=2026-11-24T12:00:00+00:00&until=2026-11-24T13:00:00+00:00",
        ),
    ],
    ids=["app", "function", "search keys", "search sessions", "window"],
)
def test_what_a_listing_is_narrowed_to_is_asked_of_the_server(
    call: Call, query: str, client: InngestClient, server: Server
) -> None:
    for path in ("/v2/experiments", "/v2/sessions", "/v2/sessions/k", "/v2/sessions/k/s/runs"):
        server.on(f"GET {path}", says({"data": [], "page": {"hasMore": False}}))
    assert list(call(client)) == []
    sent = dict(server.requests[0].url.params)
    assert sent.pop("limit")
    assert sent == dict(it.split("=", 1) for it in query.split("&"))


@pytest.mark.parametrize(
    "create",
    [
        lambda it: it.envs.create("n"),
        lambda it: it.webhooks.create(name="n", transform="t"),
        lambda it: it.cancellations.create("a", "f", started_before=AT_NOON),
        lambda it: it.functions.invoke("a", "f"),
        lambda it: it.signals.send("s"),
        lambda it: it.runs.replay(RUN),
    ],
    ids=["env", "webhook", "cancellation", "invoke", "signal", "replay"],
)
def test_what_may_have_been_created_is_not_created_again(
    create: Call, connect: Connect, server: Server
) -> None:
    paths = ["v2/envs", "v2/env/webhooks", "v1/cancellations", "v1/signals"]
    paths += [f"v1/runs/{RUN}/replay", f"v2/runs/{RUN}/rerun", "v2/apps/a/functions/f/invoke"]
    for path in paths:
        server.on(f"POST /{path}", httpx.ReadTimeout("late"))
    with pytest.raises(RequestTimeoutError):
        create(connect(env="preview"))
    assert len(server.requests) == 1


def test_a_webhook_is_created_by_v2_with_what_was_given_alone(
    connect: Connect, server: Server
) -> None:
    server.on("POST /v2/env/webhooks", says({"data": {"id": "w"}}, status=201))
    client = connect(env="preview")
    client.webhooks.create(name="n", transform="t")
    client.webhooks.create(name="n", transform="t", response="r", events=["a/b"])
    assert server.bodies() == [
        {"name": "n", "transform": "t"},
        {
            "name": "n",
            "transform": "t",
            "response": "r",
            "eventFilter": {"events": ["a/b"]},
        },
    ]


def test_an_environment_is_archived_and_taken_back(connect: Connect) -> None:
    client = connect(transport=MockServer(cloud=True).transport)
    made = client.envs.create("preview")
    assert client.envs.archive(made.id).is_archived
    assert not client.envs.archive(made.id, archived=False).is_archived


@pytest.mark.parametrize(
    "scores",
    [{}, {"": 1}, {f"score-{n}": n for n in range(101)}, {"a": "1"}, {"it's": 1}, {"a" * 129: 1}],
)
def test_scores_that_servers_refuse_are_not_sent(scores: Any, connect: Connect) -> None:
    mock = MockServer()
    client = connect(transport=mock.transport)
    with pytest.raises(InvalidArgumentError, match="scores must"):
        client.runs.score(RUN, scores)
    assert not mock.requests


@pytest.mark.parametrize(
    ("more", "sent"),
    [
        ({}, {}),
        ({"step": "s"}, {"stepId": "s"}),
        (
            {"experiment": "x", "variant": "a"},
            {"experiment": {"id": "x", "variant": "a"}},
        ),
    ],
)
def test_a_score_is_of_a_run_a_step_or_a_variant(
    more: Any, sent: Any, client: InngestClient, server: Server
) -> None:
    server.on("POST /v2/runs/r/scores", says({"data": {}}, status=201))
    longest = "n" * 128
    client.runs.score("r", {longest: 1, "s": True}, **more)
    assert server.bodies() == [
        [{"name": longest, "value": 1, **sent}, {"name": "s", "value": True, **sent}]
    ]


@pytest.mark.parametrize(
    "more",
    [{"experiment": "x"}, {"variant": "a"}, {"step": "s", "experiment": "x", "variant": "a"}],
)
def test_a_score_of_half_a_variant_or_of_one_in_a_step_is_refused(
    more: Any, client: InngestClient, server: Server
) -> None:
    with pytest.raises(InvalidArgumentError, match="experiment and variant go together"):
        client.runs.score("r", {"ok": 1}, **more)
    assert not server.requests


@pytest.mark.parametrize(("run_id", "step"), [("a/b", None), ("r", "")])
def test_a_score_names_its_run_and_its_step(
    run_id: str, step: str | None, client: InngestClient, server: Server
) -> None:
    with pytest.raises(InvalidArgumentError, match=r"^(id|step) "):
        client.runs.score(run_id, {"ok": 1}, step=step)
    assert not server.requests
