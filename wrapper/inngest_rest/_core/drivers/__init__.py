"""Run plans, blocking or asynchronously: the only code in the package that sends or sleeps.

Requests go straight to the transport, not through `httpx.Client`, which would log the event key
(it is part of the path) and costs a quarter more per request.

    blocking, asynchronous    the two drivers
    exchange                  shared by both: response, errors, logging
    causes                    causes of failed connections, and their remedies
    connection_pool           the transports of a client, one connection each
    carriers                  one such transport of httpx, with its deadline, abort and closing,
                              or the caller's, of httpx or httpx2
"""
