"""One call of the API: from settings and keys to a request, and from its response to a value.

settings      arguments and environment variables, keys among them: validated and frozen
session       state shared by all calls of one client
route         an operation with its arguments, and how to read its response
answers       turn an HTTP response into a value or an error, and keep the responses themselves
retry         what a failed request means: had it an effect, may it pass, is it hopeless
server_clock  the server's time, which may differ from ours
operation     perform a route, with its keys and retries
families      choose the API family, v1 or v2, that serves a call
listing       listings, one page per call
"""
