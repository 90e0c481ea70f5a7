"""Run plans, blocking or asynchronously: the only code of the package that sends or sleeps.

A request goes straight to the transport, not through `httpx.Client`: that would write the event
key, which is part of the path, to httpx's log, and costs a quarter more per request.

    blocking, asynchronous       the two drivers
    threads                      several plans at once, for the blocking driver
    bodies                       reading a response within bounds
    exchange                     what both drivers share: reading, error messages, logging
    tracebacks                   short tracebacks of what a plan raises
    watch                        cancelling on a transport of the caller's
    lanes                        the transports of a client, one connection each
    racing                       the first address of a host that accepts, for the asynchronous one
    sockets, bounded_sockets     the network backends of the asynchronous and the blocking client
"""
