"""Run plans, blocking or asynchronously: the only code of the package that sends or sleeps.

A request goes straight to the transport, not through `httpx.Client`: that would write the event
key, which is part of the path, to httpx's log, and costs a quarter more per request.

    blocking, asynchronous                  the two drivers
    threads                                 several plans at once, for the blocking driver
    exchange                                shared by both: response, errors, log
    connection_pool                         the transports of a client, one connection each
    blocking_transport, async_transport     one of those: httpx's, with what it lacks
    httpx_internals                         what of httpx and httpcore is used, though private
    addresses                               looking up a host and connecting to it
    cancellation                            cancelling on a caller's transport
"""
