"""The logger of the package: a message is one line, whatever text from outside is in it."""

from __future__ import annotations

import logging

from inngest_rest._visible import visible

logger = logging.getLogger("inngest_rest")


def _on_one_line(record: logging.LogRecord) -> bool:
    message = record.getMessage()
    if (line := visible(message)) != message:
        record.msg, record.args = line, ()
    return True


logger.addFilter(_on_one_line)
