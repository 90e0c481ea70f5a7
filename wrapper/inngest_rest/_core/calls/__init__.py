"""One call of the API: from settings and keys to a request, and from its response to a value.

settings      the settings of a client, validated and frozen
sources       where a setting comes from: an argument, an environment variable, a profile
hosts         the URLs and the proxies of a server's two hosts
keys          the keys, and which of them may be sent to which host
headers       headers of the caller's
profiles      the file of profiles: named servers, and the sources of their keys
session       state shared by all calls of one client
route         an operation with its arguments, and how to read its response
refusals      what the body of an error says, and when to come back
answers       turn an HTTP response into a value or an error
recording     the responses themselves, for `raw()` and for errors
retry         classify a failed request: no effect, transient, or hopeless
operation     perform a route, with keys and retries
alternatives  the first of several routes that a server has
listing       listings, one page per call
local_filter  filters of a listing that servers lack, evaluated on each item
"""
