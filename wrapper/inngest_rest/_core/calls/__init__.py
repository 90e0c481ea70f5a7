"""One call of the API: from settings and keys to a request, and from its answer to a value.

settings     arguments and environment variables, checked and frozen
keys         event, signing and API keys: checked, hashed, rotated
session      what all calls of one client share
requests     a generated operation's arguments become an HTTP request
answers      an HTTP response becomes a value or an error
retry        when a call is tried again
operation    one call, with its keys and retries: every plan is made of these
families     which API family, v1 or v2, does a job
listing      listings, one page per call
"""
