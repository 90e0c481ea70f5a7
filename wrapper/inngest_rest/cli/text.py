"""Text from a server, made safe for a terminal."""

from __future__ import annotations

from inngest_rest._visible import visible


def safe(text: str) -> str:
    """Return text in its lines, with each character that could hide or move something escaped."""
    return "\n".join(visible(line) for line in text.expandtabs(4).split("\n"))
