"""The core that both clients share; private. Of the wrapper, only it uses generated operations.

Imports go one way, from top to bottom, and import-linter checks that (pyproject.toml):

    buffer, file_import     events waiting in memory or on disk; sending a file of events
    explain, diagnosis      waiting for and explaining an event's runs; checking server and settings
    bulk                    bulk operations on many events or runs: collect, act, report, resume
    sending, resources      events become requests; one module per resource of the API
    calls                   one call of the API: settings, keys, request, response, retries
    drivers                 run plans, blocking or async: the only package that sends or sleeps
    arguments               validation of arguments and of event names
    plans, clock            the definition of a plan; time and randomness
    secret, tracing         hidden keys; OpenTelemetry spans
    json_text, locks        the JSON encoder and decoder; locks of threads and of files
"""
