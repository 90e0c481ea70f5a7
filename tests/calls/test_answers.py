"""Responses: the value each holds, or the error it raises."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    ApiError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    InngestClient,
    InngestError,
    InvalidResponseError,
    NotFoundError,
    PermissionDeniedError,
    RateLimitError,
    RouteNotFoundError,
    ServerError,
)
from tests.support.server import Reply, about, recorded, says, text

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.server import Server

ID = "01M86WNRKHYE50ZF3GG530BHRT"

# A call, its route, and the name of the call.
GET_EVENT = (f"GET /v1/events/{ID}", lambda it: it.events.get(ID))
GET_RUN = (f"GET /v1/runs/{ID}", lambda it: it.runs.get(ID))
CANCEL = (f"DELETE /v1/runs/{ID}", lambda it: it.runs.cancel(ID))
SIGNAL = ("POST /v1/signals", lambda it: it.signals.send("s"))
LIST_EVENTS = ("GET /v1/events", lambda it: it.events.list().page())
GET_APP = ("GET /v2/apps/a", lambda it: it.apps.get("a"))
TRACE = (f"GET /v2/runs/{ID}/trace", lambda it: it.runs.trace(ID))
REPLAY = (f"POST /v2/runs/{ID}/rerun", lambda it: it.runs.replay(ID))
INVOKE = ("POST /v2/apps/a/functions/f/invoke", lambda it: it.functions.invoke("a", "f"))
HEALTH = ("GET /health", lambda it: it.health())


def ask(client: InngestClient, server: Server, operation: Any, reply: Reply) -> Any:
    route, call = operation
    server.on(route, reply)
    return call(client)


@pytest.mark.parametrize(
    ("operation", "recording", "error", "status", "code", "message", "hidden"),
    [
        (GET_EVENT, "v1-event-unknown", NotFoundError, 404, None, "Event not found", True),
        (LIST_EVENTS, "v1-events-cursor-bad", BadRequestError, 400, None, "Invalid cursor", True),
        (CANCEL, "v1-run-cancel-unknown", NotFoundError, 404, None, "Unable to load", False),
        (SIGNAL, "v1-signal-empty", ServerError, 500, None, "Failed to receive signal", False),
        (SIGNAL, "start-signal-noauth", AuthenticationError, 401, None, "Authentication", False),
        (GET_APP, "v2-runs-put", RouteNotFoundError, 501, "api_error", "Method Not Allowed", False),
        (GET_APP, "v2-unknown-route", RouteNotFoundError, 404, "api_error", "Not Found", False),
        (GET_APP, "start-v2-noauth", AuthenticationError, 401, None, "Authentication", False),
        (TRACE, "v2-trace-unknown", NotFoundError, 404, "not_found", "Trace not found", False),
        (TRACE, "v2-run-bad", BadRequestError, 400, "invalid_field_format", "ULID", False),
        (INVOKE, "v2-invoke-ratelimited", BadRequestError, 422, "rate_limited", "", False),
    ],
)
def test_a_recorded_error_response_raises_its_error_class(
    client: InngestClient,
    server: Server,
    operation: Any,
    recording: str,
    error: type[ApiError],
    status: int,
    code: str | None,
    message: str,
    hidden: bool,
) -> None:
    with pytest.raises(error) as caught:
        ask(client, server, operation, recorded(recording))
    found = caught.value
    assert type(found) is error
    assert (found.status, found.code, found.hidden) == (status, code, hidden)
    assert message in found.message
    method, _, path = operation[0].partition(" ")
    assert (found.method, found.url) == (method, f"http://127.0.0.1:8288{path}")


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (400, BadRequestError),
        (401, AuthenticationError),
        (403, PermissionDeniedError),
        (404, RouteNotFoundError),
        (405, RouteNotFoundError),
        (409, ConflictError),
        (410, ApiError),
        (413, ApiError),
        (422, BadRequestError),
        (429, RateLimitError),
        (499, ApiError),
        (500, ServerError),
        (501, RouteNotFoundError),
        (503, ServerError),
        (520, ServerError),
        (599, ServerError),
    ],
)
def test_the_status_alone_determines_the_error_class(
    connect: Connect, server: Server, status: int, error: type[ApiError]
) -> None:
    bodies = (b"", b"<html>Bad Gateway</html>", b"\xff\xfe", b"[]", b'{"message": "x"}')
    calls = (GET_EVENT, GET_APP, HEALTH, SIGNAL, GET_APP)
    for body, operation in zip(bodies, calls, strict=True):
        with pytest.raises(ApiError) as caught:
            ask(connect(retries=0), server, operation, Reply(status, body))
        assert type(caught.value) is error
        assert caught.value.status == status


@pytest.mark.parametrize("body", [{"error": "no such event"}, {"errors": [{"code": "not_found"}]}])
def test_a_404_with_a_json_error_is_about_a_resource(
    client: InngestClient, server: Server, body: object
) -> None:
    with pytest.raises(NotFoundError):
        ask(client, server, GET_APP, says(body, status=404))


@pytest.mark.parametrize(
    "body", ["null", '"text"', "{}", '{"errors": []}', '{"errors": ["x"]}', ""]
)
def test_a_404_without_a_json_error_is_about_the_route(
    client: InngestClient, server: Server, body: str
) -> None:
    with pytest.raises(RouteNotFoundError):
        ask(client, server, GET_APP, text(404, body))


def test_the_message_joins_all_errors_of_a_response(client: InngestClient, server: Server) -> None:
    body = {"errors": [{"code": "a", "message": "one"}, {"code": "b", "message": "two"}]}
    with pytest.raises(BadRequestError, match="one; two") as caught:
        ask(client, server, GET_APP, says(body, status=400))
    assert caught.value.code == "a"


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"  <html>Bad Gateway</html>", "Bad Gateway"),
        (b"no <b>upstream</b>", "Bad Gateway"),
        (b" the upstream is down\n", "the upstream is down"),
        (b"x" * 100 + b"<", "x" * 100 + "<"),
        (b" ", "Bad Gateway"),
    ],
    ids=["page", "markup", "text", "text with a sign", "nothing"],
)
def test_a_page_is_no_message_and_any_other_text_is(
    connect: Connect, server: Server, body: bytes, message: str
) -> None:
    with pytest.raises(ServerError) as caught:
        ask(connect(retries=0), server, GET_APP, Reply(502, body))
    assert caught.value.message == message


ALL = [GET_EVENT, LIST_EVENTS, SIGNAL, GET_APP, TRACE, INVOKE]


@pytest.mark.parametrize(
    "reply",
    [
        text(200, '{"da', "application/json"),
        says(["a"]),
        says("text"),
        says({}),
        says({"message": "no Route matched"}),
        says({"data": 5}),
        says({"data": {"run_id": 5}, "metadata": 1}),
        says({"error": None, "data": None}),
        Reply(202, b"{}"),
        Reply(301, b"", {"location": "https://elsewhere.example/"}),
        Reply(303, b"", {"location": "/"}),
    ],
    ids=lambda it: f"{it.status}-{it.body[:12].decode()}",
)
def test_a_response_that_is_not_of_this_api_is_invalid(
    client: InngestClient, server: Server, reply: Reply
) -> None:
    for number, operation in enumerate(ALL, 1):
        with pytest.raises(InvalidResponseError) as caught:
            ask(client, server, operation, reply)
        assert caught.value.status == reply.status
        assert caught.value.body == reply.body.decode()
        assert len(server.requests) == number, "it is not retried"


def test_data_that_looks_like_an_error_body_is_not_an_error(
    client: InngestClient, server: Server
) -> None:
    body = about(ID, "v1-event").body.replace(
        b'"data": {', b'"data": {"error": "x", "status": 500, ', 1
    )
    ask(client, server, GET_EVENT, Reply(200, body))


@pytest.mark.parametrize("status", [400, 403, 404, 429, 503])
def test_v1_may_hide_any_error_status_under_http_200(
    connect: Connect, server: Server, status: int
) -> None:
    body = {"error": "hidden", "data": None, "status": status}
    with pytest.raises(ApiError, match="hidden") as caught:
        ask(connect(retries=0), server, GET_EVENT, says(body))
    assert (caught.value.status, caught.value.hidden) == (status, True)


def test_an_error_hidden_under_http_200_is_invalid_for_v2(
    client: InngestClient, server: Server
) -> None:
    with pytest.raises(InvalidResponseError):
        ask(client, server, GET_APP, says({"error": "hidden", "data": None, "status": 404}))


@pytest.mark.parametrize(
    "body",
    [
        {"errors": [{"code": "run_already_ended", "message": "Run has ended"}]},
        {"error": "Run has ended"},
        {"data": None, "errors": [{"message": "Run has ended"}]},
    ],
    ids=str,
)
@pytest.mark.parametrize("status", [200, 202])
def test_a_success_of_v2_that_states_an_error_is_none(
    client: InngestClient, server: Server, body: dict[str, Any], status: int
) -> None:
    cancel = (f"POST /v2/runs/{ID}/cancel", lambda it: it.runs.cancel(ID))
    with pytest.raises(InvalidResponseError, match="states an error: Run has ended"):
        ask(client, server, cancel, says(body, status=status))


@pytest.mark.parametrize("errors", [[], None])
def test_a_success_of_v2_may_list_no_errors(
    client: InngestClient, server: Server, errors: object
) -> None:
    body = json.loads(recorded("v2-app").body)
    assert ask(client, server, GET_APP, says({**body, "errors": errors})).id == body["data"]["id"]


def test_a_redirect_is_named_and_what_to_set_instead(client: InngestClient, server: Server) -> None:
    reply = Reply(308, b"", {"location": "https://inngest.example.com/v2/apps/a"})
    with pytest.raises(InvalidResponseError, match="redirects to 'https://inngest") as caught:
        ask(client, server, GET_APP, reply)
    assert "INNGEST_BASE_URL" in caught.value.advice


@pytest.mark.parametrize("length", [150, 170, 190])
def test_a_long_redirect_is_cut_after_its_key_is_masked(
    connect: Connect, server: Server, length: int
) -> None:
    key = "key-of-this-test-0123456789"
    location = f"https://inngest.example.com/{'x' * length}/e/{key}"
    server.on(f"POST /e/{key}", Reply(308, b"", {"location": location}))
    with pytest.raises(InngestError) as caught:
        connect(retries=0, event_key=key).send({"name": "app/steps"})
    assert "redirects to" in str(caught.value)
    assert "key-of" not in str(caught.value)


def test_an_object_that_is_a_list_is_told_by_its_name(
    client: InngestClient, server: Server
) -> None:
    with pytest.raises(InvalidResponseError, match=r"data: dict expected, not list\)"):
        ask(client, server, GET_APP, says({"data": [{"id": "a"}], "metadata": {}}))


@pytest.mark.parametrize("errors", [5, True, "x", {"message": "x"}, [5], None])
def test_an_error_body_of_another_shape_still_raises_an_api_error(
    connect: Connect, server: Server, errors: object
) -> None:
    for status in (400, 404, 409, 500):
        with pytest.raises(ApiError) as caught:
            ask(connect(retries=0), server, INVOKE, says({"errors": errors}, status=status))
        assert caught.value.status == status


@pytest.mark.parametrize(
    ("operation", "recording", "change"),
    [
        (GET_RUN, "v1-run-ok", {"ended_at": "soon"}),
        (GET_RUN, "v1-run-ok", {"status": 5}),
        (GET_EVENT, "v1-event", {"data": [5]}),
        (GET_APP, "v2-app", {"createdAt": "soon"}),
        (TRACE, "v2-trace-steps", {"rootSpan": {"id": "s", "durationMs": "long"}}),
    ],
    ids=["time", "status", "data", "time of v2", "duration"],
)
def test_a_value_that_cannot_be_converted_makes_the_response_invalid(
    client: InngestClient, server: Server, operation: Any, recording: str, change: dict[str, Any]
) -> None:
    body = json.loads(about(ID, recording).body)
    body["data"] |= change
    with pytest.raises(InvalidResponseError, match="not as documented"):
        ask(client, server, operation, says(body))


@pytest.mark.parametrize("name", ["utf-16", "hex", "idna", "undefined", "rot13", "no-such"])
@pytest.mark.parametrize(("status", "error"), [(200, InvalidResponseError), (400, BadRequestError)])
def test_an_unknown_charset_does_not_prevent_reading_a_response(
    client: InngestClient, server: Server, name: str, status: int, error: type[Exception]
) -> None:
    reply = Reply(status, "köln".encode(), {"content-type": f"text/plain; charset={name}"})
    with pytest.raises(error) as caught:
        ask(client, server, GET_EVENT, reply)
    assert "köln" in vars(caught.value).get("body", str(caught.value))


def test_json_that_is_nested_too_deeply_is_invalid(client: InngestClient, server: Server) -> None:
    deep = b'{"data": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    for operation in ALL:
        with pytest.raises(InvalidResponseError):
            ask(client, server, operation, Reply(200, deep))


def test_a_status_in_the_body_below_400_is_not_a_hidden_error(
    client: InngestClient, server: Server
) -> None:
    for status in (True, 200, "500", None):
        with pytest.raises(InvalidResponseError):
            ask(client, server, GET_EVENT, says({"error": "", "data": None, "status": status}))


def problem(status: int, **members: object) -> Reply:
    return says(members, status=status, content_type="application/problem+json; charset=utf-8")


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({"title": "Run ended", "detail": "It ended at noon"}, "Run ended: It ended at noon"),
        ({"detail": "It ended at noon", "instance": "/v2/runs/1"}, "It ended at noon"),
        ({"title": "Run ended", "type": "about:blank"}, "Run ended"),
        ({"title": "Run ended", "detail": "Run ended at noon"}, "Run ended at noon"),
        ({"title": "Run ended", "detail": "", "errors": [{"pointer": "#/a"}]}, "Run ended"),
        ({"title": 7, "detail": None}, "Unprocessable Entity"),
    ],
    ids=str,
)
def test_a_problem_of_rfc_9457_is_told_by_its_title_and_detail(
    client: InngestClient, server: Server, members: dict[str, object], message: str
) -> None:
    reply = problem(422, code="run_already_ended", **members)
    with pytest.raises(BadRequestError) as raised:
        ask(client, server, REPLAY, reply)
    assert (raised.value.message, raised.value.code) == (message, "run_already_ended")


def test_a_run_that_has_ended_is_cancelled_whatever_status_says_so(
    client: InngestClient, server: Server
) -> None:
    ended = problem(422, title="Run ended", code="run_already_ended")
    assert (
        ask(client, server, ("POST /v2/runs/x/cancel", lambda it: it.runs.cancel("x")), ended)
        is None
    )
    other = problem(422, title="Run locked", code="run_locked")
    with pytest.raises(BadRequestError, match="Run locked"):
        ask(client, server, ("POST /v2/runs/y/cancel", lambda it: it.runs.cancel("y")), other)


def test_a_problem_may_be_of_v1_too(client: InngestClient, server: Server) -> None:
    with pytest.raises(ServerError, match="Full: Come back later"):
        ask(client, server, SIGNAL, problem(503, title="Full", detail="Come back later"))


@pytest.mark.parametrize(
    ("members", "error"),
    [
        ({"title": "Not Found", "detail": f"no run {ID}"}, NotFoundError),
        ({"title": "Not Found"}, RouteNotFoundError),
    ],
    ids=["with a detail", "with a title alone"],
)
def test_a_problem_with_status_404_is_about_a_resource_if_it_has_a_detail(
    client: InngestClient, server: Server, members: dict[str, object], error: type[ApiError]
) -> None:
    with pytest.raises(ApiError) as raised:
        ask(client, server, TRACE, problem(404, **members))
    assert type(raised.value) is error


def test_a_long_message_is_cut(connect: Connect, server: Server) -> None:
    with pytest.raises(BadRequestError) as caught:
        ask(connect(retries=0), server, GET_EVENT, says({"error": "x" * 9_999}, status=400))
    assert len(caught.value.message) == 500


def test_a_409_with_errors_raises_conflict_error(client: InngestClient, server: Server) -> None:
    body = {"errors": [{"code": "idempotency_conflict", "message": "other data"}]}
    with pytest.raises(ConflictError, match="other data") as caught:
        ask(client, server, INVOKE, says(body, status=409))
    assert caught.value.code == "idempotency_conflict"


@pytest.mark.parametrize(
    ("message", "kind"),
    [
        ("Unable to load function run: {}", NotFoundError),
        ("{}", ServerError),
        ("Unable to load function run: other", ServerError),
    ],
)
def test_a_500_of_v1_is_about_an_unknown_run_only_in_those_words(
    connect: Connect, server: Server, message: str, kind: type[ApiError]
) -> None:
    server.on(f"GET /v1/runs/{ID}", says({"error": message.format(ID)}, status=500))
    with pytest.raises(kind):
        connect(retries=0, api_version="v1").request("GET", f"/v1/runs/{ID}")


@pytest.mark.parametrize(("status", "is_success"), [(200, True), (299, True), (300, False)])
def test_a_result_comes_with_a_status_of_success(
    client: InngestClient, server: Server, status: int, is_success: bool
) -> None:
    reply = Reply(status, about(ID, "v1-event").body)
    if is_success:
        ask(client, server, GET_EVENT, reply)
    else:
        with pytest.raises(InvalidResponseError, match="neither a result nor an error"):
            ask(client, server, GET_EVENT, reply)


def test_a_500_of_v2_in_the_words_of_v1_is_no_unknown_run(connect: Connect, server: Server) -> None:
    body = {"errors": [{"message": f"Unable to load function run: {ID}"}]}
    server.on(f"GET /v2/runs/{ID}", says(body, status=500))
    with pytest.raises(ServerError) as caught:
        connect(retries=0).request("GET", f"/v2/runs/{ID}")
    assert not caught.value.hidden
