"""The core that both clients share; private. Of the wrapper, only it uses generated operations.

Imports go one way, from top to bottom, and import-linter checks that (pyproject.toml):

    resources               the plans of each resource of the API
    sending                 events become requests
    calls                   one call of the API: settings, keys, request, response, retries
    drivers                 run plans, blocking or async: the only package that sends or sleeps
    clock                   time and randomness
    secret, tracing         hidden keys; OpenTelemetry spans
    plans                   what a plan is, and what its session's driver does for it
    request                 requests of httpx that hide their URLs, and URLs
"""
