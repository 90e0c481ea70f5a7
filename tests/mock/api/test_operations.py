"""The mock serves every operation of the document."""

from __future__ import annotations

from inngest_rest_api.api import OPERATIONS
from inngest_rest_mock._api.operations import HANDLERS
from inngest_rest_mock._api.releases import OPERATION_NAMES, UNDOCUMENTED


def test_every_operation_of_the_document_has_a_handler() -> None:
    without = OPERATION_NAMES.keys() - HANDLERS.keys()
    assert without == set(), "each has a handler in the HANDLERS of a module of the mock's _api"
    assert HANDLERS.keys() <= OPERATION_NAMES.keys()
    assert len(HANDLERS) == len(OPERATIONS) + len(UNDOCUMENTED)
