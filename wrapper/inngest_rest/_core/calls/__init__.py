"""One call of the API: from settings and keys to a request, and from its response to a value.

settings     arguments and environment variables, validated and frozen
keys         event, signing and API keys: checked, hashed, rotated
options      what a copy of a client may change
session      state shared by all calls of one client
route        an operation with its arguments, and how to read its response
requests     build an HTTP request from a route
answers      turn an HTTP response into a value or an error
raw          keep the responses themselves
reading      read a generated model tolerantly
retry        when to retry a call
operation    perform a route, with its keys and retries
families     choose the API family, v1 or v2, that serves a call
listing      listings, one page per call
"""
