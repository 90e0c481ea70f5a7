"""Event buffers, with a thread or an asyncio task: events wait in memory or in an SQLite outbox.

`inngest_rest` has the names `EventBuffer` and `AsyncEventBuffer`, each imported without the other.

blocking         the buffer of the blocking client, with a thread
asynchronous     the buffer of the asynchronous client, with a task
_shared          what both share: queue, schedule, running report
_schedule        when to send, and when to try again after a failure
_queue           events until they are accepted or rejected, in memory
_outbox          the same queue in a file, which several processes may share
_resends         accepted events that are kept for a while, and sent once more
_outbox_file     the file itself: an SQLite database
"""
