"""Run plans, blocking or asynchronously: the only code in the package that sends or sleeps.

Requests go straight to the transport, not through `httpx.Client`, which would log the event key
(it is part of the path) and costs a quarter more per request.

    blocking, asynchronous                  the two drivers
    exchange                                shared by both: response, errors, logging
    network_errors                          errors of httpx, imported where one is raised
    causes                                  causes of failed connections, and their remedies
    connection_pool                         the transports of a client, one connection each
    blocking_transport, async_transport     one such transport, on a socket, in an event loop
    own_transport, connection               shared by both: the exchange on a connection
    http1                                   requests and responses as bytes, by h11 or faster
    http_proxy                              forwarding, and tunnels
    httpx_transport                         transports of httpx's, such as a given one
    sockets                                 DNS lookup, shutting down
"""
