"""Data nested too deep, or whose own code raises, is refused, and never ends the process."""

from __future__ import annotations

import datetime as dt
from typing import TYPE_CHECKING, Any
from uuid import UUID

import pytest

from inngest_rest import Event, InvalidEventError
from tests.support.many import ROUTE
from tests.support.server import accepts_all

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient
    from tests.support.server import Server


class Listed(list[Any]):
    pass


WRAPS: dict[str, Callable[[Any], Any]] = {
    "tuple": lambda inner: (inner,),
    "list": lambda inner: [inner],
    "dict": lambda inner: {"k": inner},
    "list in tuple": lambda inner: ([inner],),
    "subclass": lambda inner: (Listed([inner]),),
}


def nested(wrap: Callable[[Any], Any], depth: int) -> dict[str, Any]:
    value: Any = 1
    for _ in range(depth):
        value = wrap(value)
    return {"k": value}


@pytest.mark.parametrize("count", [1, 9], ids=["one", "a batch"])
@pytest.mark.parametrize("kind", WRAPS)
def test_data_nested_too_deep_is_refused(client: InngestClient, kind: str, count: int) -> None:
    data = nested(WRAPS[kind], 100_000)
    for event in (Event("a", data), {"name": "a", "data": data}):
        with pytest.raises(InvalidEventError, match="nested too deep"):
            client.send([event] * count)


@pytest.mark.parametrize("count", [1, 9], ids=["one", "a batch"])
@pytest.mark.parametrize("kind", ["tuple", "list", "dict"])
def test_data_nested_250_deep_is_sent(
    client: InngestClient, server: Server, kind: str, count: int
) -> None:
    server.on(ROUTE, accepts_all)
    event = {"name": "a", "data": nested(WRAPS[kind], 250)}
    assert client.send([event] * count) == ["a"] * count


class Broken(dt.tzinfo):
    def utcoffset(self, _: dt.datetime | None) -> dt.timedelta:
        raise RuntimeError

    def dst(self, _: dt.datetime | None) -> None:
        return None

    def tzname(self, _: dt.datetime | None) -> None:
        return None


def numbered(number: object) -> UUID:
    made = UUID.__new__(UUID)
    if number is not None:
        object.__setattr__(made, "int", number)
    return made


RAISING = {
    "zone": dt.datetime(2026, 1, 1, tzinfo=Broken()),
    "UUID without a number": numbered(None),
    "UUID of text": numbered("x"),
}


@pytest.mark.parametrize("count", [1, 9], ids=["one", "a batch"])
@pytest.mark.parametrize("value", RAISING.values(), ids=RAISING)
def test_a_value_whose_own_code_raises_is_refused(
    client: InngestClient, value: object, count: int
) -> None:
    for data in ({"k": value}, {"k": [(value,)]}):
        with pytest.raises(InvalidEventError, match="not JSON"):
            client.send([{"name": "a", "data": data}] * count)


@pytest.mark.parametrize("count", [1, 9], ids=["one", "a batch"])
def test_times_are_written_as_text(client: InngestClient, server: Server, count: int) -> None:
    server.on(ROUTE, accepts_all)
    zone = dt.timezone(dt.timedelta(hours=5, minutes=45))
    data = {
        "aware": dt.datetime(2026, 1, 2, 3, 4, 5, 6, tzinfo=zone),
        "naive": dt.datetime(2026, 1, 2, 3, 4, 5),  # noqa: DTZ001
        "date": dt.date(1, 2, 3),
        "time": dt.time(3, 4, 5),
    }
    client.send([{"name": "a", "data": data}] * count)
    assert server.bodies()[0][0]["data"] == {
        "aware": "2026-01-02T03:04:05.000006+05:45",
        "naive": "2026-01-02T03:04:05",
        "date": "0001-02-03",
        "time": "03:04:05",
    }
