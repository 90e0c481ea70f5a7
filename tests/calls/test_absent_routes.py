"""Servers that respond with their web UI where they lack a route, and other roots of v2."""

from __future__ import annotations

import pickle
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    InngestClient,
    InngestError,
    InvalidResponseError,
    NotFoundError,
    RouteNotFoundError,
    TransportError,
)
from tests.support.server import NO_ROUTE, WEB_UI, Reply, recorded, says, text

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

ID = "01M86WNRKHYE50ZF3GG530BHRT"
V1 = f"GET /v1/apps/{ID}/functions"
V2 = f"GET /v2/apps/{ID}/functions"
V2_BEFORE = f"GET /api/v2/apps/{ID}/functions"

# What the web UI responds to a path that is not its own: release builds, and builds without it.
UI = [
    WEB_UI,
    Reply(200),
    text(200, "  <html>", "text/plain"),
    text(200, "Inngest", "text/html"),
    Reply(204),
]
ids = [f"{each.status}-{each.body.decode()[:9]}" for each in UI]


def functions(client: InngestClient) -> list[str]:
    return [each.id for each in client.functions.list(ID).page().items]


def paths(server: Server) -> list[str]:
    return [each.partition("?")[0] for each in server.asked]


@pytest.mark.parametrize("page", UI, ids=ids)
def test_a_route_that_answers_with_the_web_ui_is_absent(
    client: InngestClient, server: Server, page: Reply
) -> None:
    server.on(V2, page)
    server.on(V2_BEFORE, page)
    server.on(V1, recorded("v1-app-functions"))
    for _ in range(2):
        assert functions(client) != []
    assert paths(server) == [V2, V2_BEFORE, V1, V1]


@pytest.mark.parametrize("page", UI, ids=ids)
def test_v2_is_used_below_api_where_it_has_no_root_of_its_own(
    client: InngestClient, server: Server, page: Reply
) -> None:
    server.on(V2, page)
    server.on(V2_BEFORE, recorded("v2-functions"))
    server.on("GET /api/v2/apps/a", recorded("v2-app"))
    for _ in range(2):
        assert functions(client) != []
    client.apps.get("a")
    assert paths(server) == [V2, V2_BEFORE, V2_BEFORE, "GET /api/v2/apps/a"]


def test_an_operation_absent_below_api_does_not_bring_the_other_root_back(
    client: InngestClient, server: Server
) -> None:
    for path in ("/v2/apps/a", "/v2/apps/b"):
        server.on(f"GET {path}", WEB_UI)
        server.on(f"GET /api{path}", NO_ROUTE["v2"])
        with pytest.raises(RouteNotFoundError):
            client.apps.get(path[-1])
    assert paths(server) == ["GET /v2/apps/a", "GET /api/v2/apps/a", "GET /api/v2/apps/b"]


@pytest.mark.parametrize(
    ("fault", "error"),
    [(WEB_UI, InvalidResponseError), (httpx.ConnectError("down"), TransportError)],
    ids=["page", "down"],
)
def test_one_page_of_a_proxy_does_not_change_the_root_of_v2(
    connect: Connect, server: Server, fault: Any, error: type[InngestError]
) -> None:
    client = connect(retries=0)
    server.on("GET /v2/apps/a", WEB_UI, recorded("v2-app"))
    server.on("GET /api/v2/apps/a", fault)
    with pytest.raises(error):
        client.apps.get("a")
    assert client.apps.get("a").id


def test_a_page_for_one_family_and_a_404_for_the_other_is_an_absent_route(
    client: InngestClient, server: Server
) -> None:
    for route in (V2, V2_BEFORE):
        server.on(route, WEB_UI)
    server.on(V1, text(404, "404 page not found"))
    with pytest.raises(RouteNotFoundError):
        functions(client)


