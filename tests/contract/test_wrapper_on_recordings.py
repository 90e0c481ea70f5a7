"""The client turns every recorded exchange into the value or error listed in outcomes.py.

A file added to `recordings/` is tested without any other edit. The client sends the recorded
request; if it rejects its arguments (an unknown status, an event without a name) or cannot express
them (broken JSON), it sends an ordinary request and gets the recorded response.
"""

from __future__ import annotations

import asyncio
import json
import re
from typing import TYPE_CHECKING, Any

import httpx
import pytest

from inngest_rest import errors
from tests.support.calls import BY_NAME

from .document import PATH, Document
from .methods import METHODS, NOT_WRAPPED, arguments_of, request_of, stand_in
from .outcomes import REFUSED, RESULTS, expected, is_a
from .parsing import Exchange, body_of, by_operation, documented, paired, respond
from .replayer import Replayer

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = Document.load()
PAIRED = {
    name: exchange
    for name, exchange in paired(DOCUMENT).items()
    if exchange.operation.id in METHODS
}
EXCHANGES = {name: PAIRED[name] for name in documented(DOCUMENT).keys() & PAIRED.keys()}
BY_OPERATION = by_operation(EXCHANGES)
ABSENT = by_operation({name: PAIRED[name] for name in PAIRED.keys() - EXCHANGES.keys()})


@pytest.fixture
def replayer() -> Iterator[Replayer]:
    # Both clients read responses by the same plans: one is enough.
    with asyncio.Runner() as runner:
        yield Replayer(DOCUMENT, "blocking", runner)


@pytest.mark.parametrize("id_", BY_OPERATION)
def test_exchange_has_its_expected_outcome(
    id_: str, replayer: Replayer, subtests: pytest.Subtests
) -> None:
    for name, exchange in BY_OPERATION[id_].items():
        with subtests.test(name):
            assert_has_its_expected_outcome(exchange, replayer)


def assert_has_its_expected_outcome(exchange: Exchange, replayer: Replayer) -> None:
    outcome = replayer.replay(exchange)
    wanted = expected(exchange)
    assert is_a(outcome, wanted), repr(outcome)
    if isinstance(outcome, errors.ApiError):
        is_told = wanted is errors.NotFoundError and exchange.status == 500
        assert outcome.status == (404 if is_told else exchange.status)
    elif not isinstance(outcome, Exception):
        assert_all_is_there(outcome, exchange)


@pytest.mark.parametrize("id_", ABSENT)
def test_a_route_that_the_release_lacks_is_told_as_such(
    id_: str, replayer: Replayer, subtests: pytest.Subtests
) -> None:
    for name, exchange in ABSENT[id_].items():
        with subtests.test(name):
            assert_is_told_as_absent(exchange, replayer)


def assert_is_told_as_absent(exchange: Exchange, replayer: Replayer) -> None:
    outcome = replayer.replay(exchange)
    assert type(outcome) is errors.RouteNotFoundError
    assert str(exchange.operation.since) in str(outcome)


def test_client_rejects_before_anything_is_sent(
    replayer: Replayer, subtests: pytest.Subtests
) -> None:
    for name, error in REFUSED.items():
        with subtests.test(name):
            recording, operation = EXCHANGES[name]
            request = request_of(operation, recording)
            assert request is not None
            said = METHODS[operation.id].arguments(request)
            outcome = replayer.ask(operation, said, respond(recording, body_of(recording)))
            assert type(outcome) is error
            assert replayer.asked == []
            assert recording.is_refusal


def test_method_calls_its_operation(replayer: Replayer, subtests: pytest.Subtests) -> None:
    for operation in DOCUMENT.operations:
        if operation.id in METHODS:
            with subtests.test(operation.id):
                outcome = replayer.ask(operation, stand_in(operation, 1), httpx.Response(401))
                assert type(outcome) is errors.AuthenticationError
                assert len(replayer.asked) == 1


def test_every_operation_has_a_method_or_a_reason_to_have_none() -> None:
    assert METHODS.keys() & NOT_WRAPPED.keys() == set()
    assert METHODS.keys() | NOT_WRAPPED.keys() == {each.id for each in DOCUMENT.operations}
    assert METHODS.keys() == RESULTS.keys()


def test_a_body_of_the_document_has_each_argument_that_its_method_needs(
    subtests: pytest.Subtests,
) -> None:
    for operation in DOCUMENT.operations:
        if operation.id in METHODS and operation.tag != "ingest" and operation.body:
            with subtests.test(operation.id):
                arguments = BY_NAME[METHODS[operation.id].name].arguments
                others = arguments[len(operation.names("path")) :]
                needed = {each.name for each in others if each.default is each.empty}
                assert needed <= set(arguments_of(operation.schema_of_body() or {}))


def test_what_the_document_calls_an_argument_is_one_of_the_calls() -> None:
    arguments = {each.name for row in BY_NAME.values() for each in row.arguments}
    named = re.findall(r"x-argument: (?:\w+ of )?(\w+)", PATH.read_text(encoding="utf-8"))
    assert len(named) > 20
    assert set(named) <= arguments


def assert_all_is_there(outcome: Any, exchange: Exchange) -> None:
    """Check that a result has as many items as the response, with the same ids, each run once."""
    body = body_of(exchange.recording)
    if isinstance(outcome, list):
        listed = body.get("ids") or body.get("data", ()) if isinstance(body, dict) else body
        rows = [each for each in listed if each != ""]
        runs = {each["run_id"] for each in rows if isinstance(each, dict) and "run_id" in each}
        assert len(outcome) == (len(runs) or len(rows))
    text = json.dumps(body)
    for each in outcome if isinstance(outcome, list) else [outcome]:
        assert each is None or identity(each) in text


def identity(value: Any) -> str:
    """Return the server's id of a value."""
    if isinstance(value, str):
        return value
    # A key of a self-hosted server has no id, nor a sync that its app did.
    names = ("internal_id", "id", "run_id", "environment")
    return next((found for name in names if (found := getattr(value, name, ""))), "")
