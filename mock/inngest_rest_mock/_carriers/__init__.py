"""Transports of the mock: in process through httpx, or over a socket.

Imports no other package.
"""
