"""Event queues, in memory or in an SQLite outbox, and the rules for sending from them.

buffer         what both event buffers share: queue, schedule, running report
schedule       when to send, and when to try again after a failure
queue          events until they are accepted or rejected, in memory
outbox         the same queue in a file, which several processes may share
resends        accepted events that are kept for a while, and sent once more
outbox_file    the file itself: an SQLite database
"""
