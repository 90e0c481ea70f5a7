"""The logger of the package: a message is one line, whatever text from outside is in it."""

from __future__ import annotations

import logging
from urllib.parse import urlsplit

from inngest_rest._values.visible import visible

logger = logging.getLogger("inngest_rest")


_IDS = {"{run_id}": "run_id", "{event_id}": "event_id"}


def request_fields(method: str, template: str, url: str = "") -> dict[str, str]:
    """Return the fields of a request for structured logging: its route, and the ids in its path."""
    fields = {"method": method, "route": template}
    if not url:
        return fields
    # From the end: a base URL may have a path, and v2 may be below another root.
    names = reversed(template.split("/"))
    values = reversed(urlsplit(url).path.split("/"))
    for name, value in zip(names, values, strict=False):
        if name in _IDS:
            fields[_IDS[name]] = visible(value)
    return fields


def _on_one_line(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    line = visible(message)
    if line != message:
        record.msg = line
        record.args = ()
    return True


logger.addFilter(_on_one_line)
