"""Headers of the caller's, such as the credentials of a proxy; messages never have their values."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from inngest_rest._core.calls.sources import HEADERS, Found
from inngest_rest._core.secret import Secret
from inngest_rest._values.visible import shown

if TYPE_CHECKING:
    from inngest_rest._core.calls.sources import Reader

_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEADER_VALUE = r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?"

# The client sets these itself, or the connection does.
_RESERVED = (
    r"authorization|host|connection|keep-alive|proxy-connection|te|trailer|upgrade|expect|"
    r"transfer-encoding|content-.*|accept-encoding|x-inngest-(env|event-id-seed)"
)


def headers_of(headers: Mapping[str, str] | None, reader: Reader) -> dict[str, Secret]:
    if headers is None:
        return _of_variable(reader.configured(HEADERS))
    return check_headers(headers)


def _of_variable(found: Found | None) -> dict[str, Secret]:
    """Return the headers of a variable: `name: value`, one per line."""
    if found is None:
        return {}
    headers: dict[str, str] = {}
    for line in filter(str.strip, found.value.splitlines()):
        name, colon, value = line.partition(":")
        if not colon:
            raise found.invalid(
                "must have one header per line, such as `proxy-authorization: Basic "
                "dXNlcjpwYXNz`; a line has no colon"
            )
        headers[name.strip()] = value.strip()
    return check_headers(headers, found.name)


def check_headers(
    headers: Mapping[str, str], name: str = "headers"
) -> dict[str, Secret]:
    """Return headers with their names in lower case; messages do not contain the values."""
    wrong = Found(setting=HEADERS, name=name, value="").invalid
    if not isinstance(headers, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong(f"must be a mapping, not {type(headers).__name__}")
    for header, value in headers.items():
        if not isinstance(header, str) or not re.fullmatch(_HEADER_NAME, header):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong(f"must not contain {shown(header)}: no header has such a name")
        if re.fullmatch(_RESERVED, header.lower()):
            reason = f"must not contain {header}, which the client sets"
            raise wrong(reason, "env= sets x-inngest-env.")
        is_text = isinstance(value, str)  # pyright: ignore[reportUnnecessaryIsInstance]
        if not is_text or not re.fullmatch(_HEADER_VALUE, value):
            raise wrong(
                f"must not contain a malformed value: that of {header} must be text in printable "
                "ASCII, not empty, without line breaks, control characters or spaces around it",
            )
    return {header.lower(): Secret(value) for header, value in headers.items()}
