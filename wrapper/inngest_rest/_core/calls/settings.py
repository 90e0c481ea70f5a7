"""Settings: arguments, environment variables and a profile, validated and frozen.

The only module that reads the environment. Any argument overrides any variable, which overrides
the profile, and a specific setting overrides a general one; an empty variable
counts as absent, an empty argument as an error.
"""

from __future__ import annotations

import ipaddress
import os
import re
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, NamedTuple, TypeVar, TypeVarTuple, get_args
from urllib.parse import urlsplit

from attrs import field, frozen

from inngest_rest._arguments import check_choice
from inngest_rest._core.arguments import check_count, check_seconds
from inngest_rest._core.calls import profiles
from inngest_rest._core.logs import logger
from inngest_rest._core.request import parsed, requestable
from inngest_rest._core.secret import Hidden, Secret, hash_of_digits
from inngest_rest._visible import shown
from inngest_rest.errors import (
    Advice,
    ConfigurationError,
    InvalidArgumentError,
    Setting,
)
from inngest_rest.retry import RetryPolicy
from inngest_rest.typing import ApiVersion, EventNameCheck, Seconds

if TYPE_CHECKING:
    import httpx

    from inngest_rest.responses import Profile, Target

Args = TypeVarTuple("Args")
S = TypeVar("S")
T = TypeVar("T")

_EVENT_URL = "https://inn.gs"
API_URL = "https://api.inngest.com"
_DEV_URL = "http://127.0.0.1:8288"
_MAX_RESPONSE_BYTES = 64 * 1024 * 1024

EVENT_KEY = Setting("event_key", "INNGEST_EVENT_KEY")
SIGNING_KEY = Setting("signing_key", "INNGEST_SIGNING_KEY")
API_KEY = Setting("api_key", "INNGEST_API_KEY")
API_VERSION = Setting("api_version")
_FALLBACK = Setting("signing_key_fallback", "INNGEST_SIGNING_KEY_FALLBACK")
ENV = Setting("env", "INNGEST_ENV")
_DEV = Setting("dev", "INNGEST_DEV")
BASE_URL = Setting("base_url", "INNGEST_BASE_URL")
EVENT_BASE_URL = Setting("event_base_url", "INNGEST_EVENT_API_BASE_URL")
_API_BASE_URL = Setting("api_base_url", "INNGEST_API_BASE_URL")
_ALLOW_HTTP = Setting("allow_http", "INNGEST_ALLOW_HTTP")
HEADERS = Setting("headers", "INNGEST_HEADERS")
_SERVER_AND_KEYS = (
    BASE_URL,
    EVENT_BASE_URL,
    _API_BASE_URL,
    _DEV,
    EVENT_KEY,
    SIGNING_KEY,
    _FALLBACK,
    API_KEY,
)
ALLOW_HTTP_ON = Setting("allow_http=True", "INNGEST_ALLOW_HTTP=1")


# The pattern of a key, and the reason given if it does not match. Compiled at first use: many
# processes import this package without having a key.
_KEY = (
    r"[\x21-\x7e]+",
    "is malformed: a key is printable ASCII without spaces, line breaks or control characters",
)
_VALID_EVENT_KEY = (
    r"(?!\.\.?$)[^/]+",  # it must remain a single path segment
    "is not a valid event key: it contains a slash or is only dots",
)
_VALID_SIGNING_KEY = (
    r"(?:signkey-([A-Za-z0-9_]+)-)?((?:[0-9A-Fa-f]{2})+)",
    (
        "is not a valid signing key, which is an even number of hex digits, with or without a "
        'prefix such as "signkey-prod-"'
    ),
)
# Any other word might be part of a secret.
_ENVIRONMENTS = frozenset({"prod", "test", "branch"})
_SWITCHES = {"1": True, "true": True, "0": False, "false": False}
_HEADER_NAME = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_HEADER_VALUE = r"[\x21-\x7e]([\t\x20-\x7e]*[\x21-\x7e])?"

