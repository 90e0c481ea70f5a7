"""The generated parsers read every recorded response without losing anything.

A file added to `recordings/` is tested without any other edit.
"""

from __future__ import annotations

import pytest

from inngest_rest_api.api import OPERATIONS

from .document import Document
from .parsing import Exchange, body_of, by_operation, documented, losses, module_of, parse, written

DOCUMENT = Document.load()
EXCHANGES = by_operation(documented(DOCUMENT))


@pytest.mark.parametrize("id_", EXCHANGES)
def test_a_response_becomes_the_right_model_and_comes_back_whole(
    id_: str, subtests: pytest.Subtests
) -> None:
    for name, exchange in EXCHANGES[id_].items():
        with subtests.test(name):
            assert_comes_back_whole(exchange)


def assert_comes_back_whole(exchange: Exchange) -> None:
    recording, operation = exchange
    body = body_of(recording)
    parsed = parse(operation, recording, body)
    if body == "":
        assert parsed is None
    elif isinstance(body, str):
        assert parsed == body
    else:
        kinds = operation.content(recording.status) or ()
        assert is_model(parsed) or any(each.startswith("text/plain;") for each in kinds)
        assert losses(body, written(parsed)) == []
    # v1 sends errors and successes with 200: the parser must not take one for the other.
    kind = type(parsed).__name__
    is_metrics = operation.id == "getMetrics" and recording.status == 200
    is_error = kind in {"V1Error", "V2Errors", "SendError", "SendUnauthorized", "str"}
    is_error = is_error and not is_metrics
    repeats = (operation.id, recording.status) == ("invokeFunctionV2", 409)
    if parsed is not None:
        assert is_error is (recording.is_refusal and not repeats)


def test_every_operation_has_a_module() -> None:
    modules = {module_of(operation).__name__ for operation in DOCUMENT.operations}
    assert len(modules) == len(DOCUMENT.operations) == len(OPERATIONS)


@pytest.mark.parametrize(
    ("sent", "kept", "is_lost"),
    [
        ("2026-11-24T13:42:09.921142877Z", "2026-11-24T13:42:09.921142+00:00", False),
        ("2026-11-24T13:42:09Z", "2026-11-24T13:42:09+00:00", False),
        ("2026-11-24T13:42:09.921142877Z", "2026-11-24T13:42:09.921143+00:00", True),
        ("2026-11-24T13:42:09Z", "2026-11-24T13:42:09", True),
        ({"a": 1}, {}, True),
        ({}, {"a": None}, True),
        ({"a": 1}, {"a": True}, True),
        ([1], [1, 2], True),
        ({"a": [{"b": 1}]}, {"a": [{"b": 1}]}, False),
    ],
)
def test_losses_are_detected(sent: object, kept: object, *, is_lost: bool) -> None:
    assert bool(losses(sent, kept)) is is_lost


def is_model(parsed: object) -> bool:
    """Return whether a parser returned models for a response."""
    if isinstance(parsed, list):
        return all(is_model(each) for each in parsed)
    return type(parsed).__module__.startswith("inngest_rest_api.models.")
