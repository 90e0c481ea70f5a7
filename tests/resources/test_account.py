"""Keys are masked, environments are taken back, and scores are checked before they are sent."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from inngest_rest import InvalidArgumentError
from inngest_rest.testing import MockServer

if TYPE_CHECKING:
    from tests.conftest import Connect

KEY = "event-key-0123456789"


@pytest.mark.parametrize(("reveal", "shown"), [(False, "…6789"), (True, KEY)])
def test_a_key_is_masked_unless_it_is_revealed(reveal: bool, shown: str, connect: Connect) -> None:
    mock = MockServer(event_keys=[KEY], signing_key="ab" * 16)
    settings: dict[str, Any] = {"dev": False, "base_url": "https://server.test"}
    client = connect(transport=mock.transport, signing_key="ab" * 16, **settings)
    (key,) = client.keys.list("event", reveal=reveal)
    assert key.key == shown
    assert KEY not in repr(key)


def test_an_environment_is_created_once_and_taken_back_from_the_archive(connect: Connect) -> None:
    client = connect(transport=MockServer(cloud=True).transport)
    made = client.envs.ensure("preview")
    assert client.envs.ensure("preview") == made
    assert client.envs.archive(made.id).is_archived
    again = client.envs.ensure("preview")
    assert (again.id, again.is_archived) == (made.id, False)


@pytest.mark.parametrize(
    "scores", [{}, {f"score-{n}": n for n in range(101)}, {"a": "1"}, {"it's": 1}, {"a" * 129: 1}]
)
def test_scores_that_servers_refuse_are_not_sent(scores: Any, connect: Connect) -> None:
    mock = MockServer()
    client = connect(transport=mock.transport)
    with pytest.raises(InvalidArgumentError, match="scores must"):
        client.runs.score("01K9V2D6N9P1R7Z4W8X3Y5A0BC", scores)
    assert not mock.requests