# The client sets these itself, or the connection does.
_RESERVED = (
    r"authorization|host|connection|keep-alive|proxy-connection|te|trailer|upgrade|expect|"
    r"transfer-encoding|content-.*|accept-encoding|x-inngest-(env|event-id-seed)"
)


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


def invalid_setting(
    setting: Setting,
    reason: str,
    *,
    how: str | Advice = "",
    name: str | None = None,
) -> ConfigurationError:
    """Return the error for a setting.

    Args:
        setting: The invalid setting.
        reason: The rest of the message after the name.
        how: The remedy, a sentence.
        name: The argument or variable that has it; by default the argument.
    """
    message = f"{name or setting.argument} {reason}"
    advice = how if isinstance(how, Advice) else Advice(how)
    return ConfigurationError(message, settings=[setting], advice=advice)


def hide(**given: str | None) -> dict[str, Secret | None]:
    """Return arguments hidden; they are not checked yet."""
    return {name: Secret.of(value) for name, value in given.items()}


class _Found(NamedTuple):
    """A setting that is set: its name where it is set, and its value."""

    setting: Setting
    name: str
    value: Secret

    def switch(self) -> bool | None:
        """Return whether it is on or off; None if it is neither."""
        return _SWITCHES.get(self.value.reveal().lower())

    def key(self, *kind: tuple[str, str]) -> Secret:
        """Return the value; reject one that a header cannot have, or that is not of a kind."""
        for pattern, reason in (_KEY, *kind):
            if not re.fullmatch(pattern, self.value.reveal()):
                raise self.invalid(reason)
        return self.value

    def invalid(self, reason: str, how: str | Advice = "") -> ConfigurationError:
        return invalid_setting(self.setting, reason, how=how, name=self.name)


