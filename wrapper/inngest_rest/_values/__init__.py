"""Text, ids, values of any kind; private. Of the package, they import nothing but each other.

conversions  values of any type in the types of JSON
extras       how to install an extra
json_text    the JSON encoder and decoder
locks        locks renewed after a fork
logs         the logger, whose messages are one line
span_names   names that servers give to the spans of a trace
ulid         ULIDs, and the time in one
visible      untrusted text, made safe to show
"""
