"""Run plans, blocking or asynchronously: the only code in the package that sends or sleeps.

Requests go straight to the transport, not through `httpx.Client`, which would log the event key
(it is part of the path) and costs a quarter more per request.

    blocking, asynchronous                  the two drivers
    exchange                                shared by both: response, errors, logging
    causes                                  what is behind a failed connection, and what to do
    connection_pool                         the transports of a client, one connection each
    blocking_transport, async_transport     one such transport: httpx's, with what it lacks
    sockets                                 DNS lookup, writing, shutting down
"""
