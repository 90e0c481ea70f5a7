"""What v2 refuses from release 1.45 on: bodies where none is mapped, and unknown parameters."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from urllib.parse import unquote_plus

from inngest_rest_api.api import OPERATIONS
from inngest_rest_mock._api.releases import signature_of
from inngest_rest_mock._api.v2.input import InputError

if TYPE_CHECKING:
    from collections.abc import Collection

    from inngest_rest_mock._carriers.messages import Request

_PATHS = {
    signature_of(each.method, each.path): re.findall(r"{(\w+)}", each.path)
    for each in OPERATIONS
}


def refuse_unknown(
    request: Request, signature: str, query: Collection[str], body: Collection[str]
) -> None:
    """Raise InputError for a request that has more than its operation takes.

    Args:
        request: The request.
        signature: The operation, `METHOD /path`.
        query: Its query parameters, in camelCase.
        body: The fields of its body, in camelCase.
    """
    if request.body and signature.startswith("GET "):
        raise _invalid("request body is not allowed for this HTTP binding")
    mapped = {_camel(name) for name in _PATHS.get(signature, ())} | set(body)
    for pair in filter(None, request.query.split("&")):
        key = unquote_plus(pair.partition("=")[0])
        name = _camel(re.split(r"[.[]", key, maxsplit=1)[0])
        if name in mapped:
            where = "mapped to the request body or path and cannot be set in the query string"
            raise _invalid(f'query parameter "{key}" is {where}')
        if name not in query:
            raise _invalid(f'unknown query parameter "{key}"')


def _invalid(message: str) -> InputError:
    return InputError(message, "invalid_request")


def _camel(name: str) -> str:
    return re.sub(r"_(\w)", lambda match: match[1].upper(), name)
