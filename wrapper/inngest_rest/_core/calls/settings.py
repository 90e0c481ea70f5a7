"""The settings of a client, validated and frozen: what calls know of its configuration."""

from __future__ import annotations

import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING, get_args

from attrs import field, frozen

from inngest_rest._core.calls import profiles
from inngest_rest._core.calls.headers import headers_of
from inngest_rest._core.calls.hosts import API_URL, EVENT_URL, Server
from inngest_rest._core.calls.keys import read_keys
from inngest_rest._core.calls.sources import (
    API_BASE_URL,
    ENV,
    EVENT_BASE_URL,
    Reader,
)
from inngest_rest._core.secret import Secret
from inngest_rest._local.arguments import (
    check_choice,
    check_count_or_none,
    check_seconds,
    invalid,
)
from inngest_rest.errors import ConfigurationError, InvalidArgumentError, Setting
from inngest_rest.retry import RetryPolicy
from inngest_rest.typing import ApiVersion, EventNameCheck, Seconds

if TYPE_CHECKING:
    from collections.abc import Generator, Mapping

    from inngest_rest.responses import Profile, Target

_MAX_RESPONSE_BYTES = 64 * 1024 * 1024


@frozen(kw_only=True)
class Settings:
    event_url: str
    api_url: str
    dev: bool
    env: str | None
    event_key: Secret | None
    signing_bearers: tuple[Secret, ...]
    # The environment of each signing key, such as "prod", by the argument or variable that it came
    # from, in the order of `signing_bearers`.
    signing_key_kinds: Mapping[str, str | None]
    api_key: Secret | None
    withholds_keys: bool  # as plain http to a dev server elsewhere shows them
    api_version: ApiVersion
    event_name_check: EventNameCheck
    timeout: float
    max_response_bytes: int
    retry: RetryPolicy
    event_proxy: Secret | None
    api_proxy: Secret | None
    headers: Mapping[str, Secret] = field(factory=dict[str, Secret])
    profile: Profile | None = None

    @property
    def encrypts(self) -> bool:
        """Whether one of the hosts is reached by https."""
        urls = (self.event_url, self.api_url)
        return any(url.lower().startswith("https:") for url in urls)

    @property
    def sends_by_v2(self) -> bool:
        """Whether events can only be sent with an API key."""
        return self.event_key is None and self.api_key is not None and not self.dev

    @property
    def target(self) -> Target:
        from inngest_rest.responses import Target  # noqa: PLC0415 - few clients are asked

        return Target(self.event_url, self.api_url, self.env)


def resolve(
    arguments: Mapping[str, str | None],
    *,
    dev: bool | str | None = None,
    api_version: ApiVersion = "auto",
    timeout: Seconds = 30.0,
    max_response_bytes: int | None = None,
    retries: int | RetryPolicy | None = None,
    allow_http: bool | None = None,
    event_name_check: EventNameCheck = "off",
    headers: Mapping[str, str] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Validate and combine settings; each `ConfigurationError` names the argument or variable."""
    switches = {"dev": _as_in_environ(dev), "allow_http": _as_in_environ(allow_http)}
    reader = Reader.of({**arguments, **switches}, environ)
    profile = profiles.chosen(reader)
    if profile is not None:
        reader = profiles.alone(reader, profile)
    server = Server.of(reader)
    event_host = server.host(EVENT_BASE_URL, default=EVENT_URL)
    api_host = server.host(API_BASE_URL, default=API_URL)
    with _of_a_setting():
        check_choice("api_version", api_version, get_args(ApiVersion))
        check_choice("event_name_check", event_name_check, get_args(EventNameCheck))
        largest = check_count_or_none("max_response_bytes", max_response_bytes)
    keys = read_keys(reader)
    usable = keys.shown_to(event_host=event_host, api_host=api_host)
    return Settings(
        event_url=event_host.url,
        api_url=api_host.url,
        dev=server.dev is not None,
        env=_env(reader),
        event_key=usable.event_key,
        signing_bearers=usable.signing_bearers,
        signing_key_kinds=keys.signing_key_kinds,
        api_key=usable.api_key,
        withholds_keys=usable != keys,
        api_version=api_version,
        event_name_check=event_name_check,
        timeout=check_timeout(timeout),
        max_response_bytes=largest or _MAX_RESPONSE_BYTES,
        retry=check_retries(retries),
        event_proxy=event_host.proxy,
        api_proxy=api_host.proxy,
        headers=headers_of(headers, reader),
        profile=profile,
    )


def _as_in_environ(value: bool | str | None) -> str | None:
    return str(int(value)) if isinstance(value, bool) else value


def check_timeout(timeout: Seconds) -> float:
    """Return a timeout in seconds; reject one that threads cannot wait for."""
    with _of_a_setting():
        seconds = check_seconds("timeout", timeout)
        if seconds > threading.TIMEOUT_MAX:
            most = f"must be at most {threading.TIMEOUT_MAX:g} seconds"
            raise invalid("timeout", most)
    return seconds


@contextmanager
def _of_a_setting() -> Generator[None]:
    """Raise the error of an argument that is a setting as a ConfigurationError."""
    try:
        yield
    except InvalidArgumentError as error:
        settings = [Setting(error.argument or "")]
        raise ConfigurationError(
            error.described, settings=settings, advice=error.advice
        ) from None


def check_retries(retries: int | RetryPolicy | None) -> RetryPolicy:
    """Return the policy for a number of retries; the default policy for None."""
    if isinstance(retries, RetryPolicy):
        return retries
    if retries is None:
        return RetryPolicy()
    return RetryPolicy(retries=retries)


def check_env(env: str) -> str | None:
    """Return the name of a branch environment, which is sent in a header; None for an empty one."""
    return _env(Reader({"env": env}, {}))


def _env(reader: Reader) -> str | None:
    found = reader.find(ENV)
    if found is None or not found.value:
        return None
    return found.key().reveal()
