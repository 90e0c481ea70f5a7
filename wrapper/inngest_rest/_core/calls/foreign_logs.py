"""Keys in what others log of our requests: httpcore logs whole headers of responses at DEBUG."""

from __future__ import annotations

import logging
import traceback
from typing import TYPE_CHECKING
from weakref import WeakSet

if TYPE_CHECKING:
    from inngest_rest._core.calls.mask import Mask

# Those that log; a filter of a logger does not apply to the loggers below it.
_LOGGERS = (
    "asyncio",
    "concurrent.futures",
    "httpcore.connection",
    "httpcore.http11",
    "httpcore.http2",
    "httpcore.proxy",
    "httpcore.socks",
    "httpx",
)

_masks: WeakSet[Mask] = WeakSet()


def keep_out(mask: Mask) -> None:
    """Apply a mask to what these loggers log, as long as it exists."""
    if not _masks:
        for name in _LOGGERS:
            logging.getLogger(name).addFilter(_filter)
    _masks.add(mask)


def _filter(record: logging.LogRecord) -> bool:
    """Mask keys in a record, which is passed on in any case."""
    for mask in _live():
        _replace(record, mask)
    return True


def _replace(record: logging.LogRecord, mask: Mask) -> None:
    try:
        message = record.getMessage()
    except Exception:  # noqa: BLE001 - the handlers report that
        return
    if (masked := mask(message)) != message:
        record.msg, record.args = masked, ()
    if record.exc_info and record.exc_info[1] is not None:
        text = "".join(traceback.format_exception(record.exc_info[1])).rstrip()
        if (masked := mask(text)) != text:
            record.exc_info, record.exc_text = None, masked


def _live() -> list[Mask]:
    while True:
        try:
            return list(_masks)
        except RuntimeError:  # another thread has made one meanwhile
            continue
