"""Run plans, blocking or awaiting: all sending and all sleeping of the package happens in here.

A request goes straight to the transport, not through `httpx.Client`: that would write the event
key, which is part of the path, to httpx's log, and costs a quarter more per request.

    blocking, asynchronous    the two drivers
    threads                   several plans at once, for the blocking one
    exchange                  what both do alike with one request and its answer
    network                   the sockets under the asynchronous one
"""
