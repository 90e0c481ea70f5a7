"""The server's API: routing, keys, and one package per family (v1, v2).

Imports `_state`, `_go` and `_carriers.messages`.
"""
