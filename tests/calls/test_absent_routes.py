"""Routes that a server lacks, and pages of its web UI, which show that the base URL is wrong."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import InngestClient, InvalidResponseError, RouteNotFoundError
from tests.support.server import NO_ROUTE, WEB_UI, Reply, recorded, says, text

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

ID = "01M86WNRKHYE50ZF3GG530BHRT"
V1 = f"GET /v1/apps/{ID}/functions"
V2 = f"GET /v2/apps/{ID}/functions"


def functions(client: InngestClient) -> list[str]:
    return [each.id for each in client.functions.list(ID).page().items]


def paths(server: Server) -> list[str]:
    return [each.partition("?")[0] for each in server.asked]


@pytest.mark.parametrize(
    ("page", "reason"),
    [
        (WEB_UI, "a web page"),
        (text(200, "  <html>", "text/plain"), "a web page"),
        (text(200, "Inngest", "text/html"), "a web page"),
        (Reply(200), "an empty body"),
        (Reply(204), "an empty body"),
    ],
    ids=lambda it: None if isinstance(it, str) else f"{it.status}-{it.body.decode()[:9]}",
)
def test_a_page_or_nothing_where_a_result_is_needed_is_no_answer(
    client: InngestClient, server: Server, page: Reply, reason: str
) -> None:
    server.on(V2, page)
    with pytest.raises(InvalidResponseError, match=f"{reason} instead of JSON") as caught:
        functions(client)
    assert caught.value.may_have_taken_effect
    assert paths(server) == [V2]


def test_an_absence_is_forgotten_after_some_minutes(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V2, NO_ROUTE["v2"], recorded("v2-functions"))
    server.on(V1, recorded("v1-app-functions"))
    functions(client)
    functions(client)
    clock.advance(301)
    functions(client)
    assert paths(server) == [V2, V1, V1, V2]


def test_a_fault_of_an_operation_that_old_servers_panic_at_is_tried_again(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /v1/cancellations", Reply(503), says({"data": []}))
    client.cancellations.list()
    assert len(server.asked) == 2


@pytest.mark.parametrize(
    "call",
    [
        lambda it: it.functions.list(ID).page(),
        lambda it: it.runs.list().page(),
        lambda it: it.events.list().page(),
        lambda it: it.apps.get("a"),
        lambda it: it.runs.get(ID),
        lambda it: it.runs.replay(ID),
        lambda it: it.runs.cancel(ID),
        lambda it: it.signals.send("s"),
        lambda it: it.health(),
    ],
    ids=["functions", "runs", "events", "app", "run", "replay", "cancel", "signal", "health"],
)
def test_where_every_route_answers_with_a_page_the_base_url_is_named_as_the_cause(
    connect: Connect, call: Any
) -> None:
    pages = httpx.MockTransport(lambda _: httpx.Response(200, html="<title>Inngest</title>"))
    with pytest.raises(InvalidResponseError, match="base URL or the path is wrong") as caught:
        call(connect(transport=pages))
    assert caught.value.status == 200
    assert caught.value.body == "<title>Inngest</title>"
    error: BaseException | None = caught.value
    for _ in range(9):
        error = error and (error.__cause__ or error.__context__)
    assert error is None, "the causes end"


CANCEL = f"POST /v2/runs/{ID}/cancel"
DELETE = f"DELETE /v1/runs/{ID}"


@pytest.mark.parametrize(
    "reply",
    [
        *(says({}, status=status) for status in (200, 202)),
        *(says(None, status=200), says("text", status=299)),
        *(Reply(200), Reply(204), text(200, "OK"), text(201, "{"), Reply(299)),
    ],
    ids=lambda it: f"{it.status}-{it.body!r}",
)
@pytest.mark.parametrize("version", ["v1", "v2"])
def test_a_method_without_a_result_accepts_any_success(
    connect: Connect, server: Server, version: str, reply: Reply
) -> None:
    server.on(DELETE if version == "v1" else CANCEL, reply)
    connect(api_version=version).runs.cancel(ID)
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    ("call", "since", "instead"),
    [
        (lambda it: it.runs.list().page(), "1.38.0", "client.events.list, client.events.runs"),
        (lambda it: it.runs.list(app="a").page(), "1.38.0", "client.events.list, client.events"),
        (lambda it: it.apps.list().page(), "1.40.0", "client.functions.list"),
        (lambda it: it.functions.get("a", "f"), "1.30.0", "client.functions.list"),
        (lambda it: it.functions.invoke("a", "f"), "1.30.0", "client.send"),
    ],
    ids=["runs.list", "runs.list of an app", "apps.list", "functions.get", "functions.invoke"],
)
def test_the_error_for_an_absent_route_names_its_release_and_what_to_do_instead(
    client: InngestClient, call: Any, since: str, instead: str
) -> None:
    with pytest.raises(RouteNotFoundError, match=rf"since release {since}\. .*{instead}") as caught:
        call(client)
    assert caught.value.status == 404
    assert since in caught.value.releases.values()
    assert pickle.loads(pickle.dumps(caught.value)).releases == caught.value.releases


@pytest.mark.parametrize(
    ("version", "path"), [("v1", f"/v1/runs/{ID}/replay"), ("v2", f"/v2/runs/{ID}/rerun")]
)
def test_an_empty_success_is_a_lost_response_and_nothing_is_done_twice(
    connect: Connect, server: Server, version: str, path: str
) -> None:
    server.on(f"POST {path}", Reply(200))
    with pytest.raises(InvalidResponseError):
        connect(api_version=version).runs.replay(ID)
    assert server.asked == [f"POST {path}"]


def test_webhooks_are_said_to_exist_on_inngest_cloud_alone(client: InngestClient) -> None:
    with pytest.raises(RouteNotFoundError, match="No self-hosted server has this"):
        client.webhooks.list().page()
