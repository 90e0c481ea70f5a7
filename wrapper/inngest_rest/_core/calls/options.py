"""Options of a copy of a client: what `with_options` may change."""

from __future__ import annotations

import copy
import re
from collections.abc import Mapping
from functools import cached_property
from typing import TYPE_CHECKING, TypeVar

from attrs import evolve

from inngest_rest._core.calls.settings import check_env, check_retries, check_timeout
from inngest_rest._core.secret import Secret
from inngest_rest._visible import shown
from inngest_rest.errors import ConfigurationError, Setting

if TYPE_CHECKING:
    from inngest_rest._core.calls.session import Session
    from inngest_rest.retry import RetryPolicy
    from inngest_rest.typing import Seconds

C = TypeVar("C")

_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_VALUE = r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?"

# The client sets these itself, or the connection does.
_RESERVED = (
    r"(proxy-)?authorization|host|connection|keep-alive|proxy-connection|te|trailer|upgrade|expect|"
    r"transfer-encoding|content-.*|accept-encoding|x-inngest-event-id-seed"
)


def changed(
    session: Session,
    *,
    timeout: Seconds | None,
    retries: int | RetryPolicy | None,
    env: str | None,
    headers: Mapping[str, str] | None,
) -> Session:
    """Return a session with other options; those that are None stay as they are."""
    settings = session.settings
    return session.with_settings(
        evolve(
            settings,
            timeout=settings.timeout if timeout is None else check_timeout(timeout),
            retry=settings.retry if retries is None else check_retries(retries),
            env=settings.env if env is None else check_env(env),
            headers={**settings.headers, **_check_headers(headers)},
        )
    )


def copied(client: C, session: Session, driver: object) -> C:
    """Return a copy of a client with another session and driver, and groups of its own."""
    clone = copy.copy(client)
    for name in vars(client):
        if isinstance(getattr(type(client), name, None), cached_property):
            del vars(clone)[name]
    vars(clone).update(_session=session, _driver=driver)
    return clone


def _wrong(message: str) -> ConfigurationError:
    return ConfigurationError(message, settings=[Setting("headers")])


def _check_headers(headers: Mapping[str, str] | None) -> dict[str, Secret]:
    """Return headers with their names in lower case; messages do not contain the values."""
    if headers is None:
        return {}
    if not isinstance(headers, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise _wrong(f"headers must be a mapping, not {type(headers).__name__}")
    for name, value in headers.items():
        if not isinstance(name, str) or not re.fullmatch(_NAME, name):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise _wrong(f"headers: {shown(name)} is not the name of a header")
        if name.lower() == "x-inngest-env":
            raise _wrong(f"headers must not contain {name}: pass env= instead")
        if re.fullmatch(_RESERVED, name.lower()):
            raise _wrong(f"headers must not contain {name}, which the client sets")
        if not isinstance(value, str) or not re.fullmatch(_VALUE, value):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise _wrong(
                f"headers: the value of {name} is malformed: it must be text in printable ASCII, "
                "not empty, without line breaks, control characters or spaces around it"
            )
    return {name.lower(): Secret(value) for name, value in headers.items()}
