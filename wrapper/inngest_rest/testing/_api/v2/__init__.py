"""The v2 family: its guard, and one module per resource."""

from inngest_rest.testing._api.v2 import apps, events, health, runs

HANDLERS = {**health.HANDLERS, **apps.HANDLERS, **runs.HANDLERS, **events.HANDLERS}
