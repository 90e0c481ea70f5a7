"""The v1 family: its guard, and one module per resource."""

from inngest_rest_mock._api.v1 import (
    apps,
    cancellations,
    events,
    metrics,
    run_metadata,
    runs,
    signals,
)

HANDLERS = {
    **events.HANDLERS,
    **runs.HANDLERS,
    **run_metadata.HANDLERS,
    **apps.HANDLERS,
    **signals.HANDLERS,
    **cancellations.HANDLERS,
    **metrics.HANDLERS,
}
