"""What a failure leaves: an act done before, whether to try again, and who refused."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from inngest_rest import errors
from inngest_rest._values.visible import shown

if TYPE_CHECKING:
    from collections.abc import Generator

SERVER_HEADER = "x-inngest-server-kind"
"""The header that each response of a self-hosted server has."""


RULED_OUT = (errors.ConfigurationError, errors.RouteNotFoundError)
"""The errors of a call that the settings, or the routes of the server, do not allow."""


@contextmanager
def after(act: str) -> Generator[None]:
    """Say in whatever ends the block that an act was done before it, in a sentence."""
    try:
        yield
    except BaseException as error:
        error.add_note(act)
        if isinstance(error, errors.InngestError):
            error.may_have_taken_effect = True
        raise


def may_pass(error: errors.InngestError) -> bool:
    """Return whether the same request may succeed later."""
    match error:
        case errors.ServerError() | errors.RateLimitError():
            return True
        case errors.ApiError():
            return error.status == 408
        case errors.TransportError():
            return not error.permanent
        case _:
            return False


def refused_in_between(error: errors.InngestError | None) -> str | None:
    """Return what shows that a request was refused before it reached Inngest; None if nothing does.

    Inngest refuses in JSON or plain text, and asks for no scheme but Bearer.
    """
    if not isinstance(error, errors.AuthenticationError | errors.PermissionDeniedError):
        return None
    response = error.response
    if response is None or SERVER_HEADER in response.headers:
        return None
    if response.status == 407 or "proxy-authenticate" in response.headers:
        return "it asks for a user and a password of a proxy"
    scheme = response.headers.get("www-authenticate", "").partition(" ")[0]
    if scheme and scheme.lower() != "bearer":
        return f"it asks for {shown(scheme)} authentication"
    is_page = "html" in response.headers.get("content-type", "")
    if is_page or response.body.lstrip()[:1] == b"<":
        return "its answer is a web page"
    return None
