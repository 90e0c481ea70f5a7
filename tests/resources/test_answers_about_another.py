"""A response about another run, event or listing than was asked for, as a proxy may mix them up."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InvalidResponseError
from tests.support.server import Reply, body_of, recorded, says

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.server import Server

ASKED, OTHER = "01M86WNRKHYE50ZF3GG530BHRT", "01M86WNRKHE1KHP1B93A2V3YEN"
EVENT, OTHER_EVENT = "01M86WNRFYF0HWR0ETE7AMREYS", "01M86WY74RRPRHFJVVM3J493KR"

CALLS: dict[str, tuple[str, str, Callable[[InngestClient], object]]] = {
    "get": (f"GET /v2/runs/{ASKED}", "v2-run-output-boom", lambda it: it.runs.get(ASKED)),
    "wait": (f"GET /v2/runs/{ASKED}", "v2-run-output-boom", lambda it: it.runs.wait(ASKED, 9)),
    "wait_many": (
        f"GET /v2/runs/{ASKED}",
        "v2-run-output-boom",
        lambda it: list(it.runs.wait_many([ASKED], 9)),
    ),
    "get by v1": (f"GET /v1/runs/{ASKED}", "v1-run-boom", lambda it: it.runs.get(ASKED)),
    "trace": (f"GET /v2/runs/{ASKED}/trace", "v2-trace-boom", lambda it: it.runs.trace(ASKED)),
    "cancel": (f"POST /v2/runs/{ASKED}/cancel", "v2-cancel", lambda it: it.runs.cancel(ASKED)),
    "event": (f"GET /v1/events/{EVENT}", "v1-event-user-v", lambda it: it.events.get(EVENT)),
}


@pytest.mark.parametrize("name", CALLS)
def test_a_response_about_another_is_refused(
    client: InngestClient, server: Server, name: str
) -> None:
    route, recording, act = CALLS[name]
    server.on(route, recorded(recording))
    with pytest.raises(InvalidResponseError, match=r"it is about .*, not about "):
        act(client)
    assert len([it for it in server.asked if it.startswith("POST")]) <= 1


def test_a_replay_whose_new_run_is_the_old_one_is_refused(
    client: InngestClient, server: Server
) -> None:
    server.on(f"POST /v2/runs/{ASKED}/rerun", says({"data": {"runId": ASKED}}))
    with pytest.raises(InvalidResponseError, match="to be replayed"):
        client.runs.replay(ASKED)
    assert len(server.asked) == 1


def test_an_id_is_asked_for_in_any_case(client: InngestClient, server: Server) -> None:
    server.on(f"GET /v2/runs/{ASKED.lower()}", recorded("v2-run-ok"))
    assert client.runs.get(ASKED.lower()).id == ASKED


def test_a_cancelled_run_that_the_response_does_not_name_is_cancelled(
    client: InngestClient, server: Server
) -> None:
    for body in (b"null", b"[]", b'{"data":null}', b"done"):
        server.on(f"POST /v2/runs/{ASKED}/cancel", Reply(200, body))
        client.runs.cancel(ASKED)


def test_a_watch_ends_with_an_error_that_is_ours_and_can_be_continued(
    client: InngestClient, server: Server, connect: Connect
) -> None:
    body = body_of("v2-runs-list")
    [run, *_] = body["data"]
    run |= {"id": ASKED, "status": "RUNNING", "endedAt": None}
    body |= {"data": [run], "page": {}}
    server.on("GET /v2/runs", says(body), says(body), says({"data": [], "page": {}}))
    server.on(f"GET /v2/runs/{ASKED}", recorded("v2-run-output-boom"))
    watcher = client.runs.watch(timeout=60)
    with pytest.raises(InvalidResponseError):
        list(watcher)
    server.on(f"GET /v2/runs/{ASKED}", recorded("v2-run-ok"))
    assert [it.run.id for it in connect().runs.watch(token=watcher.token, timeout=9)] == [ASKED]


def listed(**changes: Any) -> dict[str, Any]:
    [run, *_] = body_of("v2-runs-list")["data"]
    return {**run, **changes}


def page(*items: object) -> Reply:
    return says({"data": items, "page": {}})


FOREIGN = {
    "another app": page(listed(app={"id": "other"})),
    "another function": page(listed(function={"id": "other"})),
    "two runs of one id": page(listed(id=ASKED), listed(id=ASKED, function={"id": "b"})),
    "apps": recorded("v2-apps"),
    "functions": recorded("v2-functions"),
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_page_of_another_listing_is_refused(
    client: InngestClient, server: Server, name: str
) -> None:
    run = listed()
    server.on("GET /v2/runs", FOREIGN[name])
    app, function = run["app"]["id"], run["function"]["id"]
    with pytest.raises(InvalidResponseError):
        client.runs.list(app=app, function=function).page()


def test_events_of_another_name_are_refused(client: InngestClient, server: Server) -> None:
    server.on("GET /v1/events", recorded("v1-events"))
    with pytest.raises(InvalidResponseError, match="named"):
        client.events.list(name="shop/other").page()


def test_a_run_that_changed_after_it_was_selected_is_listed(
    client: InngestClient, server: Server
) -> None:
    """Servers select by one query and read by another (seen under load)."""
    at = "2020-01-01T00:00:00Z"
    changed = listed(status="COMPLETED", queuedAt=at, endedAt=at, app={}, function={})
    server.on("GET /v2/runs", page(changed))
    [run] = client.runs.list(status="failed", since=timedelta(hours=1), app="shop", function="a")
    assert run.status == "completed"


def test_an_unknown_status_is_kept_and_waited_on_until_it_has_an_end(
    client: InngestClient, server: Server
) -> None:
    begun = body_of("v2-run-ok")
    begun["data"] |= {"status": "PAUSED", "endedAt": None}
    server.on(f"GET /v2/runs/{ASKED}", says(begun), says(begun), recorded("v2-run-ok"))
    assert client.runs.get(ASKED).status == "paused"
    assert client.runs.wait(ASKED, 9).status == "completed"
