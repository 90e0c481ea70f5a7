"""Every response that was not recorded is read to the right result or error."""

from __future__ import annotations

import asyncio
from types import GenericAlias
from typing import TYPE_CHECKING, Any

import pytest

from .conformance import answer_faults
from .document import Document
from .methods import METHODS, stand_in
from .outcomes import OTHERWISE, expected, is_a
from .parsing import Exchange, body_of, respond
from .recordings import Recording
from .replayer import Replayer
from .sources import Sources
from .unrecorded import BEYOND, DOCUMENTED, v2_error

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .document import DocumentedOperation

DOCUMENT = Document.load()


@pytest.fixture
def replayer() -> Iterator[Replayer]:
    # Both clients read responses by the same plans: one is enough.
    with asyncio.Runner() as runner:
        yield Replayer(DOCUMENT, "blocking", runner)


def test_each_unrecorded_response_is_in_the_document(subtests: pytest.Subtests) -> None:
    for name, unrecorded in DOCUMENTED.items():
        with subtests.test(name):
            recording, operation = unrecorded.exchange(DOCUMENT, name)
            assert list(answer_faults(operation, recording, DOCUMENT.strict_faults)) == []


def test_each_unrecorded_response_is_read_to_the_right_result(
    replayer: Replayer, subtests: pytest.Subtests
) -> None:
    for name, unrecorded in {**DOCUMENTED, **BEYOND}.items():
        with subtests.test(name):
            recording, operation = unrecorded.exchange(DOCUMENT, name)
            answer = respond(recording, body_of(recording))
            outcome = replayer.ask(operation, stand_in(operation, 1), answer)
            if isinstance(unrecorded.expected, type | GenericAlias):
                assert is_a(outcome, unrecorded.expected), outcome
            else:
                assert not isinstance(outcome, Exception), outcome
                assert unrecorded.view(outcome) == unrecorded.expected


def test_each_failure_that_the_event_api_documents_is_listed() -> None:
    (send,) = (it for it in DOCUMENT.operations if it.id == "sendEvents")
    documented = {
        int(status) for status, it in send.responses.items() if Sources.of(it).is_of_words
    }
    tried = {each.status for each in DOCUMENTED.values() if each.operation == send.id}
    assert documented - tried == {400}  # which is recorded in many forms


def test_each_error_of_the_document_is_raised_as_that_of_its_status(
    replayer: Replayer, subtests: pytest.Subtests
) -> None:
    # Recorded, documented or read alike: none of them may be taken for a result, or for another.
    tried = 0
    for exchange in plain_errors():
        with subtests.test(exchange.recording.name):
            recording, operation = exchange
            answer = respond(recording, body_of(recording))
            assert type(replayer.ask(operation, stand_in(operation), answer)) is expected(exchange)
            tried += 1
    assert tried > 200


def plain_errors() -> Iterator[Exchange]:
    """Yield each error of an operation that has a method, where its text does not matter."""
    for operation in DOCUMENT.operations:
        for status in map(int, operation.responses):
            is_plain = status >= 400 and (operation.id, status) not in OTHERWISE
            if is_plain and operation.id in METHODS and operation.tag != "ingest":
                for kind, body in bodies(operation, status):
                    yield Exchange(
                        Recording(
                            f"{operation.id} {status} {kind}",
                            operation.method.upper(),
                            operation.path,
                            {},
                            None,
                            status,
                            kind,
                            body,
                        ),
                        operation,
                    )


def bodies(operation: DocumentedOperation, status: int) -> Iterator[tuple[str, Any]]:
    content = operation.content(status) or {}
    if not content:
        yield "", None
    for kind, media in content.items():
        schema = media["schema"]
        if schema.get("$ref", "").endswith("/V1Error"):
            yield kind, {"error": "No.", "data": None, "status": status}
        elif schema.get("$ref", "").endswith("/V2Errors"):
            yield kind, v2_error("not_found" if status == 404 else "no")
        elif schema.get("type") == "string":
            yield kind, "No.\n"
