"""The handlers of all operations."""

from __future__ import annotations

from inngest_rest_mock._api import ingest, v1, v2

HANDLERS = {**ingest.HANDLERS, **v1.HANDLERS, **v2.HANDLERS}
