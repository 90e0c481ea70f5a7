"""Sending that outlasts a process: events in memory or in a file, files of events, checkpoints.

buffer          events waiting in memory or on disk, for the two classes of `inngest_rest.buffers`
file_import     sending a file of events
"""
