"""A server that adds a field, a status, a method or a null breaks no client.

Every recorded response of an operation is changed in every place where servers change: a key added
to each object, each enum value replaced by an unknown one, each optional key removed, and set to
null. The generated parser still reads and keeps it, and the client returns the same as before. The
document stays exact; the tolerance is in `openapi/templates`.
"""

from __future__ import annotations

import asyncio
import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from .document import Document
from .judging import media_type
from .methods import METHODS
from .mutations import NEW_KEY, NEW_VALUE, Mutation, mutations
from .outcomes import expected, is_a
from .parsing import Exchange, body_of, documented, losses, parse, written
from .replayer import Replayer

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = Document.load()
EXCHANGES = {
    name: exchange
    for name, exchange in documented(DOCUMENT).items()
    if not isinstance(body_of(exchange.recording), str)
}
WRAPPED = [name for name, each in EXCHANGES.items() if each.operation.id in METHODS]


@pytest.mark.parametrize("name", EXCHANGES)
def test_generated_parser_reads_responses_of_a_newer_server(name: str) -> None:
    exchange = EXCHANGES[name]
    assert [fault for each in changed(exchange) for fault in parser_faults(exchange, each)] == []


@pytest.mark.parametrize("name", WRAPPED)
def test_client_returns_the_same_for_responses_of_a_newer_server(name: str) -> None:
    exchange = EXCHANGES[name]
    with asyncio.Runner() as runner:
        replayer = Replayer(DOCUMENT, "blocking", runner)
        assert [
            f for each in changed(exchange) for f in client_faults(replayer, exchange, each)
        ] == []


def test_every_kind_of_change_is_tried() -> None:
    tried = [str(each) for exchange in EXCHANGES.values() for each in changed(exchange)]
    kinds = ("added key", "unknown value", "absent", "null")
    assert all(sum(each.endswith(kind) for each in tried) >= 50 for kind in kinds)


def test_each_mutation_changes_one_place() -> None:
    exchange = EXCHANGES["v2-app"]
    body = body_of(exchange.recording)
    before = copy.deepcopy(body)
    whats = {str(each): each.body for each in changed(exchange)}
    assert body == before
    assert whats["$.data: added key"]["data"].keys() - body["data"].keys() == {NEW_KEY}
    assert whats["$.data.method: unknown value"]["data"] == {**body["data"], "method": NEW_VALUE}
    assert whats["$.data.createdAt: null"]["data"] == {**body["data"], "createdAt": None}
    without = {key: each for key, each in body["data"].items() if key != "createdAt"}
    assert whats["$.data.createdAt: absent"]["data"] == without


def changed(exchange: Exchange) -> Iterator[Mutation]:
    """Change the response of an exchange in each place."""
    recording, operation = exchange
    media = media_type(operation.content(recording.status), recording.content_type)
    return mutations(DOCUMENT, media["schema"], body_of(recording))


def parser_faults(exchange: Exchange, mutation: Mutation) -> Iterator[str]:
    """Return the faults of the generated parser on a changed response."""
    recording, operation = exchange
    try:
        parsed = parse(operation, recording, mutation.body)
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        yield f"{mutation}: {error!r}"
        return
    if type(parsed) is not type(parse(operation, recording, body_of(recording))):
        yield f"{mutation}: became a {type(parsed).__name__}"
    # A null that reads as absent is written as absent.
    lost = losses(mutation.body, written(parsed))
    if len(lost) > mutation.is_null:
        yield f"{mutation}: {lost}"


def client_faults(replayer: Replayer, exchange: Exchange, mutation: Mutation) -> Iterator[str]:
    """Return how the client's outcome for a changed response differs from the recorded one's."""
    recording = replace(exchange.recording, received=mutation.body)
    outcome: Any
    try:
        outcome = replayer.replay(exchange._replace(recording=recording))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        outcome = error
    if not is_a(outcome, expected(exchange)):
        yield f"{mutation}: became {outcome!r}"
