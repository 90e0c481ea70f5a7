"""The handlers of all operations."""

from __future__ import annotations

from inngest_rest_mock._api import ingest, v1, v2
from inngest_rest_mock._api.document import described
from inngest_rest_mock._api.examples import example_handler

HANDLERS = {signature: example_handler(signature) for signature in described()} | {
    **ingest.HANDLERS,
    **v1.HANDLERS,
    **v2.HANDLERS,
}
