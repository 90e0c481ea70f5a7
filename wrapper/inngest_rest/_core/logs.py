"""The logger of the package: a message is one line, whatever text from outside is in it."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from inngest_rest._visible import visible

logger = logging.getLogger("inngest_rest")


_IDS = {"{run_id}": "run_id", "{event_id}": "event_id"}


def request_fields(method: str, template: str, url: str = "") -> dict[str, str]:
    """Return what structured logging has of a request: its route, and the ids in its path."""
    fields = {"method": method, "route": template}
    if not url:
        return fields
    # From the end: a base URL may have a path, and v2 may be below another root.
    parts = zip(
        reversed(template.split("/")),
        reversed(urlsplit(url).path.split("/")),
        strict=False,
    )
    fields.update((_IDS[name], visible(value)) for name, value in parts if name in _IDS)
    return fields


def _on_one_line(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    if (line := visible(message)) != message:
        record.msg, record.args = line, ()
    return True


logger.addFilter(_on_one_line)
