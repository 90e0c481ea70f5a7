"""Every form of a response that Inngest Cloud's vendor documents is read to the right result."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from .conformance import answer_faults
from .document import Document
from .forms import BEYOND, FORMS, READ
from .methods import METHODS, stand_in
from .parsing import body_of, respond
from .replayer import Replayer
from .sources import Sources

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = Document.load()


@pytest.fixture
def replayer() -> Iterator[Replayer]:
    # Both clients read responses by the same plans: one is enough.
    with asyncio.Runner() as runner:
        yield Replayer(DOCUMENT, "blocking", runner)


def test_each_form_is_in_the_document(subtests: pytest.Subtests) -> None:
    for name, form in {**FORMS, **READ}.items():
        with subtests.test(name):
            recording, operation = form.exchange(DOCUMENT, name)
            assert list(answer_faults(operation, recording, DOCUMENT.strict_faults)) == []


def test_each_form_is_read_to_the_right_result(
    replayer: Replayer, subtests: pytest.Subtests
) -> None:
    for name, form in {**FORMS, **READ, **BEYOND}.items():
        with subtests.test(name):
            recording, operation = form.exchange(DOCUMENT, name)
            answer = respond(recording, body_of(recording))
            outcome = replayer.ask(operation, stand_in(operation, 1), answer)
            if isinstance(form.expected, type):
                assert isinstance(outcome, form.expected)
            else:
                assert not isinstance(outcome, Exception), outcome
                assert form.view(outcome) == form.expected


def test_every_documented_response_of_a_method_has_a_form() -> None:
    documented = {
        (operation.id, int(status))
        for operation in DOCUMENT.operations
        if operation.id in METHODS
        for status, response in operation.responses.items()
        # Shared errors are documented by some of the operations that have them.
        if Sources.of(response).documented and (int(status) < 300 or operation.tag == "ingest")
    }
    formed = {(form.operation, form.status) for form in FORMS.values()}
    assert documented - formed <= {("sendEvents", 400), ("getHealth", 200)}


def test_what_was_read_is_in_the_document_as_read_alone() -> None:
    operations = {operation.id: operation for operation in DOCUMENT.operations}
    for form in READ.values():
        sources = Sources.of(operations[form.operation].responses[str(form.status)])
        assert sources.read, form.operation
        assert not sources.recorded
        assert not sources.documented
