"""One call of the API: from settings and keys to a request, and from its answer to a value.

settings     arguments and environment variables, checked and frozen
keys         event, signing and API keys: checked, hashed, rotated
session      what all calls of one client share
route        an operation with its arguments, and what becomes of its answer
requests     a route becomes an HTTP request
answers      an HTTP response becomes a value or an error
retry        when a call is tried again
operation    perform a route, with its keys and retries
families     which API family, v1 or v2, does a job
listing      listings, one page per call
"""
