"""The core that both clients share; private, and the only place that uses generated operations.

Imports go one way, and import-linter holds them to it (pyproject.toml):

    buffer, file_import      events that wait; a file of events
    sending, resources       events become requests; one module per resource of the API
    calls                    one call of the API: settings, keys, request, answer, retries
    drivers                  run plans, blocking or awaiting: the only room that sends or sleeps
    plans, arguments         what a plan is; checks of what callers pass
"""
