"""How much is sent at once; apart, so that a client that sends nothing does not import the rest."""

from __future__ import annotations

MAX_EVENTS = 5_000
"""Maximum number of events per request that the platform accepts (operation sendEvents)."""

MAX_EVENT_BYTES = 3 * 1024 * 1024
"""Largest JSON text of one event that the server accepts (operation sendEvents)."""

DEFAULT_EVENTS = 512
"""Default number of events per request."""

DEFAULT_BYTES = 4 * 1024 * 1024
"""Default number of bytes per request; any event fits."""

DEFAULT_IN_FLIGHT = 8
"""Default number of requests in flight; see scripts/internal/benchmark/README.md."""
