"""Queries of runs, in CEL, that the server evaluates: reject what it would ignore or fail on."""

from __future__ import annotations

import re

from inngest_rest._arguments import check_text, invalid
from inngest_rest._visible import shown

_MOST_QUERY_BYTES = 2_048

# Literals and comments of CEL, which may contain anything.
_TEXT = r"""\w*("(?:\\.|[^"\\])*"|'(?:\\.|[^'\\])*')|//.*"""

# A name that is neither a field of another nor called, with its fields.
_NAMED = r"(?<![\w.])(?!(?:true|false|null|in)\b)[A-Za-z_]\w*(?:\.\w+)*\b(?!\s*\()"

_COMPARED = r"event\.(?:name|v|data\..+)|(?:output|error)\..+"


def check_query(query: str | None) -> str | None:
    """Return a CEL expression without blanks around it; reject one that servers ignore or fail on.

    A part that they ignore selects every run (measured on release 1.43).
    """
    if query is None:
        return None
    query = check_text("query", query).strip()
    if len(query.encode()) > _MOST_QUERY_BYTES:
        raise invalid("query", f"has more than {_MOST_QUERY_BYTES:,} bytes of UTF-8")
    roots: set[str] = set()
    for line in query.split("\n"):
        for name in _checked_names(line):
            root, _, _ = name.partition(".")
            roots.add(root)
    if "event" in roots and len(roots) > 1:
        raise invalid(
            "query",
            "mixes event with output or error; servers then miss runs",
            how="List the runs of each separately.",
        )
    return query


def _checked_names(line: str) -> list[str]:
    """Return the fields that a line of a query names; reject fields that servers do not compare."""
    bare = re.sub(_TEXT, '""', line)
    names: list[str] = re.findall(_NAMED, bare)
    if not names:
        reason = "has a line that names no field, which servers ignore or hang on"
        raise invalid("query", f"{reason}: {shown(line)}")
    for name in names:
        if not re.fullmatch(_COMPARED, name):
            raise invalid(
                "query",
                f"names {name}, which servers ignore or fail on",
                how="Compare event.name, event.v or a field of event.data, of output or of error.",
            )
    if re.search(r"\bevent\.(?:name|v)\s*[<>]|[<>]=?\s*event\.(?:name|v)\b", bare):
        reason = "has an order of event.name or event.v, which servers ignore"
        raise invalid("query", reason, how="Use ==.")
    return names
