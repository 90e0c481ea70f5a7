"""The server's API: routing, keys, and one package per family (v1, v2).

Imports `_state`, `_json`, `_times` and `_carriers.exchange`.
"""
