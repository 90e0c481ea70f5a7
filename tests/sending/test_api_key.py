"""An API key alone is a whole configuration: events go one by one to `POST /v2/events`."""

from __future__ import annotations

import httpx
import pytest

from inngest_rest import AuthenticationError, InngestClient, MissingKeyError, PartialSendError
from inngest_rest_mock import MockServer

SIGNING_KEY = "ab" * 16
EVENTS = [{"name": "shop/order.paid", "id": f"order-{at}"} for at in range(3)]


def client_of(transport: httpx.MockTransport, api_key: str | None = None) -> InngestClient:
    return InngestClient(
        base_url="http://server.test", transport=transport, allow_http=True, api_key=api_key
    )


def accepting(mock: MockServer, bearers: list[str]) -> httpx.MockTransport:
    """Return a server that takes an API key, as Inngest Cloud does, by way of a mock."""
    with_key = mock.transport

    def answer(request: httpx.Request) -> httpx.Response:
        bearers.append(request.headers.get("authorization", ""))
        request.headers["authorization"] = f"Bearer {SIGNING_KEY}"
        return with_key.handle_request(request)

    return httpx.MockTransport(answer)


def test_events_are_sent_one_by_one_with_the_api_key() -> None:
    mock, bearers = MockServer(event_keys=["k"], signing_key=SIGNING_KEY), list[str]()
    with client_of(accepting(mock, bearers), api_key="api-key-1") as client:
        ids = client.send(EVENTS)
    assert [each.internal_id for each in mock.events] == ids
    assert [each.id for each in mock.events] == ["order-0", "order-1", "order-2"]
    assert bearers == ["Bearer api-key-1"] * 3


def test_an_event_that_is_rejected_does_not_stop_the_others() -> None:
    mock = MockServer(event_keys=["k"], signing_key=SIGNING_KEY)
    with (
        client_of(accepting(mock, []), api_key="api-key-1") as client,
        pytest.raises(PartialSendError) as raised,
    ):
        client.send([EVENTS[0], {"name": "shop/order.paid", "v": "1"}, EVENTS[2]])
    (failure,) = raised.value.report.failures
    assert failure.position == 1
    assert len(mock.events) == 2


@pytest.mark.parametrize("method", ["send", "send_many"])
def test_without_any_key_nothing_is_sent(method: str) -> None:
    transport = httpx.MockTransport(lambda _: httpx.Response(500))
    with client_of(transport) as client, pytest.raises(MissingKeyError, match="INNGEST_EVENT_KEY"):
        getattr(client, method)(EVENTS)


@pytest.mark.parametrize("failing", [0, 1])
def test_a_failure_leaves_the_events_after_it_unknown(failing: int) -> None:
    asked = list[httpx.Request]()

    def answer(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        if len(asked) > failing:
            return httpx.Response(401, json={"errors": [{"message": "no", "code": "x"}]})
        return httpx.Response(201, json={"data": {"eventId": "1"}})

    expected = (AuthenticationError, PartialSendError)[failing]
    with client_of(httpx.MockTransport(answer), "k") as client, pytest.raises(expected) as raised:
        client.send(EVENTS)
    assert len(asked) <= failing + 2
    if isinstance(raised.value, PartialSendError):
        assert (raised.value.report.accepted, raised.value.report.unknown) == (1, 2)
