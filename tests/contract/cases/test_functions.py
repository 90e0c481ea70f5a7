"""Apps and functions: list, get, invoke."""

from __future__ import annotations

from typing import TYPE_CHECKING
from uuid import uuid4

import pytest

from inngest_rest import NotFoundError
from tests.contract.world import FUNCTIONS

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from tests.contract.world import World


def test_app_is_listed_and_found(world: World, client: InngestClient) -> None:
    assert world.app in {app.id for app in client.apps.list()}
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
    assert list(client.functions.list("no-such-app")) == []


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
    of_v1 = world.connect(api_version="v1")
    run = of_v1.runs.get(world.start_and_wait(client, "echoes").id)
    ids = {each.internal_id: each.id for each in of_v1.functions.list(world.app)}
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


def test_idempotency_key_starts_one_run(world: World, client: InngestClient) -> None:
    key = str(uuid4())
    first, second = (
        client.functions.invoke(world.app, "echoes", {"n": n}, idempotency_key=key)
        for n in range(2)
    )
    other = client.functions.invoke(world.app, "echoes", idempotency_key=str(uuid4()))
    assert first == second != other
    assert client.runs.wait(first, timeout=60).output["echo"]["n"] == 0
