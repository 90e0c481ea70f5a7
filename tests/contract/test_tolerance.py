"""A server that adds a field, a status, a method or a null breaks nothing.

Every recorded answer of an operation is changed in every place where servers change: a key added
to each object, each value of an enum an unknown one, each optional key absent, and null. The
generated parser reads it all the same and keeps it, and the client makes the same of it as before.
The document stays exact; what forgives is in `openapi/templates`.
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
def test_generated_parser_reads_what_a_newer_server_answers(name: str) -> None:
    exchange = EXCHANGES[name]
    assert [fault for each in changed(exchange) for fault in parser_faults(exchange, each)] == []


@pytest.mark.parametrize("name", WRAPPED)
def test_client_makes_the_same_of_what_a_newer_server_answers(name: str) -> None:
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


def test_mutations_are_of_one_place_each() -> None:
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
    """Change the answer of an exchange in each place."""
    recording, operation = exchange
    media = media_type(operation.content(recording.status), recording.content_type)
    return mutations(DOCUMENT, media["schema"], body_of(recording))


def parser_faults(exchange: Exchange, mutation: Mutation) -> Iterator[str]:
    """Say what the generated parser makes of a changed answer that it should not."""
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
    """Say what the client makes of a changed answer that it did not make of the recorded one."""
    recording = replace(exchange.recording, received=mutation.body)
    outcome: Any
    try:
        outcome = replayer.replay(exchange._replace(recording=recording))
    except Exception as error:  # noqa: BLE001 - whatever it is, it is the finding
        outcome = error
    if not is_a(outcome, expected(exchange)):
        yield f"{mutation}: became {outcome!r}"