class _Reader(NamedTuple):
    """Looks up settings by argument and variable, and in a profile."""

    arguments: Mapping[str, Secret | None]
    environ: Hidden[Mapping[str, str]]
    profile: Profile | None = None
    # With the variables that a profile names, such as that of a key.
    own_environ: Hidden[Mapping[str, str]] | None = None

    def argument(self, setting: Setting) -> _Found | None:
        value = self.arguments.get(setting.argument)
        if value is None:
            return None
        found = _Found(setting=setting, name=setting.argument, value=value)
        if not isinstance(value.reveal(), str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise found.invalid(f"must be text, not {type(value.reveal()).__name__}")
        return found

    def variable(self, setting: Setting) -> _Found | None:
        variable = setting.variable
        if variable is None:
            return None
        value = Secret(self.environ.reveal().get(variable) or "")
        if not value.reveal():
            return None
        return _Found(setting=setting, name=variable, value=value)

    def in_profile(self, setting: Setting) -> _Found | None:
        """Return a setting of the profile; a command that prints a key is run."""
        profile = self.profile
        if profile is None:
            return None
        argument = setting.argument
        value = Secret.of(profile.settings.get(argument))
        if argument in profile.keys:
            own = self.own_environ or self.environ
            value = profiles.key_of(profile, argument, own.reveal())
        if value is None:
            return None
        name = f"{argument} of profile {profile.name}"
        return _Found(setting=setting, name=name, value=value)

    def find(self, setting: Setting) -> _Found | None:
        """Return a setting from the first source that has it."""
        for source in (self.argument, self.variable, self.in_profile):
            found = source(setting)
            if found is not None:
                return found
        return None

    def with_profile(self) -> _Reader:
        """Return a reader of one source: a named profile alone, or arguments and variables.

        A profile that a variable names is the default: it counts where nothing else names a
        server or a key.
        """
        named = self.argument(profiles.PROFILE)
        found = named or self.variable(profiles.PROFILE)
        if found is None:
            return self
        given = [*self._set_by(self.argument, _SERVER_AND_KEYS)]
        of_variables = [*self._set_by(self.variable, _SERVER_AND_KEYS)]
        if named is None and (given or of_variables):
            return self
        name = found.value.reveal()
        if given:
            raise given[0].invalid(
                f"is of another server or key than profile {name}", "Pass one of them."
            )
        profile = profiles.named(name, self.environ.reveal())
        of_variables += self._set_by(self.variable, [ENV])
        if not of_variables:
            return self._replace(profile=profile)
        ignored = [each.name for each in of_variables]
        logger.warning("profile %s ignores %s", name, ", ".join(ignored))
        variables = self.environ.reveal()
        others = {each: variables[each] for each in variables if each not in ignored}
        return self._replace(
            environ=Hidden(others), profile=profile, own_environ=self.environ
        )

    def _set_by(
        self, source: Callable[[Setting], _Found | None], settings: Iterable[Setting]
    ) -> Iterator[_Found]:
        """Yield the settings that a source has; `dev=False` names no server."""
        for setting in settings:
            found = source(setting)
            is_off = setting is _DEV and found is not None and found.switch() is False
            if found is not None and not is_off:
                yield found


def all_profiles() -> list[Profile]:
    """Return the profiles of the file, in its order."""
    return [*profiles.read_file(os.environ).values()]


def resolve(
    arguments: Mapping[str, Secret | None],
    *,
    dev: bool | str | None = None,
    api_version: ApiVersion = "auto",
    timeout: Seconds = 30.0,
    max_response_bytes: int | None = None,
    retries: int | RetryPolicy | None = None,
    allow_http: bool | None = None,
    event_name_check: EventNameCheck = "off",
    headers: Hidden[Mapping[str, str]] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Validate and combine settings; each `ConfigurationError` names the argument or variable."""
    switches = hide(
        dev=_as_in_environ(dev),
        allow_http=_as_in_environ(allow_http),
    )
    variables = Hidden(os.environ if environ is None else environ)
    reader = _Reader({**arguments, **switches}, variables).with_profile()
    dev_server = _dev(reader)
    may_show_keys = _may_show_keys(reader)
    hosts = _Hosts(
        reader=reader,
        dev_server=dev_server,
        proxies=Hidden(_proxies()),
        may_show_keys=may_show_keys,
    )
    event_host = hosts.find(EVENT_BASE_URL, default=_EVENT_URL)
    api_host = hosts.find(_API_BASE_URL, default=API_URL)
    name_checks = get_args(EventNameCheck)
    _checked(check_choice, "api_version", api_version, get_args(ApiVersion))
    _checked(check_choice, "event_name_check", event_name_check, name_checks)
    keys = _read_keys(reader)
    usable = keys.shown_to(event_host=event_host, api_host=api_host)
    return Settings(
        event_url=event_host.url,
        api_url=api_host.url,
        dev=dev_server is not None,
        env=_env(reader),
        event_key=usable.event_key,
        signing_bearers=usable.signing_bearers,
        signing_key_kinds=keys.signing_key_kinds,
        api_key=usable.api_key,
        withholds_keys=usable != keys,
        api_version=api_version,
        event_name_check=event_name_check,
        timeout=check_timeout(timeout),
        max_response_bytes=_most_bytes(max_response_bytes),
        retry=check_retries(retries),
        event_proxy=event_host.proxy,
        api_proxy=api_host.proxy,
        headers=_headers(headers, reader),
        profile=reader.profile,
    )


class _Host(NamedTuple):
    """The destination of events, or of all other requests."""

    url: str
    shows_keys: bool  # the network could read keys that are sent to it
    proxy: Secret | None


@frozen(kw_only=True)
class _Hosts:
    """Finds the two hosts of a server."""

    reader: _Reader
    dev_server: _Found | None
    proxies: Hidden[dict[str, str]]
    may_show_keys: bool

    def find(self, own: Setting, *, default: str) -> _Host:
        is_dev = self.dev_server is not None
        found = _base_url(own, self.dev_server, self.reader)
        url = default
        if found is not None:
            url = _check_url(found, may_http=is_dev or self.may_show_keys)
        proxy: Secret | None = None
        if found is None or found is not self.dev_server:
            proxy = _proxy(url, self.proxies, is_dev=is_dev)
        is_plain = _is_plain_elsewhere(requestable(url))
        shows_keys = not self.may_show_keys and is_plain
        return _Host(url=url, shows_keys=shows_keys, proxy=proxy)


class _Keys(NamedTuple):
    """The keys of a client."""

    event_key: Secret | None
    signing_bearers: tuple[Secret, ...]
    signing_key_kinds: Mapping[str, str | None]
    api_key: Secret | None

    def shown_to(self, *, event_host: _Host, api_host: _Host) -> _Keys:
        """Return the keys without those that the network could read on the way to a host."""
        keys = self
        if event_host.shows_keys:
            keys = keys._replace(event_key=None)
        if api_host.shows_keys:
            keys = keys._replace(signing_bearers=(), api_key=None)
        return keys


def _read_keys(reader: _Reader) -> _Keys:
    found = map(reader.find, (SIGNING_KEY, _FALLBACK))
    signing_keys = [key for key in found if key is not None]
    bearers = [hash_of(key.key(_VALID_SIGNING_KEY)) for key in signing_keys]
    kinds = {key.name: _kind(key.value) for key in signing_keys}
    found_event_key = reader.find(EVENT_KEY)
    found_api_key = reader.find(API_KEY)
    event_key: Secret | None = None
    if found_event_key is not None:
        event_key = found_event_key.key(_VALID_EVENT_KEY)
    api_key: Secret | None = None
    if found_api_key is not None:
        api_key = found_api_key.key()
    return _Keys(
        event_key=event_key,
        signing_bearers=tuple(bearers),
        signing_key_kinds=kinds,
        api_key=api_key,
    )


def _may_show_keys(reader: _Reader) -> bool:
    """Return whether keys may be sent by plain http."""
    allowed = reader.find(_ALLOW_HTTP)
    if allowed is None:
        return False
    is_on = allowed.switch()
    if is_on is None:
        raise allowed.invalid("must be 1 or 0")
    return is_on


def _most_bytes(asked: int | None) -> int:
    if asked is None:
        return _MAX_RESPONSE_BYTES
    return _checked(check_count, "max_response_bytes", asked)


def _headers(
    headers: Hidden[Mapping[str, str]] | None, reader: _Reader
) -> dict[str, Secret]:
    if headers is None:
        return _of_variable(reader.variable(HEADERS))
    return check_headers(headers)


def _as_in_environ(value: bool | str | None) -> str | None:
    return str(int(value)) if isinstance(value, bool) else value


def _dev(reader: _Reader) -> _Found | None:
    """Return the URL of the configured dev server, if there is one."""
    found = reader.find(_DEV)
    if found is None or found.switch() is False:
        return None
    if found.switch():
        variable = reader.variable(_DEV)
        is_url = variable is not None and variable.switch() is None
        url = variable.value if variable is not None and is_url else Secret(_DEV_URL)
        found = found._replace(value=url)
    if "://" not in found.value.reveal():
        raise found.invalid(
            f"must be 1, 0 or the URL of a dev server, such as {_DEV_URL}"
        )
    return found


def _base_url(own: Setting, dev: _Found | None, reader: _Reader) -> _Found | None:
    """Return the base URL of a host from the first source that has one."""
    for found in _base_urls(own, dev, reader):
        if found is not None:
            return found
    return None


def _base_urls(
    own: Setting, dev: _Found | None, reader: _Reader
) -> Iterator[_Found | None]:
    """Yield the base URL of each source; a dev server counts where it is configured."""
    dev_source = None if dev is None else dev.name
    yield reader.argument(own)
    yield reader.argument(BASE_URL)
    if dev_source == _DEV.argument:
        yield dev
    yield reader.variable(own)
    yield reader.variable(BASE_URL)
    if dev_source == _DEV.variable:
        yield dev
    yield reader.in_profile(own)
    yield reader.in_profile(BASE_URL)
    yield dev


def _check_url(found: _Found, *, may_http: bool) -> str:
    """Reject a base URL that is malformed or unsafe; return the URL to append paths to."""
    value = found.value.reveal()
    target = requestable_url(value)
    if target is None or re.search(r"[?#]", value):
        raise found.invalid(
            "is not a base URL: it must be of the form https://HOST[:PORT][/PATH] (or http://), "
            "without spaces, query or fragment"
        )
    if urlsplit(value).netloc.rpartition("@")[0]:
        raise found.invalid(
            "contains credentials",
            Advice(
                "Pass keys with their settings, and the credentials of a proxy in front of the "
                "server in {}.",
                (HEADERS,),
            ),
        )
    if not may_http and _is_plain_elsewhere(target):
        host = urlsplit(value).hostname
        raise found.invalid(
            f"is plain http to {host}, which would show the keys to the network",
            Advice("Use https, or set {}.", (ALLOW_HTTP_ON,)),
        )
    # The vendor gives the API's URL as https://api.inngest.com/v1; our paths begin with /v1.
    return value.rstrip("/").removesuffix("/v1").removesuffix("/v2")


def requestable_url(text: str) -> httpx.URL | None:
    """Return a URL of http or https; None if no request could be sent to it."""
    url = parsed(text)
    if url is None or re.search(r"[\x00-\x20\x7f]", text):
        return None
    try:
        urlsplit(text)  # finds a bracket that is not closed
    except ValueError:
        return None
    *labels, last = url.raw_host.decode("ascii").split(".")
    # As connecting will: it encodes each label of the host.
    are_labels = all(0 < len(label) < 64 for label in labels)
    if not are_labels or len(last) >= 64:
        return None
    if not url.host or url.scheme not in {"http", "https"}:
        return None
    # A socket would take it modulo 65536.
    is_port = url.port is None or 0 < url.port < 65536
    return url if is_port else None


def _is_plain_elsewhere(url: httpx.URL) -> bool:
    """Return whether the network can read what is sent to a URL."""
    return url.scheme == "http" and not _is_loopback(url.host)


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def hash_of(signing_key: Secret) -> Secret:
    """Return the SHA-256 of a key without its prefix, in hex, as official SDKs send it."""
    digits = Secret(signing_key.reveal().rpartition("-")[2])
    return Secret(hash_of_digits(digits.reveal()))


def _kind(key: Secret) -> str | None:
    """Return the environment in the prefix of a signing key; None if it has none."""
    pattern, _ = _VALID_SIGNING_KEY
    match = re.fullmatch(pattern, key.reveal())
    if match is None or match[1] not in _ENVIRONMENTS:
        return None
    return match[1]


def check_timeout(timeout: Seconds) -> float:
    """Return a timeout in seconds; reject one that threads cannot wait for."""
    seconds = _checked(check_seconds, "timeout", timeout)
    if seconds > threading.TIMEOUT_MAX:
        reason = f"must be at most {threading.TIMEOUT_MAX:g} seconds"
        raise invalid_setting(Setting("timeout"), reason)
    return seconds


def _checked(
    check: Callable[[str, S, *Args], T],
    name: str,
    value: S,
    *others: *Args,
) -> T:
    """Run a check of an argument that is a setting; raise its error as a ConfigurationError."""
    try:
        return check(name, value, *others)
    except InvalidArgumentError as error:
        reason = error.described
        settings = [Setting(name)]
        raise ConfigurationError(
            reason, settings=settings, advice=error.advice
        ) from None


def _proxy(url: str, proxies: Hidden[dict[str, str]], *, is_dev: bool) -> Secret | None:
    """Return the proxy for a URL from the environment or the system's settings.

    Never one for this machine or a dev server: it could not reach the one, and would read the keys.
    """
    target = requestable(url)
    if _is_loopback(target.host) or (is_dev and target.scheme == "http"):
        return None
    of_scheme = Secret.of(proxies.reveal().get(target.scheme))
    proxy = of_scheme or Secret.of(proxies.reveal().get("all"))
    if proxy is None:
        return None
    from urllib.request import proxy_bypass  # noqa: PLC0415 - see `_proxies`

    if proxy_bypass(target.netloc.decode("ascii")):
        return None
    return proxy if "://" in proxy.reveal() else Secret(f"http://{proxy.reveal()}")


def _proxies() -> dict[str, str]:
    """Return the proxies of the environment or the system's settings, by the scheme of a URL."""
    # Elsewhere they are in variables alone. What reads them takes longer to import than attrs.
    may_have_some = sys.platform in {"darwin", "win32"} or any(
        name.lower().endswith("_proxy") for name in os.environ
    )
    if not may_have_some:
        return {}
    from urllib.request import getproxies  # noqa: PLC0415

    return getproxies()


def has_proxy(url: str, *, is_dev: bool) -> bool:
    """Return whether the environment names a proxy for a URL."""
    return _proxy(url, Hidden(_proxies()), is_dev=is_dev) is not None


def check_retries(retries: int | RetryPolicy | None) -> RetryPolicy:
    """Return the policy for a number of retries; the default policy for None."""
    if isinstance(retries, RetryPolicy):
        return retries
    if retries is None:
        return RetryPolicy()
    return RetryPolicy(retries=retries)


def check_env(env: str) -> str | None:
    """Return the name of a branch environment, which is sent in a header; None for an empty one."""
    return _env(_Reader(hide(env=env), Hidden(dict[str, str]())))


def _env(reader: _Reader) -> str | None:
    found = reader.find(ENV)
    if found is None or not found.value.reveal():
        return None
    return found.key().reveal()


def _of_variable(found: _Found | None) -> dict[str, Secret]:
    """Return the headers of a variable: `name: value`, one per line."""
    if found is None:
        return {}
    headers = _of_lines(found.value)
    if headers is None:
        raise found.invalid(
            "must have one header per line, such as `proxy-authorization: Basic dXNlcjpwYXNz`; a "
            "line has no colon"
        )
    return check_headers(headers, found.name)


def _of_lines(text: Secret) -> Hidden[Mapping[str, str]] | None:
    """Return the header of each line; None if a line has no colon.

    It raises nothing: a traceback would have the headers.
    """
    lines = [line for line in text.reveal().splitlines() if line.strip()]
    headers: dict[str, str] = {}
    for line in lines:
        name, colon, value = line.partition(":")
        if not colon:
            return None
        headers[name.strip()] = value.strip()
    return Hidden(headers)


def check_headers(
    headers: Hidden[Mapping[str, str]], name: str = "headers"
) -> dict[str, Secret]:
    """Return headers with their names in lower case; messages do not contain the values."""
    wrong = partial(invalid_setting, HEADERS, name=name)
    if not isinstance(headers.reveal(), Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise wrong(f"must be a mapping, not {type(headers.reveal()).__name__}")
    hidden = {header: Secret(value) for header, value in headers.reveal().items()}
    for header, value in hidden.items():
        if not isinstance(header, str) or not re.fullmatch(_HEADER_NAME, header):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise wrong(f"must not contain {shown(header)}: no header has such a name")
        if re.fullmatch(_RESERVED, header.lower()):
            reason = f"must not contain {header}, which the client sets"
            raise wrong(reason, how="env= sets x-inngest-env.")
        is_text = isinstance(value.reveal(), str)  # pyright: ignore[reportUnnecessaryIsInstance]
        if not is_text or not re.fullmatch(_HEADER_VALUE, value.reveal()):
            raise wrong(
                f"must not contain a malformed value: that of {header} must be text in printable "
                "ASCII, not empty, without line breaks, control characters or spaces around it",
            )
    return {header.lower(): value for header, value in hidden.items()}
