"""Arguments of any size: what cannot be sent is refused with an error of this package."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InvalidArgumentError

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient
    from tests.conftest import Connect
    from tests.support.server import Server

LONG = "a" * 70_000


CALLS: dict[str, Callable[[InngestClient], object]] = {
    "run": lambda client: client.runs.get(LONG),
    "event": lambda client: client.events.get(LONG),
    "app": lambda client: client.apps.get(LONG),
    "app of functions": lambda client: client.functions.list(LONG).page(),
    "function": lambda client: client.functions.invoke("app", LONG),
    "name of events": lambda client: client.events.list(name=LONG).page(),
    "app of runs": lambda client: client.runs.list(app=LONG).page(),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_an_argument_too_long_for_a_url_is_refused(
    client: InngestClient, server: Server, call: Callable[[InngestClient], object]
) -> None:
    with pytest.raises(InvalidArgumentError, match="too long"):
        call(client)
    assert server.requests == []


def test_an_event_key_too_long_for_a_url_is_refused_and_not_shown(connect: Connect) -> None:
    client = connect(dev=False, event_key=LONG)
    with pytest.raises(InvalidArgumentError, match="too long") as caught:
        client.send({"name": "a"})
    assert "aaa" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "wrap", [lambda it: [it], lambda it: (it,), lambda it: {"k": it}], ids=["list", "tuple", "dict"]
)
def test_data_nested_too_deep_is_refused(
    client: InngestClient, server: Server, wrap: Callable[[Any], Any]
) -> None:
    data: Any = 1
    for _ in range(100_000):
        data = wrap(data)
    with pytest.raises(InvalidArgumentError, match="nested too deep"):
        client.functions.invoke("app", "f", {"k": data})
    assert server.requests == []


WITH_DATA: dict[str, Callable[[InngestClient, Any], object]] = {
    "invoke": lambda client, data: client.functions.invoke("app", "f", data),
    "replay": lambda client, data: client.runs.replay("01" * 13, from_step="a", input=[data]),
    "signal": lambda client, data: client.signals.send("signal", data=data),
    "body": lambda client, data: client.request("POST", "/v2/a", body=data),
}


@pytest.mark.parametrize("data", [{1: "a", "1": "b"}, {"k": [{None: 1, "null": 2}]}])
@pytest.mark.parametrize("call", WITH_DATA.values(), ids=WITH_DATA)
def test_data_with_two_keys_of_one_text_is_refused(
    client: InngestClient,
    server: Server,
    call: Callable[[InngestClient, Any], object],
    data: dict[Any, Any],
) -> None:
    with pytest.raises(InvalidArgumentError, match=r"two keys that both become '(1|null)'"):
        call(client, data)
    assert server.requests == []
