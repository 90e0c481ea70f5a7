"""events.explain: what became of an event, and each reason that the evidence allows."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import ConfigurationError, Event, InvalidArgumentError, NotFoundError, ServerError
from inngest_rest.explanation import ReasonKind
from inngest_rest_mock import MockServer, answers, sleeps, when
from tests.support.clock import STARTED
from tests.support.server import body_of, recorded, says

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest import Explanation, InngestClient
    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Reply, Server

SECOND, HOUR = timedelta(seconds=1), timedelta(hours=1)

NAP = sleeps(HOUR)

UNKNOWN_FUNCTION = "00000000-0000-0000-0000-000000000007"


def kinds(explanation: Explanation) -> list[tuple[str, bool]]:
    return [(str(each.kind), each.is_certain) for each in explanation.reasons]


def send(client: InngestClient, name: str = "order", **fields: Any) -> str:
    (event_id,) = client.send(Event(name, fields.pop("data", None), **fields))
    return event_id


ID = "01M87WP55CCJKE8R7SHAA4SKNF"
EVENT = body_of("why-tfinish-event")["data"]
NO_RUNS, CANCELLED_RUN = recorded("v2-event-runs-unknown"), recorded("why-tfinish-v2-runs")


def of_server(
    server: Server, runs: Reply = NO_RUNS, event: Mapping[str, Any] = EVENT, **function: Any
) -> None:
    """Script a server that has an event, its runs, and one function in the app r6."""
    listed = {
        "id": "f",
        "app": {"id": "r6"},
        "triggers": [{"type": "EVENT", "value": event.get("name", EVENT["name"])}],
        "configuration": {"retries": {"value": 4}},
        **function,
    }
    server.on("GET /v2/apps", says({"data": [{"id": "r6"}], "page": {"limit": 20}}))
    server.on("GET /v2/apps/r6/functions", says({"data": [listed], "page": {"limit": 20}}))
    server.on(
        f"GET /v1/events/{ID}", says({**body_of("why-tfinish-event"), "data": {**EVENT, **event}})
    )
    server.on(f"GET /v2/events/{ID}/runs", runs)


def queued_run() -> Reply:
    """Return the recorded run as it was before it started."""
    (run,) = body_of("why-tfinish-v2-runs")["data"]
    queued = {key: value for key, value in run.items() if key != "endedAt"} | {"status": "QUEUED"}
    return says({**body_of("why-tfinish-v2-runs"), "data": [queued]})


def test_an_event_whose_functions_all_ran_needs_no_reason(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "charge", trigger="shop/*")
    mock.function("mail", "thank", trigger="shop/order.*", run=NAP)
    event_id = send(client, "shop/order.created")
    clock.advance(1)
    found = client.events.explain(event_id)
    assert {it.name: it.trigger.value for it in found.listeners} == {
        "shop/charge": "shop/*",
        "mail/thank": "shop/order.*",
    }
    states = {it.function_id: it.status for it in found.runs}
    assert states == {"charge": "completed", "thank": "running"}
    of_functions = {it.function_id: (it.id,) for it in found.runs}
    assert {it.function_id: it.run_ids for it in found.listeners} == of_functions
    assert (found.reasons, found.unchecked) == ((), ())
    assert found.received_at == datetime.fromtimestamp(STARTED, UTC)
    names = ", ".join(f"{it.app_id}/{it.function_id} {it.status}" for it in found.runs)
    assert str(found) == (
        f"Event 'shop/order.created' ({event_id}), received 2026-11-24 18:00:00 UTC, started 2 "
        f"runs ({names})."
    )


def test_an_explanation_takes_one_request_per_app_and_three_more_and_names_are_read_once(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "charge", trigger="order")
    mock.function("mail", "thank", trigger="order")
    event_id = send(client)
    for expected in (5 + 2, 2):  # the functions of two runs; then apps are known as well
        before = len(mock.requests)
        client.events.explain(event_id)
        assert len(mock.requests) - before == expected


def test_no_trigger_names_the_nearest(client: InngestClient, mock: MockServer) -> None:
    mock.function("shop", "charge", trigger="app/order.created")
    found = client.events.explain(send(client, "app/Order.created"))
    (reason,) = found.reasons
    assert (reason.kind, reason.is_certain) == ("no_trigger", True)
    assert reason.evidence["nearest"] == {"app/order.created": ["shop/charge"]}
    assert str(found).endswith(
        "started no run: no function has a trigger for its name (nearest: 'app/order.created' "
        "of shop/charge)."
    )


def test_no_trigger_is_certain_without_any_function(client: InngestClient) -> None:
    assert kinds(client.events.explain(send(client))) == [("no_trigger", True)]


LARGE = when("event.data.total > 100", lambda event: event.data["total"] > 100)


@pytest.mark.parametrize(
    ("data", "expected"),
    [({"total": 1}, True), ({}, False), ({"total": "1"}, False)],
    ids=["false", "missing", "type"],
)
def test_a_condition_is_certain_only_if_it_can_be_evaluated(
    client: InngestClient, mock: MockServer, data: Any, expected: bool
) -> None:
    mock.function("shop", "audit", trigger="order", condition=LARGE)
    reason, *others = client.events.explain(send(client, data=data)).reasons
    assert (reason.kind, reason.is_certain) == ("condition", expected)
    assert [each.kind for each in others] == ([] if expected else ["too_early"])
    assert reason.evidence == {"conditions": ["event.data.total > 100"]}


def test_no_more_is_read_about_a_function_that_a_condition_certainly_excluded(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "audit", trigger="order", condition=LARGE, rate_limit=(1, HOUR))
    assert len(client.events.explain(send(client, id="own", data={"total": 1})).reasons) == 1
    asked = {each.operation for each in mock.requests}
    assert asked.isdisjoint({"list_events_v1", "list_runs_v2"})


def test_one_of_two_listeners_may_lack_a_run(client: InngestClient, mock: MockServer) -> None:
    mock.function("shop", "charge", trigger="order")
    mock.function("shop", "audit", trigger="order", condition=LARGE)
    found = client.events.explain(send(client, data={"total": 1}))
    assert len(found.runs) == 1
    assert [(it.function_id, it.run_id) for it in found.reasons] == [("audit", None)]


def test_of_several_repeats_the_one_that_ran_is_named(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    send(client, id="own")
    clock.advance(60)
    mock.function("shop", "charge", trigger="order")
    first = send(client, id="own")
    for _ in range(3):
        clock.advance(60)
        repeat = send(client, id="own")
    (reason,) = client.events.explain(repeat).reasons
    assert (reason.is_certain, reason.evidence["other_event"]) == (True, first)


def test_a_repeat_of_an_event_that_ran_nowhere_is_no_reason(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    """An id is used up by a run alone."""
    send(client, id="own")
    clock.advance(60)
    repeat = send(client, id="own")
    mock.function("shop", "charge", trigger="order")
    clock.advance(60)
    assert client.events.explain(repeat).reasons == ()


def test_a_repeat_within_seconds_may_run_in_place_of_the_first(
    connect: Connect, server: Server
) -> None:
    """A server takes either of two events that it handles at the same time for the repeated one."""
    event = {**EVENT, "id": "own"}
    other = {**event, "internal_id": ID[:9] + "6" + ID[10:]}
    of_server(server, event=event, id="t-finish")
    server.on("GET /v1/events", says({"data": [other, event]}))
    server.on(f"GET /v2/events/{other['internal_id']}/runs", recorded("why-tfinish-v2-runs"))
    (reason,) = connect().events.explain(ID).reasons
    assert (reason.kind, reason.is_certain) == ("duplicate_id", False)


def test_a_repeat_within_seconds_is_only_a_possible_reason(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "charge", trigger="order")
    send(client, id="own")
    clock.advance(3)
    found = client.events.explain(send(client, id="own"))
    assert kinds(found) == [("duplicate_id", False), ("too_early", False)]


def test_a_limit_with_a_key_names_the_key_and_its_value_for_the_event(
    connect: Connect, server: Server
) -> None:
    limit = {"limit": 1, "period": "1h0m0s", "key": "event.data.customer"}
    of_server(server, event={"data": {"customer": 7}}, configuration={"rateLimit": limit})
    reasons = {str(each.kind): each for each in connect().events.explain(ID).reasons}
    assert reasons["rate_limit"].evidence == {"rate_limit": limit, "key_value": 7}
    assert reasons["rate_limit"].message == (
        "the rate limit or idempotency of r6/f, 1 per 1h0m0s for each `event.data.customer`, "
        "here 7, may have skipped it"
    )


def test_an_event_that_came_later_is_not_the_cause(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    """The first was excluded by a limit, and the second ran for the same id."""
    mock.function("shop", "charge", trigger="order", rate_limit=(1, HOUR))
    send(client, id="another")
    clock.advance(3_598)
    excluded = send(client, id="own")
    clock.advance(4)
    send(client, id="own")
    assert len(mock.runs) == 2
    clock.advance(60)
    (reason,) = client.events.explain(excluded).reasons
    assert (reason.kind, reason.is_certain) == ("rate_limit", False)


def test_an_id_is_repeated_by_an_event_of_another_name(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "charge", trigger=["order", "paid"])
    mock.function("shop", "audit", trigger="log/*")
    first = send(client, "paid", id="own")
    other = send(client, "log/a", id="another")
    clock.advance(60)
    found = client.events.explain(send(client, id="own"))
    (reason,) = found.reasons
    assert kinds(found) == [("duplicate_id", True)]
    assert reason.evidence == {"id": "own", "other_event": first, "other_run": mock.runs[0].id}
    (reason,) = client.events.explain(send(client, "log/b", id="another")).reasons
    assert (reason.is_certain, reason.evidence["other_event"]) == (True, other)


@pytest.mark.parametrize("limit", [{"debounce": 60 * SECOND}, {"batch_size": 9}], ids=str)
def test_a_repeated_id_is_no_reason_where_functions_debounce_or_batch(
    client: InngestClient, mock: MockServer, clock: Clock, limit: Any
) -> None:
    mock.function("shop", "charge", trigger="order", **limit)
    mock.function("shop", "ship", trigger="order")
    send(client, id="own")
    clock.advance(3_600)
    found = client.events.explain(send(client, id="own"))
    of_charge = [str(each.kind) for each in found.reasons if each.function_id == "charge"]
    assert "duplicate_id" not in of_charge
    assert {it.function_id: it.ignores_repeated_ids for it in found.listeners} == {
        "charge": True,
        "ship": False,
    }
    assert str(found).endswith("; if it is sent again with its id, it runs again in shop/charge.")


def test_an_id_is_not_called_repeated_after_a_day_nor_without_an_earlier_event(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    first = send(client, id="own")
    clock.advance(25 * 3_600)
    second = send(client, id="own")
    mock.function("shop", "charge", trigger="order")
    clock.advance(60)
    assert kinds(client.events.explain(first)) == []
    assert kinds(client.events.explain(second)) == []


def test_a_rate_limit_of_two_may_exclude_an_event_after_one_run(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    """Servers spread a limit over its period: the second of two an hour is let through later."""
    goes = when("event.data.go", lambda event: event.data.get("go"))
    mock.function("shop", "charge", trigger="order", rate_limit=(2, HOUR), condition=goes)
    send(client, data={"go": True})
    clock.advance(60)
    excluded = send(client)
    clock.advance(60)
    reasons = {str(each.kind): each for each in client.events.explain(excluded).reasons}
    assert "2 per 1h0m0s spread evenly, may" in reasons["rate_limit"].message
    assert not any(each.is_certain for each in reasons.values())


@pytest.mark.parametrize(
    "limit",
    [
        {"rate_limit": (1, HOUR)},
        {"singleton": "skip"},
        {"singleton": "cancel"},
        {"debounce": SECOND},
    ],
    ids=str,
)
def test_a_limit_is_a_possible_reason_whatever_the_lists_show(
    client: InngestClient, mock: MockServer, clock: Clock, limit: Any
) -> None:
    """The function was added after the event, which no server on this machine shows."""
    event_id = send(client)
    mock.function("shop", "charge", trigger="order", **limit)
    clock.advance(3_600)
    found = client.events.explain(event_id)
    assert [each.is_certain for each in found.reasons] == [False]
    assert found.listeners[0].has_changed is not False
    assert found.unchecked == ("whether the functions were the same when it was received",)


def test_a_plain_function_without_a_run_is_not_explained(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    event_id = send(client)
    mock.function("shop", "charge", trigger="order")
    clock.advance(3_600)
    found = client.events.explain(event_id)
    assert found.reasons == ()
    assert "nothing that the server shows explains why shop/charge did not run" in str(found)


def test_a_function_of_now_says_nothing_certain_of_an_earlier_event(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    event_id, large = send(client, data={"total": 1}), LARGE
    clock.advance(60)
    assert kinds(client.events.explain(event_id)) == [("no_trigger", False)]
    mock.function("shop", "audit", trigger="order", condition=large, rate_limit=(1, HOUR))
    clock.advance(1)
    found = client.events.explain(event_id)
    assert kinds(found) == [("condition", False), ("rate_limit", False)]
    assert "were the same when it was received" in found.unchecked[0]


def test_functions_that_were_read_before_and_are_the_same_are_certain(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "audit", trigger="order", condition=LARGE)
    client.events.explain(send(client, data={"total": 1}))
    clock.advance(3_600)
    event_id = send(client, data={"total": 1})
    clock.advance(3_600)
    found = client.events.explain(event_id)
    assert (kinds(found), found.unchecked) == ([("condition", True)], ())
    mock.function("shop", "new", trigger="another")
    clock.advance(1)
    assert kinds(client.events.explain(event_id)) == [("condition", False)]


@pytest.mark.parametrize(
    ("app", "has_changed"),
    [
        ({"latestSync": {"syncedAt": "2026-11-24T22:00:00Z"}}, False),
        ({"latestSync": {"syncedAt": "2026-11-24T23:59:00Z"}}, True),
        ({"createdAt": "2026-11-24T22:00:00Z"}, None),
    ],
)
def test_the_last_sync_tells_whether_a_function_is_that_of_the_event(
    connect: Connect, server: Server, app: Any, has_changed: bool | None
) -> None:
    event = {"received_at": "2026-11-24T23:00:00Z", "data": {"n": 1}}
    trigger = {"type": "EVENT", "value": EVENT["name"], "if": "event.data.n > 1"}
    of_server(server, event=event, triggers=[trigger])
    server.on("GET /v2/apps", says({"data": [{"id": "r6", **app}], "page": {"limit": 20}}))
    found = connect().events.explain(ID)
    assert found.listeners[0].has_changed is has_changed
    assert kinds(found) == [("condition", has_changed is False)]


def test_only_an_event_with_an_own_id_is_looked_for_among_others(
    client: InngestClient, mock: MockServer
) -> None:
    """This client gives each event an id; another one need not."""
    with httpx.Client(transport=mock.transport, base_url="http://mock") as other:
        (bare,) = other.post("/e/k", json={"name": "order"}).json()["ids"]
    mock.function("shop", "charge", trigger="order")
    before = len(mock.requests)
    client.events.explain(bare)
    assert "list_events_v1" not in {each.operation for each in mock.requests[before:]}


def test_a_debounced_event_waits_and_may_be_replaced(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "charge", trigger="order", debounce=60 * SECOND)
    first = send(client)
    clock.advance(30)
    assert kinds(client.events.explain(first)) == [("debounce", False)]
    second = send(client)
    clock.advance(110)
    (replaced,) = client.events.explain(first).reasons
    assert (replaced.kind, replaced.is_certain) == ("debounce", False)
    assert replaced.message == (
        "shop/charge debounces events for 1m0s: it may still be waiting, or have been replaced by "
        "a later one"
    )
    assert client.events.explain(second).reasons == ()


def test_a_batch_waits_until_its_time_is_up(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "sum", trigger="order", batch_size=5, batch_timeout=60 * SECOND)
    first, second = send(client), send(client)
    clock.advance(30)
    assert kinds(client.events.explain(second)) == [("batch", False)]
    clock.advance(60)
    for each in (first, second):
        found = client.events.explain(each)
        assert (len(found.runs), found.reasons) == (1, ())


def test_v1_lists_the_run_of_a_batch_under_one_of_its_events(
    connect: Connect, clock: Clock
) -> None:
    mock = MockServer(v1_routes=True, clock=clock.nanoseconds)
    mock.function("shop", "sum", trigger="order", batch_size=2)
    client = connect(transport=mock.transport, api_version="v1")
    first, second = send(client), send(client)
    clock.advance(60)
    assert len(client.events.explain(first).runs) == 1
    (reason,) = client.events.explain(second).reasons
    assert reason.kind == "batch"
    assert "v1 lists" in reason.message


def test_a_singleton_may_skip_while_another_run_goes_on(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "sync", trigger="order", run=NAP, singleton="skip")
    send(client)
    clock.advance(60)
    skipped = send(client)
    clock.advance(60)
    before = len(mock.requests)
    assert kinds(client.events.explain(skipped)) == [("singleton", False)]
    assert "list_runs_v2" not in {each.operation for each in mock.requests[before:]}


def test_a_singleton_may_cancel_an_earlier_run(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "sync", trigger="order", run=NAP, singleton="cancel")
    first = send(client)
    clock.advance(60)
    send(client)
    (reason,) = client.events.explain(first).reasons
    assert (reason.kind, reason.is_certain) == ("singleton", False)
    assert reason.run_id == mock.runs[0].id
    assert reason.message == (
        f"run {reason.run_id} may have been cancelled by a later run of the singleton shop/sync"
    )


def test_a_run_that_was_cancelled_by_hand_has_no_reason(
    client: InngestClient, mock: MockServer
) -> None:
    mock.function("shop", "sync", trigger="order", run=NAP)
    event_id = send(client)
    client.runs.cancel(mock.runs[0].id)
    assert client.events.explain(event_id).reasons == ()


def test_a_run_waits_for_the_time_of_its_event(client: InngestClient, mock: MockServer) -> None:
    mock.function("shop", "charge", trigger="order")
    later = datetime.fromtimestamp(STARTED, UTC) + HOUR
    (reason,) = client.events.explain(send(client, ts=later)).reasons
    assert (reason.kind, reason.is_certain) == ("scheduled", True)
    assert "2026-11-24 19:00:00 UTC" in reason.message


def test_a_young_event_may_still_start_a_run(client: InngestClient, mock: MockServer) -> None:
    event_id = send(client)
    mock.function("shop", "charge", trigger="order")
    assert kinds(client.events.explain(event_id)) == [("too_early", False)]


def test_an_event_that_is_stored_anew_is_not_taken_for_a_new_one(
    connect: Connect, server: Server
) -> None:
    """A server stores an event every 0.25 s while a condition fails for it (release 1.43)."""
    fetched_at = body_of("why-tfinish-event")["metadata"]["fetched_at"]
    trigger = {"type": "EVENT", "value": EVENT["name"], "if": "event.data.missing > 1"}
    of_server(server, event={"received_at": fetched_at}, triggers=[trigger])
    assert kinds(connect().events.explain(ID)) == [("condition", False)]


def test_an_event_of_the_server_needs_no_trigger(client: InngestClient, mock: MockServer) -> None:
    mock.function("shop", "charge", trigger="order")
    client.functions.invoke("shop", "charge")
    found = client.events.explain(mock.events[-1].internal_id)
    assert (found.reasons, found.listeners) == ((), ())


def test_an_own_id_names_the_newest_event_that_has_it(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    mock.function("shop", "charge", trigger="order")
    send(client, id="own")
    clock.advance(1)
    newest = send(client, id="own")
    clock.advance(1)
    send(client, "other", id="own")
    clock.advance(1)
    assert client.events.explain("own", name="order").event_id == newest
    assert client.events.explain("own").event_id == mock.events[-1].internal_id


def test_an_own_id_that_looks_like_an_internal_one_is_found(client: InngestClient) -> None:
    own = "01HZZZZZZZZZZZZZZZZZZZZZZZ"
    event_id = send(client, id=own)
    assert client.events.explain(own).event_id == event_id


def test_an_event_that_was_just_sent_is_explained_once_it_appears(
    connect: Connect, clock: Clock
) -> None:
    mock = MockServer(clock=clock.nanoseconds, visibility_delay=0.3)
    client = connect(transport=mock.transport)
    found = client.events.explain(send(client, "ordr"))
    assert kinds(found) == [("no_trigger", True)]
    assert 0.3 <= clock.elapsed < 1


def test_an_event_that_a_server_which_is_behind_has_just_received_is_waited_for(
    connect: Connect, clock: Clock
) -> None:
    mock = MockServer(clock=lambda: int((clock.now() - 60) * 1e9), visibility_delay=0.3)
    client = connect(transport=mock.transport)
    client.runs.list().page()
    with httpx.Client(transport=mock.transport, base_url="http://inngest") as other:
        event_id = other.post("/e/key", json={"name": "ordr"}).json()["ids"][0]
    assert client.events.explain(event_id).event is not None


def test_a_new_id_that_does_not_appear_is_not_found_after_five_seconds(
    connect: Connect, clock: Clock
) -> None:
    mock = MockServer(clock=clock.nanoseconds, visibility_delay=60)
    client = connect(transport=mock.transport)
    with pytest.raises(NotFoundError):
        client.events.explain(send(client))
    assert clock.elapsed == pytest.approx(5, abs=0.1)


@pytest.mark.parametrize("id", ["own", "01HZZZZZZZZZZZZZZZZZZZZZZZ"])
def test_an_unknown_id_is_not_found_at_once(client: InngestClient, clock: Clock, id: str) -> None:
    with pytest.raises(NotFoundError):
        client.events.explain(id)
    assert clock.pauses == []


def test_an_own_id_that_no_listed_event_has_is_no_404_of_the_server(client: InngestClient) -> None:
    with pytest.raises(NotFoundError, match=r"/v1/events answered 200: no event with the id 'own'"):
        client.events.explain("own")


def test_at_most_1000_events_of_a_day_are_searched_for_an_own_id(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    send(client, id="old")
    clock.advance(1)
    client.send([Event("noise") for _ in range(1_000)])
    before = len(mock.requests)
    with pytest.raises(NotFoundError, match=r"newest 1,000 .*name"):
        client.events.explain("old")
    assert len(mock.requests) - before == 20
    assert client.events.explain("old", name="order").event is not None
    clock.advance(25 * 3_600)
    with pytest.raises(NotFoundError):
        client.events.explain("old", name="order")


@pytest.mark.parametrize(
    "arguments", [{"id": ""}, {"id": None}, {"id": 1}, {"id": "own", "name": ""}], ids=str
)
def test_a_malformed_argument_is_refused(
    client: InngestClient, mock: MockServer, arguments: Any
) -> None:
    with pytest.raises(InvalidArgumentError):
        client.events.explain(**arguments)
    assert list(mock.requests) == []


def test_an_older_server_leaves_unchecked_who_listens(connect: Connect) -> None:
    mock = MockServer(release="1.33")
    mock.function("shop", "charge", trigger="order")
    client = connect(transport=mock.transport)
    found = client.events.explain(send(client))
    assert [run.function_id for run in found.runs] == ["charge"]
    assert found.listeners == ()
    nothing = client.events.explain(send(client, "ordr"))
    assert nothing.reasons == ()
    (gap,) = nothing.unchecked
    assert "since release 1.40" in gap
    assert "started no run (not checked: which functions listen" in str(nothing)


@pytest.mark.parametrize("is_cloud", [True, False])
def test_inngest_cloud_does_not_tell_whether_an_environment_was_draining(
    connect: Connect, clock: Clock, is_cloud: bool
) -> None:
    mock = MockServer(clock=clock.nanoseconds, cloud=is_cloud)
    mock.function("shop", "charge", trigger="order", rate_limit=(1, HOUR))
    keys = {"event_key": "k", "signing_key": "signkey-prod-1234"}
    client = connect(transport=mock.transport, dev=not is_cloud, **(keys if is_cloud else {}))
    started, limited = send(client), send(client)
    gap = "whether the environment was draining when it was received"
    assert gap not in client.events.explain(started).unchecked
    assert (gap in client.events.explain(limited).unchecked) is is_cloud


def test_at_most_200_events_are_searched_for_the_same_id(
    client: InngestClient, mock: MockServer, clock: Clock
) -> None:
    client.send([Event("order") for _ in range(210)])
    clock.advance(10)
    event_id = send(client)
    mock.function("shop", "charge", trigger="order")
    clock.advance(60)
    before = len(mock.requests)
    found = client.events.explain(event_id)
    assert found.unchecked[0] == "events with the same id, beyond the newest 200"
    assert [each.operation for each in mock.requests[before:]].count("list_events_v1") == 4


def test_functions_of_one_app_that_cannot_be_read_are_unchecked(
    connect: Connect, mock: MockServer
) -> None:
    client = connect(transport=mock.transport, retries=0)
    mock.function("shop", "charge", trigger="other")
    mock.function("mail", "thank", trigger="another")
    mock.fault(answers(503), times=None, path="/v2/apps/mail/functions")
    found = client.events.explain(send(client))
    assert (found.reasons, len(found.unchecked)) == ((), 1)


def test_without_v1_the_runs_are_known_and_the_event_is_not(
    connect: Connect, mock: MockServer
) -> None:
    mock.function("shop", "charge", trigger="order")
    client = connect(transport=mock.transport, api_version="v2")
    event_id = send(client)
    found = client.events.explain(event_id)
    assert (found.event, found.received_at, len(found.runs)) == (None, None, 1)
    assert str(found).startswith(f"Event {event_id} started 1 run (shop/charge completed) (not ")
    with pytest.raises(ConfigurationError):
        client.events.explain("own")


def test_a_function_is_not_without_a_run_that_cannot_be_attributed(
    connect: Connect, clock: Clock
) -> None:
    mock = MockServer(v1_routes=True, clock=clock.nanoseconds)
    mock.function("shop", "charge", trigger="order")
    client = connect(transport=mock.transport, api_version="v1", retries=0)
    event_id = send(client)
    listed = httpx.Client(transport=mock.transport, base_url="http://mock").get(
        f"/v1/events/{event_id}/runs"
    )
    run = {**listed.json()["data"][0], "function_id": UNKNOWN_FUNCTION}
    mock.fault(answers(200, {"data": [run]}), operation="list_event_runs_v1", times=None)
    clock.advance(3_600)
    found = client.events.explain(event_id)
    assert [each.id for each in found.runs] == [run["run_id"]]
    assert found.reasons == ()
    assert f"which function run {run['run_id']} is of" in found.unchecked
    assert "did not run" not in str(found)


def test_runs_that_cannot_be_listed_are_an_error(connect: Connect, mock: MockServer) -> None:
    client = connect(transport=mock.transport, retries=0)
    event_id = send(client)
    mock.fault(answers(503), times=None, operation="list_event_runs_v2")
    with pytest.raises(ServerError):
        client.events.explain(event_id)


def test_an_explanation_becomes_json(client: InngestClient, mock: MockServer) -> None:
    mock.function("shop", "sync", trigger="order", run=NAP, singleton="skip", debounce=SECOND)
    mock.function("shop", "sum", trigger="order", batch_size=2)
    found = client.events.explain(send(client))
    assert len(found.reasons) == 5
    read = json.loads(found.to_json())
    assert read == found.to_dict()
    assert [it["evidence"] for it in read["reasons"]] == [it.evidence for it in found.reasons]


# Recorded servers: functions of an app that is stopped, limits that the mock has none of.


def test_a_run_longer_than_its_timeout_may_have_been_cancelled_by_it(
    connect: Connect, server: Server
) -> None:
    of_server(server, CANCELLED_RUN, id="t-finish")
    config = {"timeouts": {"start": "1h", "finish": "3s"}, "triggers": []}
    server.on("GET /v1/apps/r6/functions", says([{"id": "r6-t-finish", "config": config}]))
    found = connect().events.explain(ID)
    (reason,) = found.reasons
    assert (reason.kind, reason.evidence) == ("timeout", {"timeout": "finish", "limit": "3s"})
    assert "t-finish cancelled" in str(found)


def test_a_cancelled_run_whose_end_is_not_stated_may_have_exceeded_any_timeout(
    connect: Connect, server: Server
) -> None:
    runs = body_of("why-tfinish-v2-runs")
    for field in ("endedAt", "durationMs"):
        del runs["data"][0][field]
    of_server(server, says(runs), id="t-finish")
    config = {"timeouts": {"finish": "99h"}, "triggers": []}
    server.on("GET /v1/apps/r6/functions", says([{"id": "r6-t-finish", "config": config}]))
    (reason,) = connect().events.explain(ID).reasons
    assert (reason.kind, reason.evidence) == ("timeout", {"timeout": "finish", "limit": "99h"})


def test_a_cancelled_run_of_a_function_that_was_removed_has_no_reason(
    connect: Connect, server: Server
) -> None:
    trigger = {"type": "EVENT", "value": "other"}
    of_server(server, CANCELLED_RUN, id="other", triggers=[trigger])
    found = connect().events.explain(ID)
    assert "t-finish cancelled" in str(found)
    assert [each.run_id for each in found.reasons] == [None] * len(found.reasons)


def test_timeouts_that_cannot_be_read_are_unchecked(connect: Connect, server: Server) -> None:
    of_server(server, CANCELLED_RUN, id="t-finish")
    found = connect().events.explain(ID)
    assert found.reasons == ()
    assert found.unchecked[0].startswith("the timeouts of functions of r6: ")


def test_an_event_may_have_cancelled_a_run(connect: Connect, server: Server) -> None:
    configuration = body_of("v2-function-cancelled-by")["data"]["configuration"]
    of_server(server, CANCELLED_RUN, id="t-finish", configuration=configuration)
    (reason,) = connect().events.explain(ID).reasons
    assert (reason.kind, reason.evidence) == ("cancel_on", {"events": ["app/stop"]})


def test_an_event_may_cancel_runs_and_start_none(connect: Connect, server: Server) -> None:
    configuration = body_of("v2-function-cancelled-by")["data"]["configuration"]
    triggers = [{"type": "EVENT", "value": "app/stopp"}]
    event = {"name": "app/stop"}
    of_server(server, event=event, triggers=triggers, configuration=configuration)
    found = connect().events.explain(ID)
    assert kinds(found) == [("no_trigger", False), ("cancels_runs", False)]
    assert "nearest" not in str(found)


def test_a_stopped_app_keeps_a_run_waiting(connect: Connect, server: Server) -> None:
    """Two apps listen, and one is stopped (recording why-app-unreachable-runs)."""
    event_id = "01M87WQBZ3JYBWHNJ58JM1SWJQ"
    event = body_of("why-tfinish-event")
    event["data"] |= {"internal_id": event_id, "name": "shared/thing"}
    stopped = body_of("why-app-unreachable-app")["data"]
    listing = {"data": [stopped, {"id": "r6"}], "page": {"limit": 20}}
    functions = body_of("why-app-unreachable-functions")
    server.on("GET /v2/apps", says(listing))
    server.on("GET /v2/apps/r6b/functions", says(functions))
    functions["data"][0]["app"] = {"id": "r6"}
    server.on("GET /v2/apps/r6/functions", says(functions))
    server.on(f"GET /v1/events/{event_id}", says(event))
    server.on(f"GET /v2/events/{event_id}/runs", recorded("why-app-unreachable-runs"))
    found = connect().events.explain(event_id)
    (reason,) = found.reasons
    assert (reason.kind, reason.app_id) == (ReasonKind.APP_UNREACHABLE, "r6b")
    assert reason.evidence["sync_error"] == "unreachable"
    functions["data"] = []
    server.on("GET /v2/apps/r6b/functions", says(functions))
    assert [str(it.kind) for it in connect().events.explain(event_id).reasons] == [
        "app_unreachable",
        "function_removed",
    ]


@pytest.mark.parametrize(
    ("configuration", "kind"),
    [
        ({"throttle": {"limit": 1, "period": "1m0s"}}, "throttle"),
        ({"concurrency": [{"scope": "FUNCTION", "limit": {"value": 2}}]}, "concurrency"),
    ],
)
def test_a_queued_run_may_wait_for_its_turn(
    connect: Connect, server: Server, configuration: Any, kind: str
) -> None:
    configuration = {"retries": {"value": 4}, **configuration}
    of_server(server, queued_run(), id="t-finish", configuration=configuration)
    assert kinds(connect().events.explain(ID)) == [(kind, False)]


def test_a_time_in_microseconds_is_explained_as_the_latest_there_is(
    connect: Connect, server: Server
) -> None:
    of_server(server, queued_run(), {"ts": 1_795_543_200_000_000}, id="t-finish")
    (reason,) = connect().events.explain(ID).reasons
    assert (reason.kind, reason.evidence) == ("scheduled", {"ts": 1_795_543_200_000_000})
    assert "9999-12-31" in reason.message


def test_a_paused_function_may_not_run(connect: Connect, server: Server) -> None:
    of_server(server, isPaused=True)
    assert ("paused", False) in kinds(connect().events.explain(ID))


def test_archived_apps_and_functions_do_not_listen(connect: Connect, server: Server) -> None:
    of_server(server, isArchived=True)
    found = connect().events.explain(ID)
    assert (found.listeners, kinds(found)) == ((), [("no_trigger", False)])


def test_an_archived_app_does_not_listen(connect: Connect, server: Server) -> None:
    of_server(server)
    server.on("GET /v2/apps", says({"data": [{"id": "r6", "isArchived": True}], "page": {}}))
    assert connect().events.explain(ID).listeners == ()


def test_an_event_of_the_server_itself_is_not_called_misspelt(
    connect: Connect, server: Server
) -> None:
    trigger = {"type": "EVENT", "value": EVENT["name"]}
    of_server(server, event={"name": "inngest/function.finished"}, triggers=[trigger])
    found = connect().events.explain(ID)
    assert found.reasons == ()
    assert str(found).endswith("started no run, and nothing that the server shows explains why.")


def test_at_most_50_apps_are_read(connect: Connect, server: Server) -> None:
    of_server(server)
    apps = [{"id": f"app-{n}"} for n in range(51)]
    server.on("GET /v2/apps", says({"data": apps, "page": {"limit": 100}}))
    none = says({"page": {"limit": 20}})
    for each in apps:
        server.on(f"GET /v2/apps/{each['id']}/functions", none)
    found = connect().events.explain(ID)
    assert (found.reasons, found.unchecked) == ((), ("the functions of 1 of 51 apps",))
