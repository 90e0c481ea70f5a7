"""Apps and functions: list, get, invoke."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from inngest_rest import NotFoundError
from tests.contract.world import FUNCTIONS

if TYPE_CHECKING:
    from datetime import datetime

    from inngest_rest import InngestClient, Run
    from tests.contract.world import World


def test_app_is_listed(world: World, client: InngestClient) -> None:
    assert world.app in {app.id for app in client.apps.list()}


def test_app_has_its_name_and_the_number_of_its_functions(
    world: World, client: InngestClient
) -> None:
    app = client.apps.get(world.app)
    assert (app.id, app.name) == (world.app, world.app)
    assert app.function_count is not None
    assert app.function_count >= len(FUNCTIONS)


def test_apps_are_listed_page_by_page(world: World) -> None:
    # Pinned, since GET /v1/apps has no pages.
    client = world.connect(api_version="v2")
    listed = [app.id for app in client.apps.list(page_size=1)]
    assert world.app in listed
    assert len(set(listed)) == len(listed)


@pytest.mark.parametrize("version", ["v1", "v2"])
def test_functions_are_listed_by_either_family(world: World, version: str) -> None:
    client = world.connect(api_version=version)
    functions = list(client.functions.list(world.app, page_size=2))
    assert {each.id for each in functions} >= set(FUNCTIONS)
    assert len({each.id for each in functions}) == len(functions)
    assert {each.app_id for each in functions} == {world.app}
    if version == "v1":  # which answers so for an unknown app as well
        assert list(client.functions.list("no-such-app")) == []
    else:
        with pytest.raises(NotFoundError, match="there is no app 'no-such-app'"):
            list(client.functions.list("no-such-app"))


def test_function_lists_its_triggers(world: World, client: InngestClient) -> None:
    function = client.functions.get(world.app, "echoes")
    assert (function.id, function.app_id) == ("echoes", world.app)
    assert [(each.kind.lower(), each.value) for each in function.triggers] == [
        ("event", world.trigger("echoes"))
    ]
    assert client.functions.get(world.app, f"{world.app}-echoes").id == "echoes"


def test_run_names_its_function_in_v1_by_an_internal_id(
    world: World, client: InngestClient
) -> None:
    started = world.start_and_wait(client, "echoes")
    run = world.connect(api_version="v1").runs.get(started.id)
    functions = world.connect(api_version="v1").functions.list(world.app)
    ids = {function.internal_id: function.id for function in functions}
    assert ids[run.internal_function_id] == "echoes"


def test_unknown_app_or_function_is_not_found(world: World, client: InngestClient) -> None:
    with pytest.raises(NotFoundError):
        client.apps.get("no-such-app")
    with pytest.raises(NotFoundError):
        client.functions.get(world.app, "no-such-function")
    with pytest.raises(NotFoundError):
        client.functions.invoke(world.app, "no-such-function")


def test_invoked_function_runs_on_the_data_given(world: World, client: InngestClient) -> None:
    run = client.runs.wait(client.functions.invoke(world.app, "echoes", {"n": 5}), timeout=60)
    assert run.status == "completed"
    # The server adds a marker of its own to the data.
    assert run.output["echo"].items() >= {"n": 5}.items()


def test_idempotency_key_returns_one_id_and_starts_more_than_one_run(
    world: World, client: InngestClient
) -> None:
    key, before = str(uuid4()), world.now() - timedelta(seconds=5)
    first, second = (
        client.functions.invoke(world.app, "echoes", {"key": key}, idempotency_key=key)
        for _ in range(2)
    )
    other = client.functions.invoke(world.app, "echoes", idempotency_key=str(uuid4()))
    assert first == second != other
    assert client.runs.wait(first, timeout=60).output["echo"]["key"] == key
    assert len(world.eventually(lambda: _runs_with(world, client, key, before, at_least=3))) == 3


def test_event_with_an_id_starts_one_run_however_often_it_is_sent(
    world: World, client: InngestClient
) -> None:
    event = {"name": world.trigger("echoes"), "id": str(uuid4())}
    ids = [client.send(event)[0] for _ in range(3)]
    # What was sent earlier has had its turn when this has run.
    world.start_and_wait(client, "echoes")
    assert len([run for id in ids for run in client.events.runs(id)]) == 1


def _runs_with(
    world: World, client: InngestClient, key: str, since: datetime, at_least: int = 1
) -> list[Run]:
    """Return the ended runs of `echoes` whose event had this key; none if they are fewer."""
    listed = client.runs.list(app=world.app, function="echoes", since=since, include_output=True)
    found = [it for it in listed if it.output and it.output["echo"].get("key") == key]
    return found if len(found) >= at_least else []
