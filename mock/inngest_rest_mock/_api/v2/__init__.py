"""The v2 family: its guard, and one module per resource."""

from inngest_rest_mock._api.v2 import (
    account,
    apps,
    cloud,
    events,
    health,
    operations,
    runs,
    scores,
    sessions,
)

QUERIES = {
    **apps.QUERIES,
    **runs.QUERIES,
    **account.QUERIES,
    **cloud.QUERIES,
    **sessions.QUERIES,
}
BODIES = {**apps.BODIES, **runs.BODIES, **events.BODIES, **cloud.BODIES}
HANDLERS = {
    **health.HANDLERS,
    **apps.HANDLERS,
    **runs.HANDLERS,
    **events.HANDLERS,
    **scores.HANDLERS,
    **account.HANDLERS,
    **cloud.HANDLERS,
    **sessions.HANDLERS,
    **operations.HANDLERS,
}
