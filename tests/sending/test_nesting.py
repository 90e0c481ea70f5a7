"""Data nested too deep is refused, whatever it is made of, and never ends the process."""

from __future__ import annotations

import datetime as dt
from enum import Enum
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import pytest

from inngest_rest import Event, InvalidEventError
from inngest_rest._core.sending import nesting
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
    "enum": lambda inner: Enum("E", {"k": (inner,)}).k,  # type: ignore[attr-defined]
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
    for depth in (300, 3_000) if kind != "enum" else (300,):
        data = nested(WRAPS[kind], depth)
        for event in (Event("a", data), {"name": "a", "data": data}):
            with pytest.raises(InvalidEventError):
                client.send([event] * count)


@pytest.mark.parametrize("count", [1, 9], ids=["one", "a batch"])
@pytest.mark.parametrize("kind", ["tuple", "list", "dict"])
def test_data_nested_250_deep_is_sent(
    client: InngestClient, server: Server, kind: str, count: int
) -> None:
    server.on(ROUTE, accepts_all)
    event = {"name": "a", "data": nested(WRAPS[kind], 250)}
    assert client.send([event] * count) == ["a"] * count


def test_a_batch_with_values_that_lead_to_classes_is_checked_too() -> None:
    good = {"name": "a", "data": {"at": dt.datetime.now(dt.UTC), "key": uuid4()}}
    assert nesting.are_all_shallow([good] * 9)
    assert not nesting.are_all_shallow([good, {"name": "a", "data": nested(WRAPS["tuple"], 300)}])
