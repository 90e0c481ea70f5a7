"""Event buffers, with a thread or an asyncio task: events wait in memory or in an SQLite outbox.

`EventBuffer` and `AsyncEventBuffer` are names of `inngest_rest`; each is imported alone.

blocking         the buffer of the blocking client, with a thread
asynchronous    the buffer of the asynchronous client, with a task
_shared          what both share: queue, schedule, running report
_delivery        one attempt to send a batch, in halves if an event may make it fail
_schedule        when to send, and when to try again after a failure
_queue           events until they are accepted or rejected, in memory
_outbox          the same queue in a file, which several processes may share
_outbox_file     the file itself: an SQLite database
"""

from typing import Literal

from inngest_rest.errors import InngestError

__all__ = ["BufferFullError", "OutboxError", "WhenFull"]

WhenFull = Literal["block", "raise", "drop"]
"""Policy of a full buffer for an event: wait for room, raise `BufferFullError`, or drop it."""


class BufferFullError(InngestError):
    """A buffer had no room for an event and did not accept it."""


class OutboxError(InngestError):
    """The file of a buffer, `path`, cannot be used; the operation had no effect."""

    def __init__(self, message: str, *, path: str) -> None:
        super().__init__(message)
        self.path = path
