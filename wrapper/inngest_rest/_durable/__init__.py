"""Sending that outlasts a process: events in memory or in a file, files of events, checkpoints.

The methods of the clients import a module of it when they are called; the core imports none.

buffer         events that wait in memory or on disk, for the classes of `inngest_rest.buffers`
file_import    sending a file of events
"""
