"""Acts on many, for the suite that puts calls before faults."""

from __future__ import annotations

from typing import Any

FAULT_ARGUMENTS: dict[str, dict[str, Any]] = {
    "runs.cancel_all": {"in_flight": 1},
    "runs.replay_all": {"in_flight": 1},
    "events.resend": {"in_flight": 1},
    "functions.invoke_many": {"inputs": [{}], "in_flight": 1},
}
FAULT_KINDS = {
    "runs.cancel_all": "bulk without result",
    "runs.replay_all": "bulk after a look",
    "events.resend": "bulk after a look",
    "functions.invoke_many": "bulk",
}
