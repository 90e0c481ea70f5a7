"""Cross-origin headers as the server's middleware (go-chi/cors) sends them (facts.md 0)."""

from ._http import Headers, Request, Response

_METHODS = ("GET", "POST", "PUT", "DELETE", "OPTIONS")
_VARY = "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"


def preflight(request: Request) -> Response | None:
    """Answer a preflight request; None when the request is none."""
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
    """Return the headers that every answer but a preflight's carries."""
    origin = request.headers.get("origin")
    if not origin:
        return (("Vary", "Origin"),)
    return (
        ("Vary", "Origin"),
        ("Access-Control-Allow-Origin", origin),
        ("Access-Control-Expose-Headers", "Link, Mcp-Session-Id"),
    )
