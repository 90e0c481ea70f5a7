"""The v2 family: its guard, and one module per resource."""

from inngest_rest.testing._api.v2 import apps, events, health, runs

QUERIES = {**apps.QUERIES, **runs.QUERIES}
BODIES = {**apps.BODIES, **runs.BODIES, **events.BODIES}
HANDLERS = {**health.HANDLERS, **apps.HANDLERS, **runs.HANDLERS, **events.HANDLERS}
