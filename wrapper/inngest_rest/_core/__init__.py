"""The core that both clients share; private, and the only place that uses generated operations.

Imports go one way, and import-linter holds them to it (pyproject.toml):

    buffer, file_import      queues of events to send; sending the events of a file
    outcomes                 what became of an event: its runs, awaited or explained
    actions                  acts on many runs, and sends many events: collects, acts, reports
    sending, resources       turn events into requests; one module per resource of the API
    calls                    one call of the API: settings, keys, request, response, retries
    drivers                  run plans, blocking or awaiting: the only room that sends or sleeps
    plans, clock, arguments  the definition of a plan; time and chance; validation of arguments
    tracing                  OpenTelemetry spans
"""
