"""Whatever a caller passes, a call does what was meant or names the argument that is wrong."""

from __future__ import annotations

from datetime import datetime, tzinfo
from enum import Enum
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestError, InvalidArgumentError, RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Connect
    from tests.support.server import Server

RUN = "01KADEP2Q2JVT4PM3FEKAZTX4Z"


class Zone(tzinfo):
    def dst(self, _: object) -> None:
        return None

    def tzname(self, _: object) -> None:
        return None


class Nowhere(Zone):
    """Does not say how far it is from UTC."""

    def utcoffset(self, _: object) -> None:
        return None


def deep() -> Any:
    value: Any = []
    for _ in range(3_000):
        value = [value]
    return value


INVALID: dict[str, Any] = {
    "nested deep": deep(),
    "with too many digits": [10**5_000],
    "long": ["x" * 70_000],
}

CALLS: dict[str, Callable[[Any, Any], object]] = {
    "batch size": lambda client, it: client.send({"name": "a"}, batch_size=it),
    "in flight": lambda client, it: client.send_many([], in_flight=it),
    "timeout": lambda client, it: client.runs.wait(RUN, it),
    "option": lambda client, it: client.with_options(timeout=it),
    "environment": lambda client, it: client.with_options(env=it),
    "header": lambda client, it: client.with_options(headers={"x-a": it}),
    "moment": lambda client, it: client.events.list(since=it).page(),
    "name": lambda client, it: client.events.list(name=it).page(),
    "own id": lambda client, it: client.events.explain(it),
    "cursor": lambda client, it: client.apps.list(cursor=it).page(),
    "status": lambda client, it: client.runs.list(status=it).page(),
    "id": lambda client, it: client.runs.get(it),
    "ids": lambda client, it: client.runs.wait_many([it], 1),
    "token": lambda client, it: client.runs.watch(token=it),
    "type": lambda client, it: client.events.get(RUN, as_=it),
    "policy": lambda _, it: RetryPolicy(total=it),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_a_value_of_any_kind_is_refused_briefly(
    connect: Connect, server: Server, call: Callable[[Any, Any], object]
) -> None:
    for name, value in INVALID.items():
        with pytest.raises(InngestError) as caught:
            call(connect(), value)
        assert len(str(caught.value)) < 1_000, name
    assert server.requests == []


@pytest.mark.parametrize(
    "call",
    [
        lambda client, it: client.runs.list(until=it).page(),
        lambda client, it: client.cancellations.create("a", "f", started_before=it),
    ],
    ids=["runs", "cancellation"],
)
def test_a_moment_in_a_zone_without_an_offset_is_refused(
    connect: Connect, call: Callable[[Any, Any], object]
) -> None:
    with pytest.raises(InvalidArgumentError, match="aware"):
        call(connect(), datetime(2026, 1, 1, tzinfo=Nowhere()))


@pytest.mark.parametrize("several", [False, True], ids=["one", "several"])
def test_an_event_at_a_moment_in_such_a_zone_is_refused(connect: Connect, *, several: bool) -> None:
    event = {"name": "a", "data": {}, "ts": datetime.min.replace(tzinfo=Nowhere())}
    with pytest.raises(InvalidArgumentError, match="aware"):
        connect().send([event] * (10 if several else 1))


@pytest.mark.parametrize(
    "call",
    [
        lambda client: client.send([], batch_size=None),
        lambda client: client.send_many([], batch_size=None),
        lambda client: client.send_many([], in_flight=None),
        lambda client: client.events.explain(None),
        lambda client: client.apps.sync("a", None),
        lambda client: client.request("GET", None),
        lambda client: client.runs.wait_many([RUN], None),
    ],
    ids=["send", "batch size", "in flight", "id", "url", "path", "timeout"],
)
def test_none_is_refused_where_there_must_be_a_value(
    connect: Connect, server: Server, call: Callable[[Any], object]
) -> None:
    with pytest.raises(InvalidArgumentError):
        call(connect())
    assert server.requests == []


class App(str, Enum):  # noqa: UP042 - of which str() is the name
    SHOP = "shop"


@pytest.mark.parametrize(
    ("path", "call"),
    [
        ("/v2/apps/shop", lambda client: client.apps.get(App.SHOP)),
        ("/v2/apps/shop/functions", lambda client: client.functions.list(App.SHOP).page()),
        ("/v2/apps/shop/functions/shop", lambda client: client.functions.get(App.SHOP, App.SHOP)),
        ("/v2/runs?appId=shop", lambda client: client.runs.list(app=App.SHOP).page()),
        ("/v1/events?name=shop", lambda client: client.events.list(name=App.SHOP).page()),
    ],
)
def test_text_of_a_class_of_its_own_is_sent_as_the_text_it_is(
    connect: Connect, server: Server, path: str, call: Callable[[Any], object]
) -> None:
    with pytest.raises(InngestError):
        call(connect(retries=0))
    asked = [str(each.url).partition("8288")[2] for each in server.requests]
    assert any(path.split("?", maxsplit=1)[0] == it.split("?")[0] for it in asked), asked
    assert any(path.partition("?")[2] in it for it in asked), asked
    assert not any("App" in it for it in asked), asked
