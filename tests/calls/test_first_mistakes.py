"""What is easily written wrong at first: the error says what to write."""

from __future__ import annotations

import copy
import datetime as dt
import pickle
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import (
    Event,
    InngestClient,
    InvalidArgumentError,
    InvalidEventError,
    NotFoundError,
)
from tests.support.server import about, accepts_all, recorded, text

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Connect
    from tests.support.server import Server

ID = "01M86WNRKHYE50ZF3GG530BHRT"
ROUTE = "POST /e/NO_EVENT_KEY_SET"


def test_a_name_and_its_data_are_one_event(client: InngestClient, server: Server) -> None:
    send: Any = client.send
    with pytest.raises(InvalidArgumentError, match=r"Write send\(Event\('shop/paid', data\)\)"):
        send("shop/paid", {"id": 1})
    with pytest.raises(InvalidArgumentError, match=r"An event is Event\("):
        send("shop/paid")
    assert server.asked == []


@pytest.mark.parametrize("act", [pickle.dumps, copy.copy, copy.deepcopy])
def test_a_client_is_not_pickled_but_made_in_the_worker(act: Callable[[object], object]) -> None:
    with pytest.raises(TypeError, match="make one in each worker process"):
        act(InngestClient(dev=True))


@pytest.mark.parametrize("client_kind", ["blocking"], indirect=True)  # reads `target`
def test_an_empty_env_takes_the_environment_off_and_none_leaves_it(
    connect: Connect, server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("INNGEST_ENV", "branch")
    server.on("GET /health", recorded("health"))
    client = connect()
    for each in (
        client,
        connect(env=None),
        connect(env=""),
        client.with_options(env=""),
        client.with_options(env=None),
    ):
        each.health()
    sent = [each.headers.get("x-inngest-env") for each in server.requests]
    assert sent == ["branch", "branch", None, None, "branch"]
    assert connect(env="").target.env is None


ACTS: dict[str, Callable[[InngestClient], object]] = {
    "get": lambda it: it.runs.get(ID),
    "trace": lambda it: it.runs.trace(ID),
    "cancel": lambda it: it.runs.cancel(ID),
    "replay": lambda it: it.runs.replay(ID),
    "jobs": lambda it: it.runs.jobs(ID),
    "explain": lambda it: it.runs.explain(ID),
}


@pytest.mark.parametrize("name", ACTS)
def test_an_event_id_where_a_run_id_is_due_is_told_as_such(
    client: InngestClient, server: Server, name: str
) -> None:
    missing = recorded("v2-run-unknown")
    server.on(f"GET /v2/runs/{ID}", missing)
    server.on(f"GET /v2/runs/{ID}/trace", missing)
    server.on(f"POST /v2/runs/{ID}/cancel", missing)
    server.on(f"POST /v2/runs/{ID}/rerun", missing)
    for path in (f"GET /v1/runs/{ID}", f"GET /v1/runs/{ID}/jobs"):
        server.on(path, about(ID, "v1-run-unknown"))
    server.on(f"DELETE /v1/runs/{ID}", text(404, "404 page not found\n"))
    server.on(f"POST /v1/runs/{ID}/replay", text(404, "404 page not found\n"))
    server.on(f"GET /v1/events/{ID}", about(ID, "v1-event"))
    with pytest.raises(NotFoundError, match="is the id of an event") as caught:
        ACTS[name](client)
    assert caught.value.advice.calls[0].name == "events.runs"


class Timestamp(dt.datetime):
    """A datetime of another library, as of pandas, pendulum and freezegun."""


class Day(dt.date):
    """A date of another library."""


class Duration(dt.timedelta):
    """A duration of another library."""


class NaT(dt.datetime):
    """Not a time: what pandas has for a missing one."""

    __hash__ = None  # type: ignore[assignment]

    def __eq__(self, _: object) -> bool:
        return False

    def __ne__(self, _: object) -> bool:
        return True


AT = (2026, 11, 24, 18, 0, 0, 5)


def test_times_of_other_libraries_are_written_as_those_of_python(
    client: InngestClient, server: Server
) -> None:
    server.on(ROUTE, accepts_all)
    zones = [dt.UTC, None, dt.timezone(dt.timedelta(hours=-3))]
    own = [Timestamp(*AT, tzinfo=zone) for zone in zones]
    plain = [dt.datetime(*AT, tzinfo=zone) for zone in zones]
    for times, day, span in (
        (own, Day(2026, 11, 24), Duration(days=400, microseconds=7)),
        (plain, dt.date(2026, 11, 24), dt.timedelta(days=400, microseconds=7)),
    ):
        data = {"at": times, "on": day, "for": span}
        client.send(Event("a", data, id="a", ts=times[0]))
        client.send([{"name": "a", "data": data, "id": "a", "ts": times[0]}] * 9)
    first, batch, *expected = server.bodies()
    assert [first, batch] == expected
    assert first[0]["data"]["at"][0] == "2026-11-24T18:00:00.000005Z"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({"data": {"at": NaT(*AT)}}, "pass text, a number, a list or a dict"),
        ({"data": {"n": 1j}}, "pass text, a number, a list or a dict"),
        ({"ts": dt.datetime(*AT)}, r"ts\.astimezone\(\)"),  # noqa: DTZ001
        ({"ts": 1_795_543_200.5}, r"round\(seconds \* 1000\)"),
        ({"ts": "2026-11-24"}, r"datetime\.fromisoformat"),
    ],
    ids=["no time", "complex", "naive", "seconds", "text"],
)
def test_a_refusal_says_how_to_convert(
    client: InngestClient, event: dict[str, Any], said: str
) -> None:
    with pytest.raises(InvalidEventError, match=said):
        client.send({"name": "a", **event})


def test_a_refusal_of_an_argument_says_how_to_convert(client: InngestClient) -> None:
    data = {"at": dt.datetime(*AT, tzinfo=dt.UTC)}
    with pytest.raises(InvalidArgumentError, match=r"isoformat\(\)"):
        client.functions.invoke("shop", "work", data)
