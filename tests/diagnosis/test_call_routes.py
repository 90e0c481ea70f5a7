"""The route that a diagnosis names for a call is the one that answers it."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InngestClient, InngestError
from inngest_rest._core.resources.routes import ROUTES
from inngest_rest._core.resources.server import Releases, call_routes
from inngest_rest._table import GROUPS
from inngest_rest.testing import MockServer, completes, sleeps, waits_for
from inngest_rest.testing._api.releases import CURRENT
from inngest_rest_api.api import OPERATIONS
from tests.support.calls import MADE_OF
from tests.support.settings import settings_of
from tests.test_public_interface import METHODS

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import CallRoute

RELEASES = ["0.26.0", "1.17.3", "1.25.0", "1.30.0", "1.38.0", "1.39.0", f"{CURRENT}.0"]

NAMES = {f"{each.method} {each.path}": each.name for each in OPERATIONS}

EVENT = {"name": "app/order", "data": {}}


CLOUD_ONLY = {call for call, found in ROUTES.items() if all(it.cloud_only for it in found)}


def shop(release: str, call: str) -> MockServer:
    """Return a server with a run that has completed and one that waits for a signal."""
    mock = MockServer(release=release, cloud=call.startswith("cancellations."))
    mock.function("shop", "charge", trigger="app/order", run=completes())
    mock.function("shop", "ship", trigger="app/order", run=sleeps(timedelta(days=1)))
    mock.function("shop", "approve", trigger="app/held", run=waits_for("approved"))
    with InngestClient(dev=True, transport=mock.transport) as client:
        client.send([EVENT, {"name": "app/held", "data": {}}])
    return mock


CALLS: dict[str, Callable[[InngestClient, MockServer], object]] = {
    "send": lambda client, _: client.send(EVENT),
    "events.list": lambda client, _: list(client.events.list()),
    "events.get": lambda client, mock: client.events.get(mock.events[0].internal_id),
    "events.runs": lambda client, mock: list(client.events.runs(mock.events[0].internal_id)),
    "runs.list": lambda client, _: list(client.runs.list()),
    "runs.get": lambda client, mock: client.runs.get(mock.runs[0].id),
    "runs.watch": lambda client, _: list(client.runs.watch(timeout=1)),
    "runs.cancel": lambda client, mock: client.runs.cancel(mock.runs[1].id),
    "runs.replay": lambda client, mock: client.runs.replay(mock.runs[0].id),
    "runs.jobs": lambda client, mock: client.runs.jobs(mock.runs[1].id),
    "runs.trace": lambda client, mock: client.runs.trace(mock.runs[0].id),
    "apps.list": lambda client, _: list(client.apps.list()),
    "apps.get": lambda client, _: client.apps.get("shop"),
    "functions.list": lambda client, _: list(client.functions.list("shop")),
    "functions.get": lambda client, _: client.functions.get("shop", "charge"),
    "functions.invoke": lambda client, _: client.functions.invoke("shop", "charge"),
    "signals.send": lambda client, _: client.signals.send("approved"),
    "cancellations.list": lambda client, _: list(client.cancellations.list()),
    "cancellations.create": lambda client, mock: client.cancellations.create(
        "shop", "shop-charge", started_before=mock.now
    ),
    "cancellations.delete": lambda client, _: client.cancellations.delete("0" * 26),
    "webhooks.list": lambda client, _: list(client.webhooks.list()),
    "webhooks.get": lambda client, _: client.webhooks.get("1"),
    "webhooks.create": lambda client, _: client.webhooks.create(name="orders"),
    "webhooks.update": lambda client, _: client.webhooks.update("1", name="orders"),
    "webhooks.delete": lambda client, _: client.webhooks.delete("1"),
    "runs.score": lambda client, mock: client.runs.score(mock.runs[0].id, {"accuracy": 1}),
    "apps.sync": lambda client, _: client.apps.sync("shop", "http://127.0.0.1:9/"),
    "account.get": lambda client, _: client.account.get(),
    "envs.list": lambda client, _: list(client.envs.list()),
    "envs.create": lambda client, _: client.envs.create("staging"),
    "envs.archive": lambda client, _: client.envs.archive("1"),
    "keys.list": lambda client, _: list(client.keys.list()),
    "insights.query": lambda client, _: client.insights.query("SELECT 1"),
    "insights.tables": lambda client, _: client.insights.tables(),
    "insights.schemas": lambda client, _: list(client.insights.schemas()),
    "experiments.list": lambda client, _: list(client.experiments.list()),
    "experiments.get": lambda client, _: client.experiments.get("shop", "charge", "1"),
    "sessions.keys": lambda client, _: list(client.sessions.keys()),
    "sessions.list": lambda client, _: list(client.sessions.list("user")),
    "sessions.runs": lambda client, _: list(client.sessions.runs("user", "1")),
    "metrics": lambda client, _: client.metrics(),
}


def routes(release: str) -> dict[str, CallRoute]:
    found = call_routes(settings_of(dev=True), Releases(release, release))
    return {each.call: each for each in found}


def test_every_method_of_the_client_has_a_route_or_is_made_of_those_that_have() -> None:
    methods = {name.removeprefix("AsyncInngestClient.") for name in METHODS}
    named = {
        f"{kind.lower()}.{it}" for kind, _, it in (each.partition(".") for each in methods) if it
    }
    own = {each for each in methods if "." not in each} - {*GROUPS}
    ours = {each for each in named | own if not each.rpartition(".")[2].startswith("_")}
    assert ours - {"aclose", "with_options", "raw", "target", "profile", "call", "request"} == {
        *CALLS,
        *MADE_OF,
        "health",
        "diagnose",
    }
    assert set(routes(f"{CURRENT}.0")) == set(CALLS)


@pytest.mark.parametrize("release", RELEASES)
def test_the_route_is_the_one_that_answers(release: str, subtests: pytest.Subtests) -> None:
    for call in CALLS:
        with subtests.test(call):
            assert_the_route_answers(call, release)


def assert_the_route_answers(call: str, release: str) -> None:
    mock = shop(release, call)
    route = routes(release)[call]
    before = len(mock.requests)
    failure: Any = None
    with InngestClient(dev=True, transport=mock.transport, retries=0) as client:
        try:
            CALLS[call](client, mock)
        except InngestError as error:
            failure = error
    asked = [each.operation for each in mock.requests[before:] if each.operation is not None]
    if route.is_available:
        assert asked[:1] == [NAMES[route.route or ""]]
    else:
        assert route.is_available is False
        # The app itself is asked to register instead.
        assert failure is not None or call == "apps.sync"
        if call in CLOUD_ONLY:
            assert route.since is None
        else:
            assert asked == []
            assert route.since
            assert routes(route.since)[call].is_available


@pytest.mark.parametrize(
    ("releases", "call", "is_available", "family"),
    [
        (Releases(), "runs.list", None, "v2"),
        (Releases(), "send", True, "ingest"),
        (Releases(), "webhooks.list", None, "v1"),
        (Releases(), "insights.query", None, "v2"),
        (Releases("1.38.0", "1.40.0"), "runs.list", True, "v2"),
        (Releases("1.38.0", "1.40.0"), "runs.cancel", True, "v1"),
        (Releases("1.38.0", "1.40.0"), "apps.list", False, None),
        (Releases("1.27.1", "1.38.0"), "runs.replay", None, "v2"),
        (Releases(below="1.11.6"), "runs.get", None, "v1"),
        (Releases("1.9.0"), "runs.replay", None, "v2"),
    ],
)
def test_what_is_known_of_a_release_is_what_is_said_of_its_routes(
    releases: Releases, call: str, is_available: bool | None, family: str | None
) -> None:
    settings = settings_of(dev=True)
    (route,) = (each for each in call_routes(settings, releases) if each.call == call)
    assert (route.is_available, route.family) == (is_available, family)
