"""Event buffers: one with a thread, one with an asyncio task."""
