"""The handlers of all operations: functions of their names, or the document's examples."""

from __future__ import annotations

from typing import TYPE_CHECKING

from inngest_rest_mock._api import ingest
from inngest_rest_mock._api.examples import example_handler
from inngest_rest_mock._api.releases import OPERATIONS
from inngest_rest_mock._api.v1 import apps as v1_apps
from inngest_rest_mock._api.v1 import cancellations, metrics
from inngest_rest_mock._api.v1 import events as v1_events
from inngest_rest_mock._api.v1 import runs as v1_runs
from inngest_rest_mock._api.v2 import apps, operations, runs, sessions

if TYPE_CHECKING:
    from inngest_rest_mock._api.call import Handler

_MODULES = (
    *(ingest, v1_apps, v1_events, v1_runs, cancellations, metrics),
    *(apps, operations, runs, sessions),
)
_WRITTEN = {name: each for module in _MODULES for name, each in vars(module).items()}

HANDLERS: dict[str, Handler] = {
    name: _WRITTEN.get(name) or example_handler(name) for name in OPERATIONS
}
"""The handler of each operation by its name."""
