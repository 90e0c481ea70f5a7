"""Settings as a client makes them of its arguments."""

from __future__ import annotations

from typing import Any

from inngest_rest._core.calls.settings import Settings, resolve

__all__ = ["Settings", "settings_of"]

KEYS = {"event_key", "signing_key", "signing_key_fallback", "api_key"}
TEXTS = KEYS | {"env", "base_url", "event_base_url", "api_base_url"}


def settings_of(**arguments: Any) -> Settings:
    """Return the settings by these arguments, in an environment that is empty unless given."""
    texts = {name: arguments.pop(name) for name in TEXTS & arguments.keys()}
    return resolve(texts, **{"environ": {}, **arguments})
