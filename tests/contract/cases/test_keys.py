"""Keys and health: authentication, and servers that require no keys."""

from __future__ import annotations

from contextlib import suppress
from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import AuthenticationError, NotFoundError
from tests.contract.world import UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest import InngestClient
    from tests.contract.world import World

WRONG = "signkey-prod-" + "0123456789abcdef" * 4

MANAGING: dict[str, Callable[[InngestClient], object]] = {
    "v1 GET": lambda client: client.events.list(limit=1).page(),
    "v1 DELETE": lambda client: client.runs.cancel(UNKNOWN),
    "v1 POST": lambda client: client.signals.send("contract-nobody-waits"),
    "v2, else v1": lambda client: client.runs.list(limit=1).page(),
    "v2 GET": lambda client: client.apps.get("no-such-app"),
    "v2 POST": lambda client: client.functions.invoke("no-such-app", "no-such-function"),
}


@pytest.mark.parametrize("ask", MANAGING)
def test_wrong_signing_key_is_rejected_where_keys_are_required(world: World, ask: str) -> None:
    client = world.connect(signing_key=WRONG)
    # Authenticated, some of these request resources that do not exist.
    outcome = AuthenticationError if world.has_keys else NotFoundError
    with pytest.raises(outcome) if world.has_keys else suppress(outcome):
        MANAGING[ask](client)


def test_wrong_event_key_is_rejected_where_keys_are_required(world: World) -> None:
    client = world.connect(event_key="wrong")
    event = {"name": f"{world.app}/nothing"}
    if world.has_keys:
        with pytest.raises(AuthenticationError):
            client.send(event)
    else:
        assert len(client.send(event)) == 1, "a dev server takes any key"


def finds_its_functions(world: World, client: InngestClient) -> bool:
    return {each.app_id for each in client.functions.list(world.app)} == {world.app}


def test_fallback_key_is_tried_if_the_first_is_rejected(world: World) -> None:
    client = world.connect(signing_key=WRONG, signing_key_fallback=world.signing_key or WRONG)
    assert finds_its_functions(world, client)


def test_signing_key_is_accepted_as_issued_hashed_and_without_its_prefix(world: World) -> None:
    if world.signing_key is None:
        keys: list[Any] = [None]
    else:
        keys = [world.signing_key, world.signing_key.rpartition("-")[2]]
    for key in keys:
        assert finds_its_functions(world, world.connect(signing_key=key))
        with world.raw() as http:
            headers = {} if key is None else {"Authorization": f"Bearer {key}"}
            assert http.get("/v1/events?limit=1", headers=headers).status_code == 200


def test_health_needs_no_key(world: World) -> None:
    world.connect(event_key="wrong", signing_key=WRONG).health()


def test_health_of_v2_answers_under_each_of_its_names(world: World) -> None:
    world.needs("getHealthV2")
    with world.raw() as http:
        answers = [http.get(f"{root}/health").json()["data"] for root in ("/v2", "/api/v2")]
    assert answers == [{"status": "ok"}] * len(answers)