def test_a_fault_of_an_operation_that_old_servers_panic_at_is_tried_again(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /v1/cancellations", Reply(503), says({"data": []}))
    client.cancellations.list().page()
    assert len(server.asked) == 2


def test_an_error_names_the_path_that_was_asked(client: InngestClient, server: Server) -> None:
    server.on("GET /v2/apps/a", WEB_UI)
    server.on("GET /api/v2/apps/a", recorded("v2-app-unknown"))
    with pytest.raises(NotFoundError, match="/api/v2/apps/a answered 404"):
        client.apps.get("a")


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


def test_absence_by_the_web_ui_is_forgotten_after_some_minutes(
    client: InngestClient, server: Server, clock: Clock
) -> None:
    server.on(V2, WEB_UI, recorded("v2-functions"))
    server.on(V2_BEFORE, WEB_UI)
    server.on(V1, recorded("v1-app-functions"))
    functions(client)
    clock.advance(301)
    functions(client)
    assert paths(server) == [V2, V2_BEFORE, V1, V2]


CANCEL = f"POST /v2/runs/{ID}/cancel"
DELETE = f"DELETE /v1/runs/{ID}"


@pytest.mark.parametrize(
    "reply",
    [
        *(says({}, status=status) for status in (200, 202)),
        *(says(None, status=200), says("text", status=299)),
        *(Reply(204), text(200, "OK"), text(201, "{"), Reply(299)),
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


def test_an_empty_200_of_v2_is_not_taken_for_a_success_while_v1_can_be_asked(
    client: InngestClient, server: Server
) -> None:
    server.on(CANCEL, Reply(200))
    server.on(CANCEL.replace("/v2", "/api/v2"), NO_ROUTE["v2"])
    server.on(DELETE, recorded("v1-run-cancel-ok"))
    client.runs.cancel(ID)
    assert DELETE in server.asked


def test_an_empty_200_below_the_older_root_is_not_taken_for_a_success_while_v1_can_be_asked(
    client: InngestClient, server: Server
) -> None:
    server.on("GET /v2/apps/a", WEB_UI)
    server.on("GET /api/v2/apps/a", recorded("v2-app"))
    client.apps.get("a")
    server.on(CANCEL.replace("/v2", "/api/v2"), Reply(200))
    server.on(DELETE, recorded("v1-run-cancel-ok"))
    client.runs.cancel(ID)
    assert DELETE in server.asked


def test_an_empty_200_of_a_server_that_has_v2_nowhere_is_no_success(
    connect: Connect, server: Server
) -> None:
    server.on(CANCEL, Reply(200))
    server.on(CANCEL.replace("/v2", "/api/v2"), Reply(200))
    with pytest.raises(InvalidResponseError, match="an empty body instead of JSON"):
        connect(api_version="v2").runs.cancel(ID)


@pytest.mark.parametrize(
    ("call", "since", "instead"),
    [
        (lambda it: it.runs.list().page(), "1.38.0", "client.events.list, client.events.runs"),
        (lambda it: it.runs.list(app="a").page(), "1.38.0", "client.events.list, client.events"),
        (lambda it: it.apps.list().page(), "1.40.0", "client.functions.list"),
        (lambda it: it.functions.get("a", "f"), "1.27.1", "client.functions.list"),
        (lambda it: it.functions.invoke("a", "f"), "1.17.3", "client.send"),
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


def test_an_empty_200_of_a_server_that_has_v2_is_a_lost_response_and_nothing_is_done_twice(
    connect: Connect, server: Server
) -> None:
    server.on(f"POST /v2/runs/{ID}/rerun", Reply(200))
    server.on("GET /v2/health", recorded("v2-health"))
    with pytest.raises(InvalidResponseError):
        connect(api_version="v2").runs.replay(ID)
    assert server.asked == [f"POST /v2/runs/{ID}/rerun", "GET /v2/health"]


def test_an_empty_200_of_a_server_that_has_v2_nowhere_is_a_lost_response_and_moves_no_root(
    connect: Connect, server: Server
) -> None:
    server.on(f"POST /v2/runs/{ID}/rerun", Reply(200))
    client = connect(api_version="v2")
    for path in ("/v2/health", "/api/v2/health"):
        server.on(f"GET {path}", Reply(200))
    with pytest.raises(InvalidResponseError):
        client.runs.replay(ID)
    asked = [f"POST /v2/runs/{ID}/rerun", "GET /v2/health", "GET /api/v2/health"]
    assert server.asked == asked
    server.on("GET /v2/apps/a", recorded("v2-app"))
    client.apps.get("a")
    assert server.asked == [*asked, "GET /v2/apps/a"]


@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)  # asks within a request
def test_a_look_for_another_root_of_v2_moves_no_request_that_is_made_meanwhile(
    connect: Connect,
) -> None:
    asked: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        asked.append(path)
        if path in {"/api/v2/health", "/api/v2/runs/b"}:
            client.apps.list().page()  # as another thread may, meanwhile
            return httpx.Response(502)
        if path == "/v2/apps":
            return httpx.Response(200, json={"data": []})
        return httpx.Response(200)

    client = connect(transport=httpx.MockTransport(answer), api_version="v2", retries=0)
    for call in (client.runs.replay, client.runs.get):
        with pytest.raises(InngestError):
            call("b")
    assert "/api/v2/health" in asked
    assert "/api/v2/runs/b" in asked
    assert [path for path in asked if path.endswith("/apps")] == ["/v2/apps"] * 2


def test_an_empty_success_of_v1_is_a_lost_response_and_nothing_is_done_twice(
    connect: Connect, server: Server
) -> None:
    server.on(f"POST /v1/runs/{ID}/replay", Reply(200))
    with pytest.raises(InvalidResponseError):
        connect(api_version="v1").runs.replay(ID)
    assert server.asked == [f"POST /v1/runs/{ID}/replay"]


def test_webhooks_are_said_to_exist_on_inngest_cloud_alone(client: InngestClient) -> None:
    with pytest.raises(RouteNotFoundError, match="No self-hosted server has this"):
        client.webhooks.list().page()


@pytest.mark.parametrize(
    ("call", "asked", "before", "then"),
    [
        (
            lambda it: it.functions.invoke("a", "f"),
            "POST /v2/apps/a/functions/f/invoke",
            ["GET /v2/health", "GET /api/v2/health"],
            [],
        ),
        (lambda it: it.runs.cancel(ID), CANCEL, [], [f"DELETE /v1/runs/{ID}"]),
    ],
    ids=["what must not be done twice", "what has no result"],
)
def test_an_empty_200_says_that_a_route_is_absent_where_another_call_found_v2_elsewhere_meanwhile(
    call: Any, asked: str, before: list[str], then: list[str]
) -> None:
    requests = list[str]()

    def answer(request: httpx.Request) -> httpx.Response:
        path = request.url.path
        requests.append(f"{request.method} {path}")
        if requests == [asked]:
            client.account.get()
        if path.startswith("/v2/"):
            return httpx.Response(200)
        if path.startswith("/api/v2/runs/"):
            return httpx.Response(404, json={"errors": [{"code": "api_error", "message": "No"}]})
        return httpx.Response(200, json={"data": {"id": ID, "runId": ID}})

    with InngestClient(dev=True, transport=httpx.MockTransport(answer)) as client:
        call(client)
    other = ["GET /v2/account", "GET /api/v2/account"]
    assert requests == [asked, *other, *before, asked.replace("/v2", "/api/v2"), *then]


def test_a_page_for_v1_leaves_v2_where_it_is(client: InngestClient, server: Server) -> None:
    server.on("GET /v1/events/01", WEB_UI)
    with pytest.raises(InvalidResponseError):
        client.events.get("01")
    server.on("GET /v2/apps/a", recorded("v2-app"))
    client.apps.get("a")
    assert server.asked == ["GET /v1/events/01", "GET /v2/apps/a"]
