"""Runs are selected by a CEL expression only where the server is seen to read it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import (
    BadRequestError,
    ConfigurationError,
    InngestClient,
    InvalidArgumentError,
    PermissionDeniedError,
    RouteNotFoundError,
)
from inngest_rest_mock import MockServer, answers, sleeps
from tests.support.capabilities import rows

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.conftest import Connect

QUERY = "event.data.n == 2"
PROBE = "limit=1&query=%28"


def shop(release: str) -> MockServer:
    """Return a server with three open runs, of events without ids of their own."""
    mock = MockServer(release=release)
    mock.function("shop", "nap", trigger="app/nap", run=sleeps(timedelta(hours=1)))
    with httpx.Client(transport=mock.transport, base_url="http://mock") as http:
        for n in (1, 2, 3):
            http.post("/e/k", json={"name": "app/nap", "data": {"n": n}})
    return mock


def queries(mock: MockServer) -> list[str]:
    """Return the query strings of the listings."""
    return [each.query for each in mock.requests if each.operation == "list_runs_v2"]


def test_runs_are_listed_by_an_expression_where_the_server_reads_it(connect: Connect) -> None:
    mock = shop("1.45")
    client = connect(transport=mock.transport)
    (run,) = client.runs.list(query=f"\n{QUERY}\n")
    assert run.id == mock.runs[1].id
    probe, listing = queries(mock)
    assert (probe, httpx.QueryParams(listing)) == (
        PROBE,
        httpx.QueryParams({"limit": "100", "query": QUERY}),
    )


def test_a_client_and_its_copies_find_out_once_and_only_for_a_query(connect: Connect) -> None:
    mock = shop("1.45")
    client = connect(transport=mock.transport)
    client.runs.list().page()
    assert PROBE not in queries(mock)
    for each in (client, client, client.with_options(timeout=9)):
        each.runs.list(query=QUERY, page_size=1).page()
    assert queries(mock).count(PROBE) == 1


ACTS: dict[str, Callable[[InngestClient, str], object]] = {
    "list": lambda client, query: client.runs.list(query=query).page(),
    "watch": lambda client, query: next(iter(client.runs.watch(query=query, timeout=60))),
    **rows("QUERIED"),
}


@pytest.mark.parametrize("act", ACTS.values(), ids=ACTS)
@pytest.mark.parametrize("release", ["1.38", "1.43"])
def test_a_server_that_would_list_every_run_is_not_asked_with_a_query(
    act: Callable[..., object], release: str, connect: Connect
) -> None:
    mock = shop(release)
    with pytest.raises(RouteNotFoundError) as caught:
        act(connect(transport=mock.transport), QUERY)
    assert caught.value.releases == {"GET /v2/runs?query=": "1.45.0"}
    assert "since release 1.45.0" in str(caught.value)
    assert "Pass it as where instead" in caught.value.advice
    assert queries(mock) == [PROBE]
    assert {run.status for run in mock.runs} == {"running"}


def test_a_server_without_the_listing_names_the_release_of_the_query(connect: Connect) -> None:
    with pytest.raises(RouteNotFoundError, match=r"since release 1\.45\.0"):
        connect(transport=shop("1.33").transport).runs.list(query=QUERY).page()


def test_v1_has_no_queries(connect: Connect) -> None:
    mock = shop("1.45")
    with pytest.raises(ConfigurationError):
        connect(transport=mock.transport, api_version="v1").runs.list(query=QUERY).page()
    assert queries(mock) == []


def test_a_failure_to_find_out_is_raised_as_it_is(connect: Connect) -> None:
    mock = shop("1.45")
    mock.fault(answers(403), times=None)
    with pytest.raises(PermissionDeniedError):
        connect(transport=mock.transport).runs.list(query=QUERY).page()
    assert set(queries(mock)) == {PROBE}


def test_a_watch_reports_the_runs_of_a_query_and_its_token_holds_it(connect: Connect) -> None:
    mock = shop("1.45")
    client = connect(transport=mock.transport)
    watcher = client.runs.watch(query=QUERY, timeout=10)
    assert [change.run.id for change in watcher] == [mock.runs[1].id]
    assert queries(mock).count(PROBE) == 1
    client.runs.watch(query=QUERY, token=watcher.token)
    with pytest.raises(InvalidArgumentError, match=r"query='event\.data\.n == 2'. Pass the same"):
        client.runs.watch(query="event.data.n == 3", token=watcher.token)


def test_an_expression_that_the_server_does_not_understand_is_named(connect: Connect) -> None:
    mock = shop("1.45")
    query = 'event.data.n.exists("{}")'
    with pytest.raises(BadRequestError) as caught:
        connect(transport=mock.transport).runs.list(query=query).page()
    assert caught.value.code == "expression_invalid"
    assert "event.data.n.exists(" in caught.value.advice


REFUSED = {
    "": "not empty",
    "   ": "names no field",
    "event.data.n == 1\n \nevent.data.n == 2": "names no field",
    "run.status == 'FAILED'": r"names run\.status, which servers ignore",
    "function.id == 'charge'": r"function\.id",
    "status == 'FAILED'": "names status",
    "async.data.x == 1": r"async\.data\.x",
    "event.data.n == 1 && foo.bar == 2": r"foo\.bar",
    "event.user.id == 'x'": r"event\.user\.id",
    "event.id == 'x'": r"event\.id, which servers ignore or fail on",
    "event.ts > 0": r"event\.ts",
    "event.data == null": r"names event\.data,",
    "output == 'x'": "names output,",
    "error == null": "names error,",
    "1 == 1": "names no field",
    "'event.data.n' == 'a'": "names no field",
    "event.data.n == 1\n// event.data.n": "names no field",
    "event.name > 'x'": r"order of event\.name",
    "'x' <= event.name": r"order of event\.name",
    "event.v >= '2'": r"order of event\.name or event\.v",
    "event.data.n == 1 && output.ok == true": "mixes event with output or error",
    "event.data.n == 1\nerror.message == 'x'": "mixes event with output or error",
    f"event.name == '{'é' * 1_025}'": "more than 2,048 bytes",
}


@pytest.mark.parametrize(("query", "reason"), REFUSED.items(), ids=map(repr, REFUSED))
def test_what_servers_ignore_or_fail_on_is_refused_before_anything_is_sent(
    query: str, reason: str, connect: Connect
) -> None:
    mock = shop("1.45")
    client = connect(transport=mock.transport)
    for act in (client.runs.list, client.runs.watch):
        with pytest.raises(InvalidArgumentError, match=reason) as caught:
            act(query=query)
        assert caught.value.argument == "query"
    assert queries(mock) == []


@pytest.mark.parametrize(
    "query",
    [
        "(event.data.a.b == 1 || event.data.n >= 5) && event.name == 'run.status'",
        "1 == event.data.n // status",
        'event.data.s == r"status" && event.data.l[0] == 1',
        "error.message != 'x' && error.name == \"it's // no comment\"",
        "output.total > 1.5e3\r\n!(output.ok == false)",
        "event.v == '2' && event.data.size == null",
        "output.total == 1 && error.name == 'x'",
        f"event.name == '{'x' * 2_032}'",
    ],
)
def test_what_servers_compare_is_sent_as_it_is(query: str, connect: Connect) -> None:
    mock = shop("1.45")
    any_query: Any = {"data": [], "page": {}}
    mock.fault(answers(422, {"errors": [{"code": "expression_invalid", "message": "no"}]}))
    mock.fault(answers(200, any_query))
    assert connect(transport=mock.transport).runs.list(query=query).page().items == ()
    sent = httpx.QueryParams(queries(mock)[-1])
    assert sent["query"] == query
