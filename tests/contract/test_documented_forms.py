"""Every form of a response that Inngest Cloud's vendor documents is read to the right result."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from .conformance import answer_faults
from .document import Document
from .forms import BEYOND, FORMS
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
    for name, form in FORMS.items():
        with subtests.test(name):
            recording, operation = form.exchange(DOCUMENT, name)
            assert list(answer_faults(operation, recording, DOCUMENT.strict_faults)) == []


def test_each_form_is_read_to_the_right_result(
    replayer: Replayer, subtests: pytest.Subtests
) -> None:
    for name, form in {**FORMS, **BEYOND}.items():
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
