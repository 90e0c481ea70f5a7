"""CORS headers as the server's middleware, go-chi/cors, sends them.

See recording ingest-options-cors.
"""

from __future__ import annotations

from inngest_rest_mock._carriers.messages import Headers, Request, Response

_METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS")
_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def preflight(request: Request) -> Response | None:
    """Respond to a preflight request; None if the request is not one."""
    origin = request.headers.get("origin")
    method = request.headers.get("access-control-request-method", "").upper()
    if request.method != "OPTIONS" or not origin or not method:
        return None
    headers = [("Vary", _VARY)]
    if method in _METHODS:
        headers.append(("Access-Control-Allow-Origin", origin))
        headers.append(("Access-Control-Allow-Methods", method))
        asked = request.headers.get("access-control-request-headers", "")
        if asked:
            names = ", ".join(name.strip().title() for name in asked.split(","))
            headers.append(("Access-Control-Allow-Headers", names))
        headers.append(("Access-Control-Max-Age", "3600"))
    return Response(200, tuple(headers))


def headers_for(request: Request) -> Headers:
    """Return the headers of every response but a preflight's."""
    origin = request.headers.get("origin")
    if not origin:
        return (("Vary", "Origin"),)
    return (
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", "Link, Mcp-Session-Id"),
    )
