"""The v2 family: its guard, and one module per resource."""

from inngest_rest_mock._api.v2 import (
    apps,
    events,
    health,
    operations,
    runs,
    sessions,
)

HANDLERS = {
    **health.HANDLERS,
    **apps.HANDLERS,
    **runs.HANDLERS,
    **events.HANDLERS,
    **sessions.HANDLERS,
    **operations.HANDLERS,
}
