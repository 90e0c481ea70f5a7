"""`send`: ids in the order of the events, the result of each reported, nothing stored twice."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    AuthenticationError,
    BadRequestError,
    ClosedError,
    Event,
    InngestClient,
    InvalidArgumentError,
    InvalidEventError,
    InvalidResponseError,
    PartialSendError,
    PermissionDeniedError,
    RateLimitError,
    RequestTimeoutError,
    RouteNotFoundError,
    SendReport,
    ServerError,
    TransportError,
)
from inngest_rest_mock import MockServer, answers, loses_response
from tests.support.server import WEB_UI, Answer, Reply, accepts_all, recorded, refuses, says, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Connect
    from tests.support.clock import Clock
    from tests.support.server import Server

ROUTE = "POST /e/NO_EVENT_KEY_SET"
SEED = "x-inngest-event-id-seed"


def events(count: int, *, first: int = 0) -> list[dict[str, Any]]:
    return [{"name": f"e{index}", "id": f"own-{index}"} for index in range(first, first + count)]


def names(count: int) -> list[str]:
    return [each["name"] for each in events(count)]


def sizes(server: Server) -> list[int]:
    return [len(each) for each in server.bodies()]


@pytest.mark.parametrize(
    ("events", "ids"),
    [
        (lambda: Event("a"), ["a"]),
        (lambda: {"name": "a"}, ["a"]),
        (lambda: [Event("a"), {"name": "b"}], ["a", "b"]),
        (lambda: (Event("a"),), ["a"]),
        (lambda: iter([{"name": "a"}]), ["a"]),
        (list, []),
        (lambda: iter(()), []),
    ],
    ids=["event", "mapping", "list", "tuple", "iterator", "empty list", "empty iterator"],
)
def test_one_event_or_several_are_sent(
    client: InngestClient, server: Server, events: Any, ids: list[str]
) -> None:
    server.on(ROUTE, accepts_all)
    assert client.send(events()) == ids
    assert len(server.requests) == bool(ids)


@pytest.mark.parametrize("nothing", [None, "app/x", b"x", 5])
def test_a_value_that_is_not_an_event_is_rejected(
    client: InngestClient, server: Server, nothing: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match=type(nothing).__name__):
        client.send(nothing)
    assert server.asked == []


@pytest.mark.parametrize(
    ("options", "expected"),
    [({}, [512, 512, 176]), ({"batch_size": 5_000}, [1_200]), ({"batch_size": 600}, [600, 600])],
)
def test_events_are_split_and_their_ids_come_back_in_order(
    client: InngestClient, server: Server, options: dict[str, int], expected: list[int]
) -> None:
    server.on(ROUTE, accepts_all)
    assert client.send(events(1_200), **options) == names(1_200)
    assert sizes(server) == expected


@pytest.mark.parametrize("batch_size", [0, -1, 5_001, 1.5, True, "1"])
def test_a_batch_size_beyond_the_platform_limit_is_rejected(
    client: InngestClient, batch_size: Any
) -> None:
    with pytest.raises(InvalidArgumentError, match="batch_size"):
        client.send({"name": "a"}, batch_size=batch_size)


def test_large_events_are_split_by_bytes(client: InngestClient, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    large = [{**each, "data": {"k": "x" * 1_500_000}} for each in events(5)]
    assert client.send(large) == names(5)
    assert sizes(server) == [2, 2, 1]


def test_nothing_is_sent_if_any_event_is_invalid(client: InngestClient, server: Server) -> None:
    bad = [*events(600), {"name": "inngest/x"}]
    with pytest.raises(InvalidEventError, match=r"event 600: .*reserved") as caught:
        client.send(bad)
    assert caught.value.position == 600
    assert server.asked == []


def test_a_retry_has_the_same_seed_and_another_batch_has_another(
    client: InngestClient, server: Server
) -> None:
    server.on(ROUTE, httpx.ReadError("reset"), text(503, ""), accepts_all)
    client.send(events(2), batch_size=1)
    seeds = [each.headers[SEED] for each in server.requests]
    assert seeds[0] == seeds[1] == seeds[2] != seeds[3]
    assert server.bodies()[0] == server.bodies()[2]


def test_the_rest_after_a_rejected_event_has_its_own_seed(
    client: InngestClient, server: Server
) -> None:
    server.on(ROUTE, refuses("e1"))
    with pytest.raises(PartialSendError):
        client.send(events(3))
    assert len({each.headers[SEED] for each in server.requests}) == 2


def test_a_seed_has_the_format_that_the_server_reads(client: InngestClient, server: Server) -> None:
    server.on(ROUTE, accepts_all)
    client.send({"name": "a"})
    milliseconds, entropy = server.requests[0].headers[SEED].split(",")
    assert milliseconds == "1795543200000"
    assert len(base64.b64decode(entropy)) == 10
    assert server.requests[0].headers["content-type"] == "application/json"


def test_a_lost_response_stores_no_event_twice(connect: Connect) -> None:
    mock = MockServer()
    mock.fault(loses_response(), times=2)
    ids = connect(transport=mock.transport).send(events(3))
    assert [each.internal_id for each in mock.events] == ids
    assert len(mock.requests) == 3


@pytest.mark.parametrize("position", [0, 3, 5])
def test_after_a_rejected_event_the_rest_is_still_sent(
    client: InngestClient, server: Server, position: int
) -> None:
    server.on(ROUTE, refuses(f"e{position}"))
    with pytest.raises(PartialSendError) as caught:
        client.send(events(10), batch_size=6)
    error = caught.value
    expected: list[str | None] = list(names(10))
    expected[position] = None
    assert error.ids == tuple(expected)
    assert error.report.accepted == 9
    assert (error.report.rejected, error.report.unknown) == (1, 0)
    [failure] = error.report.failures
    assert failure.position == position
    assert failure.event == {**events(10)[position], "data": {}}
    assert failure.reason == f"e{position} is refused"
    assert sizes(server) == [each for each in (6, 5 - position, 4) if each]


def test_every_rejected_event_is_reported(client: InngestClient, server: Server) -> None:
    server.on(ROUTE, says({"ids": [""], "status": 400, "error": "no"}, status=400))
    with pytest.raises(PartialSendError, match="0 of 3 events accepted, 3 rejected") as caught:
        client.send(events(3))
    assert caught.value.ids == (None, None, None)
    assert not caught.value.may_have_taken_effect
    assert [each.position for each in caught.value.report.failures] == [0, 1, 2]
    assert sizes(server) == [3, 2, 1]


@pytest.mark.parametrize("recording", ["ingest-batch-invalid-mid", "ingest-batch-too-big"])
def test_a_recorded_400_names_the_stored_events(
    client: InngestClient, server: Server, recording: str
) -> None:
    server.on(ROUTE, recorded(recording), accepts_all)
    with pytest.raises(PartialSendError) as caught:
        client.send(events(4))
    ids = caught.value.ids
    stored = [each for each in ids if each is not None and not each.startswith("e")]
    assert ids[len(stored)] is None
    assert ids[len(stored) + 1 :] == tuple(names(4)[len(stored) + 1 :])
    assert all(len(each) == 26 for each in stored)


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (recorded("start-ingest-wrong"), AuthenticationError),
        (text(403, "filtered"), PermissionDeniedError),
        (text(404, "404 page not found"), RouteNotFoundError),
        (text(429, ""), RateLimitError),
        (httpx.ConnectError("refused"), TransportError),
        (httpx.ConnectTimeout("late"), RequestTimeoutError),
    ],
    ids=repr,
)
def test_if_provably_nothing_was_accepted_the_cause_itself_is_raised(
    connect: Connect, server: Server, answer: Answer, error: type[Exception]
) -> None:
    server.on(ROUTE, answer)
    with pytest.raises(error) as caught:
        connect(retries=1).send(events(3), batch_size=1)
    assert type(caught.value) is error
    assert len(server.requests) in (1, 2)


SPELLINGS: dict[str, Callable[[], Any]] = {
    "an Event": lambda: Event("e0"),
    "a mapping": lambda: {"name": "e0"},
    "a list": lambda: [Event("e0")],
}


@pytest.mark.parametrize("spelling", SPELLINGS)
@pytest.mark.parametrize(
    ("answer", "error", "outcome"),
    [
        (text(503, "down"), ServerError, "unknown"),
        (httpx.ReadError("reset"), TransportError, "unknown"),
        (httpx.ReadTimeout("late"), RequestTimeoutError, "unknown"),
        (says({"status": 200}), InvalidResponseError, "unknown"),
        (refuses("e0"), BadRequestError, "rejected"),
    ],
    ids=["503", "reset", "late", "no receipt", "refused"],
)
def test_what_happens_to_one_event_is_the_error_and_its_report_the_cause(
    connect: Connect,
    server: Server,
    spelling: str,
    answer: Answer,
    error: type[Exception],
    outcome: str,
) -> None:
    server.on(ROUTE, answer)
    with pytest.raises(error) as caught:
        connect(retries=0).send(SPELLINGS[spelling]())
    assert type(caught.value) is error
    assert isinstance(caught.value.__cause__, PartialSendError)
    [failure] = caught.value.__cause__.report.failures
    assert failure.outcome == outcome
    assert failure.event == server.bodies()[0][0]
    if isinstance(answer, httpx.TransportError):
        assert isinstance(caught.value.__cause__.__cause__, type(answer))
    if isinstance(caught.value, BadRequestError):
        assert caught.value.status == 400


@pytest.mark.parametrize(
    ("answer", "cause"),
    [
        (text(503, "down"), ServerError),
        (WEB_UI, InvalidResponseError),
        (recorded("ingest-no-key2"), InvalidResponseError),
        (text(400, "<html>", "text/html"), InvalidResponseError),
        (says({"ids": ["only one"], "status": 200}), InvalidResponseError),
        (says({"status": 200}), InvalidResponseError),
        (httpx.ReadError("reset"), TransportError),
        (httpx.ReadTimeout("late"), RequestTimeoutError),
    ],
    ids=repr,
)
def test_an_unknown_outcome_is_reported_as_unknown(
    connect: Connect, server: Server, answer: Answer, cause: type[Exception]
) -> None:
    server.on(ROUTE, answer)
    with pytest.raises(PartialSendError, match="0 of 3 events accepted") as caught:
        connect(retries=1).send(events(3))
    assert type(caught.value.__cause__) is cause
    assert caught.value.report.unknown == 3
    assert [each.position for each in caught.value.report.failures] == [0, 1, 2]


@pytest.mark.parametrize("refusal", [401, 403, 404, 413, 418, 429])
@pytest.mark.parametrize(
    "lost", [httpx.ReadError("reset"), httpx.ReadTimeout("late"), text(503, ""), text(408, "")]
)
def test_a_refusal_after_an_attempt_that_may_have_stored_events_leaves_them_unknown(
    connect: Connect, server: Server, lost: Answer, refusal: int
) -> None:
    server.on(ROUTE, lost, text(refusal, "no"))
    with pytest.raises(PartialSendError) as caught:
        connect(retries=1).send([{"name": "a"}, Event("b")])
    report = caught.value.report
    assert (report.accepted, report.rejected, report.unknown) == (0, 0, 2)
    assert caught.value.may_have_taken_effect
    assert [each.event for each in report.failures] == server.bodies()[0] == server.bodies()[1]
    assert all(each.event["id"] for each in report.failures)


def test_what_a_refused_retry_leaves_unknown_runs_once_when_sent_again(connect: Connect) -> None:
    mock = MockServer()
    mock.function("app", "f", trigger="a")
    mock.fault(loses_response(), times=1)
    mock.fault(answers(429), times=1)
    client = connect(transport=mock.transport, retries=1)
    with pytest.raises(RateLimitError) as caught:
        client.send({"name": "a"})
    assert isinstance(caught.value.__cause__, PartialSendError)
    client.send(each.event for each in caught.value.__cause__.report.failures)
    assert len(mock.requests) == 3
    assert len(mock.runs) == 1


IDS = ["01M86WMR2REMKV8DQ54EQPCS5T"] * 3


@pytest.mark.parametrize(
    ("status", "receipt"),
    [
        (200, {"ids": "abc", "status": 200}),
        (200, {"ids": dict.fromkeys("abc", "id"), "status": 200}),
        (200, {"ids": [True, True, True], "status": 200}),
        (200, {"ids": [1, 2, 3], "status": 200}),
        (200, {"ids": [None, *IDS[1:]], "status": 200}),
        (200, {"ids": [*IDS[1:], ""], "status": 200}),
        (200, {"ids": [*IDS, ""], "status": 200}),
        (200, {"ids": ["", *IDS[1:]], "status": 200}),
        (200, {"ids": IDS[1:], "status": 200}),
        (200, {"ids": [*IDS, *IDS], "status": 200}),
        (200, {"ids": None, "status": 200}),
        (200, {"ids": IDS, "status": 500}),
        (200, {"ids": IDS, "status": "200"}),
        (200, {"ids": IDS, "status": 199}),
        (200, {"ids": IDS, "status": 300}),
        (200, {"ids": IDS, "status": 302}),
        (200, {"ids": IDS, "status": 0}),
        (200, {"ids": IDS, "status": True}),
        (200, {"ids": IDS, "status": 200.5}),
        (200, {"ids": IDS, "status": 200, "error": "no"}),
        (200, [IDS]),
        (400, {"ids": IDS, "status": 400, "error": "no"}),
        (400, {"ids": [*IDS, *IDS], "status": 400, "error": "no"}),
        (400, {"ids": "ab", "status": 400, "error": "no"}),
        (400, {"ids": None, "status": 400, "error": "no"}),
        (400, {"ids": [], "status": 400, "error": "no"}),
        (400, {"ids": [IDS[0], ""], "status": 400, "error": "no"}),
        (400, {"ids": IDS[1:], "status": 200, "error": "no"}),
        (400, {"ids": IDS[1:], "status": 500, "error": "no"}),
    ],
    ids=str,
)
def test_a_receipt_that_lies_is_believed_in_nothing(
    client: InngestClient, server: Server, status: int, receipt: object
) -> None:
    server.on(ROUTE, says(receipt, status=status))
    with pytest.raises(PartialSendError) as caught:
        client.send(events(3))
    report = caught.value.report
    assert (report.accepted, report.rejected, report.unknown) == (0, 0, 3)
    assert caught.value.ids == (None, None, None)
    assert len(server.requests) == 1


def test_an_error_without_a_receipt_is_told_in_the_words_of_the_server(
    client: InngestClient, server: Server
) -> None:
    # It does not say what was stored before the event that it is about.
    server.on(ROUTE, says({"ids": [], "status": 400, "error": "name is too odd"}, status=400))
    with pytest.raises(InvalidResponseError, match="it states: name is too odd") as caught:
        client.send(events(1))
    assert (caught.value.status, caught.value.may_have_taken_effect) == (400, True)


@pytest.mark.parametrize("more", [{}, {"status": None}, {"status": 200}, {"status": 299}])
def test_a_receipt_may_leave_out_its_status(
    client: InngestClient, server: Server, more: dict[str, Any]
) -> None:
    server.on(ROUTE, says({"ids": IDS, **more}))
    assert client.send(events(3)) == IDS


def test_after_a_failure_later_batches_are_reported_as_not_tried(
    connect: Connect, server: Server
) -> None:
    server.on(ROUTE, accepts_all, text(401, "no"))
    with pytest.raises(PartialSendError) as caught:
        connect().send(events(6), batch_size=2)
    report = caught.value.report
    assert caught.value.ids == ("e0", "e1", None, None, None, None)
    assert (report.accepted, report.rejected, report.unknown) == (2, 0, 4)
    tried = ["not tried after" not in each.reason for each in report.failures]
    assert tried == [True, True, False, False]
    assert sizes(server) == [2, 2]
    assert isinstance(caught.value.__cause__, AuthenticationError)


def test_a_failure_after_a_rejection_in_the_same_batch_keeps_both(
    connect: Connect, server: Server
) -> None:
    server.on(ROUTE, refuses("e1"), text(503, "down"))
    with pytest.raises(PartialSendError) as caught:
        connect(retries=0).send(events(4))
    report = caught.value.report
    assert caught.value.ids == ("e0", None, None, None)
    assert (report.accepted, report.rejected, report.unknown) == (1, 1, 2)
    assert [(each.position, each.outcome) for each in report.failures] == [
        (1, "rejected"),
        (2, "unknown"),
        (3, "unknown"),
    ]


def test_failed_events_can_be_resent_unchanged(client: InngestClient, server: Server) -> None:
    server.on(ROUTE, refuses("e1"))
    with pytest.raises(PartialSendError) as caught:
        client.send(
            [Event("e0"), Event("e1", {"k": 1}, user={"id": 1}, ts=1_795_543_200_000, v="1")]
        )
    server.on(ROUTE, accepts_all)
    assert client.send(each.event for each in caught.value.report.failures) == ["e1"]
    assert server.bodies()[-1] == [server.bodies()[0][1]]


def test_a_report_keeps_the_first_thousand_failures(connect: Connect, server: Server) -> None:
    server.on(ROUTE, text(503, "down"))
    with pytest.raises(PartialSendError) as caught:
        connect(retries=0).send(events(1_500))
    assert caught.value.report.unknown == 1_500
    assert [each.position for each in caught.value.report.failures] == list(range(1_000))
    assert len(caught.value.ids) == 1_500


def test_reports_add_up() -> None:
    assert SendReport(1, 2, 3) + SendReport(10, 20, 30) == SendReport(11, 22, 33)
    assert SendReport() + SendReport() == SendReport()


def test_a_partial_send_error_has_counts_and_advice(client: InngestClient, server: Server) -> None:
    server.on(ROUTE, refuses("e1"))
    with pytest.raises(PartialSendError) as caught:
        client.send(events(3))
    said = str(caught.value)
    assert said.startswith("2 of 3 events accepted, 1 rejected, 0 unknown; first: e1 is refused.")
    assert ".report.failures" in said


def test_events_accepted_before_the_client_was_closed_are_reported(server: Server) -> None:
    def closes(request: httpx.Request) -> Reply:
        client.close()
        return accepts_all(request)

    server.on(ROUTE, closes)
    client = InngestClient(dev=True, transport=server)
    with pytest.raises(PartialSendError) as caught:
        client.send(events(2), batch_size=1)
    assert (caught.value.report.accepted, caught.value.report.unknown) == (1, 1)
    assert caught.value.ids[1] is None
    with pytest.raises(ClosedError):
        client.send(events(1))


def test_a_client_closed_between_attempts_leaves_the_outcome_unknown(
    server: Server, clock: Clock
) -> None:
    def closes(request: httpx.Request) -> Reply:
        client.close()
        raise httpx.ReadError("reset", request=request)

    server.on(ROUTE, closes)
    client = clock.govern(InngestClient)(dev=True, transport=server)
    with pytest.raises(TransportError, match="ReadError: reset") as caught:
        client.send({"name": "a"})
    assert caught.value.delivered
    assert len(server.requests) == 1
