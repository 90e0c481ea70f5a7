"""The convention for event names, `domain/noun.verb`: off, warn or refuse."""

from __future__ import annotations

import logging
import time
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import ConfigurationError, Event, InvalidEventError
from inngest_rest._local.event_names import NameConvention, check_name
from inngest_rest_mock import MockServer, completes
from tests.support.server import accepts_all

if TYPE_CHECKING:
    from tests.conftest import Connect
    from tests.support.client_kinds import ClientKind
    from tests.support.server import Server

GOOD, BAD = "shop/order.created", "shop/Order.created"
REASON = (
    "name 'shop/Order.created' does not follow domain/noun.verb in lower case, such as "
    "shop/order.created"
)


ROUTE = "POST /e/NO_EVENT_KEY_SET"


def names(server: Server) -> list[str]:
    return [event["name"] for body in server.bodies() for event in body]


@pytest.fixture(autouse=True)
def server(server: Server) -> Server:
    """Accept every event."""
    server.on(ROUTE, accepts_all)
    return server


@pytest.mark.parametrize(
    "name",
    [
        "shop/order.created",
        "app/blog_post.published",
        "shift/clock-in.requested",
        "stripe/customer.subscription.deleted",
        "usage/v2.rolled_up",
        "3d/model.rendered",
    ],
)
def test_a_name_of_the_convention_is_accepted(name: str) -> None:
    check_name(name, NameConvention(refuses=True))


@pytest.mark.parametrize(
    "name",
    [
        "app/Order.created",
        "order.created",
        "app/order/created",
        "app.order.created",
        "app/order..created",
        "app/order.created ",
        "app/order-created",
        "app/orderItemShipped",
        "OrderCreated",
        "Order Created",
        "order#created",
        "deal/created",
        "payment",
        "app/",
        "/",
        "__",
        "shop/größe.geändert",
    ],
)
def test_another_name_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r"does not follow domain/noun\.verb"):
        check_name(name, NameConvention(refuses=True))


@pytest.mark.parametrize("name", ["a/" + "_" * 50_000, "A" * 50_000 + ".b", "a_" * 50_000])
def test_a_long_name_is_refused_quickly(name: str) -> None:
    started = time.process_time()
    with pytest.raises(ValueError, match="does not follow"):
        check_name(name, NameConvention(refuses=True))
    assert time.process_time() - started < 2


@pytest.mark.parametrize("refuses", [True, False])
def test_a_reserved_name_is_refused_for_that(refuses: bool) -> None:
    with pytest.raises(ValueError, match="reserved"):
        check_name("inngest/function.failed", NameConvention(refuses=refuses))


@pytest.mark.parametrize("options", [{}, {"event_name_check": "off"}])
def test_any_name_goes_out_by_default(
    connect: Connect, server: Server, caplog: pytest.LogCaptureFixture, options: Any
) -> None:
    connect(**options).send([{"name": BAD, "data": {}}] * 10)
    connect(**options).send(Event(BAD))
    assert names(server) == [BAD] * 11
    assert caplog.records == []


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize("make", [Event, lambda name, data: {"name": name, "data": data}])
def test_send_refuses_the_event_before_anything_is_sent(
    connect: Connect, server: Server, make: Any, count: int
) -> None:
    client = connect(event_name_check="refuse")
    events = [make(GOOD, {}) for _ in range(count)]
    client.send(events)
    with pytest.raises(InvalidEventError) as caught:
        client.send([*events, make(BAD, {})])
    assert (caught.value.position, caught.value.reason) == (count, REASON)
    with pytest.raises(InvalidEventError, match="does not follow"):
        client.with_options(timeout=5).send(make(BAD, {}))
    assert names(server) == [GOOD] * count


EVENTS = [{"name": BAD if at in {3, 11} else GOOD, "data": {}} for at in range(20)]


async def each_of(events: list[Any]) -> Any:
    for event in events:
        yield event


@pytest.mark.parametrize("source", ["list", "iterator"])
def test_bulk_sending_reports_the_event_and_sends_the_others(
    connect: Connect, server: Server, client_kind: ClientKind, source: str
) -> None:
    client: Any = connect(event_name_check="refuse")
    if source == "list":
        report = client.send_many(EVENTS)
    else:
        report = client.send_many(each_of(EVENTS) if client_kind == "async" else iter(EVENTS))
    assert (report.accepted, report.rejected, report.unknown) == (18, 2, 0)
    assert [(each.position, each.reason) for each in report.failures] == [
        (3, REASON),
        (11, REASON),
    ]
    assert report.failures[0].event["name"] == BAD
    assert names(server) == [GOOD] * 18


def test_send_and_wait_refuses_the_event_before_it_is_sent(connect: Connect) -> None:
    mock = MockServer()
    mock.function("shop", "receipt", trigger=GOOD, run=completes(1))
    client = connect(transport=mock.transport, event_name_check="refuse")
    [run] = client.send_and_wait({"name": GOOD}, timeout=60)
    assert run.output == 1
    with pytest.raises(InvalidEventError, match="does not follow"):
        client.send_and_wait({"name": BAD}, timeout=60)
    assert [each.name for each in mock.events] == [GOOD]


def test_a_warning_is_logged_once_per_name_and_the_events_go_out(
    connect: Connect, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    client = connect(event_name_check="warn")
    client.send(Event(GOOD))
    for event in (Event(BAD), {"name": "Other", "data": {}}):
        client.send(event)
        client.send([event] * 20)
        client.with_options(timeout=5).send(event)
    assert len(names(server)) == 1 + 2 * 22
    assert [(each.levelno, each.name) for each in caplog.records] == [
        (logging.WARNING, "inngest_rest")
    ] * 2
    assert caplog.messages[0] == f"event {REASON}"
    assert connect(event_name_check="warn").send(Event(BAD))
    assert len(caplog.messages) == 3


def test_warnings_end_after_a_hundred_names(
    connect: Connect, server: Server, caplog: pytest.LogCaptureFixture
) -> None:
    connect(event_name_check="warn").send([{"name": f"e{at}", "data": {}} for at in range(500)])
    assert len(names(server)) == 500
    assert len(caplog.messages) == 100


@pytest.mark.parametrize("check", ["on", "", None, True, ["warn"]])
def test_another_setting_is_refused(connect: Connect, check: Any) -> None:
    with pytest.raises(ConfigurationError, match="; valid values: off, warn, refuse"):
        connect(event_name_check=check)
