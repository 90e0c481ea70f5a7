"""Where a setting comes from: an argument, an environment variable, or a profile.

The only module that reads the environment. Any argument overrides any variable, which overrides
the profile; an empty variable counts as absent, an empty argument as an error. A named profile is
taken alone: with it, variables of a server or a key are ignored.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest._core.calls import profiles
from inngest_rest._core.secret import Secret
from inngest_rest._values.logs import logger
from inngest_rest.errors import Advice, ConfigurationError, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from inngest_rest.responses import Profile

EVENT_KEY = Setting("event_key", "INNGEST_EVENT_KEY")
SIGNING_KEY = Setting("signing_key", "INNGEST_SIGNING_KEY")
API_KEY = Setting("api_key", "INNGEST_API_KEY")
API_VERSION = Setting("api_version")
FALLBACK = Setting("signing_key_fallback", "INNGEST_SIGNING_KEY_FALLBACK")
ENV = Setting("env", "INNGEST_ENV")
DEV = Setting("dev", "INNGEST_DEV")
BASE_URL = Setting("base_url", "INNGEST_BASE_URL")
EVENT_BASE_URL = Setting("event_base_url", "INNGEST_EVENT_API_BASE_URL")
API_BASE_URL = Setting("api_base_url", "INNGEST_API_BASE_URL")
ALLOW_HTTP = Setting("allow_http", "INNGEST_ALLOW_HTTP")
HEADERS = Setting("headers", "INNGEST_HEADERS")
_SERVER_AND_KEYS = (
    BASE_URL,
    EVENT_BASE_URL,
    API_BASE_URL,
    DEV,
    EVENT_KEY,
    SIGNING_KEY,
    FALLBACK,
    API_KEY,
)
ALLOW_HTTP_ON = Setting("allow_http=True", "INNGEST_ALLOW_HTTP=1")


# The pattern of a key, and the reason given if it does not match. Compiled at first use: many
# processes import this package without having a key.
_KEY = (
    r"[\x21-\x7e]+",
    "is malformed: a key is printable ASCII without spaces, line breaks or control characters",
)
_SWITCHES = {"1": True, "true": True, "0": False, "false": False}


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


class Found(NamedTuple):
    """A setting that is set: its name where it is set, and its value."""

    setting: Setting
    name: str
    value: str

    def switch(self) -> bool | None:
        """Return whether it is on or off; None if it is neither."""
        return _SWITCHES.get(self.value.lower())

    def key(self, *kind: tuple[str, str]) -> Secret:
        """Return the value; reject one that a header cannot have, or that is not of a kind."""
        for pattern, reason in (_KEY, *kind):
            if not re.fullmatch(pattern, self.value):
                raise self.invalid(reason)
        return Secret(self.value)

    def invalid(self, reason: str, how: str | Advice = "") -> ConfigurationError:
        return invalid_setting(self.setting, reason, how=how, name=self.name)


class Reader(NamedTuple):
    """Looks up settings by argument and variable, and in a profile."""

    arguments: Mapping[str, str | None]
    environ: Mapping[str, str]
    profile: Profile | None = None
    # With the variables that a profile names, such as that of a key.
    own_environ: Mapping[str, str] | None = None

    @classmethod
    def of(
        cls, arguments: Mapping[str, str | None], environ: Mapping[str, str] | None
    ) -> Reader:
        """Return a reader with its profile; without `environ`, of the process's own variables."""
        variables = os.environ if environ is None else environ
        return cls(arguments, variables).with_profile()

    def argument(self, setting: Setting) -> Found | None:
        value = self.arguments.get(setting.argument)
        if value is None:
            return None
        found = Found(setting=setting, name=setting.argument, value=value)
        if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise found.invalid(f"must be text, not {type(value).__name__}")
        return found

    def variable(self, setting: Setting) -> Found | None:
        variable = setting.variable
        if variable is None:
            return None
        value = self.environ.get(variable)
        if not value:
            return None
        return Found(setting=setting, name=variable, value=value)

    def in_profile(self, setting: Setting) -> Found | None:
        """Return a setting of the profile; a command that prints a key is run."""
        profile = self.profile
        if profile is None:
            return None
        argument = setting.argument
        value = profile.settings.get(argument)
        if argument in profile.keys:
            own = self.own_environ or self.environ
            value = profiles.key_of(profile, argument, own)
        if value is None:
            return None
        name = f"{argument} of profile {profile.name}"
        return Found(setting=setting, name=name, value=value)

    def find(self, setting: Setting) -> Found | None:
        """Return a setting from the first source that has it."""
        for source in (self.argument, self.variable, self.in_profile):
            found = source(setting)
            if found is not None:
                return found
        return None

    def with_profile(self) -> Reader:
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
        name = found.value
        if named is None and (given or of_variables):
            if not given:
                names = ", ".join(each.name for each in of_variables)
                logger.warning("profile %s is not used, as %s is set", name, names)
            return self
        if given:
            raise given[0].invalid(
                f"is of another server or key than profile {name}", "Pass one of them."
            )
        profile = profiles.named(name, self.environ)
        dev = self.argument(DEV)
        is_of_dev = _SWITCHES.get(profile.settings.get("dev", "0").lower(), True)
        if dev is not None and is_of_dev:
            raise dev.invalid(f"is off beside profile {name}", "Pass one of them.")
        of_variables += self._set_by(self.variable, [ENV])
        own = {source.removeprefix("variable ") for source in profile.keys.values()}
        ignored = [each.name for each in of_variables if each.name not in own]
        if ignored:
            logger.warning("profile %s ignores %s", name, ", ".join(ignored))
        others = dict(self.environ)
        for setting in (*_SERVER_AND_KEYS, ENV):
            others.pop(str(setting.variable), None)
        return self._replace(environ=others, profile=profile, own_environ=self.environ)

    def _set_by(
        self, source: Callable[[Setting], Found | None], settings: Iterable[Setting]
    ) -> Iterator[Found]:
        """Yield the settings that a source has; `dev=False` names no server."""
        for setting in settings:
            found = source(setting)
            is_off = setting is DEV and found is not None and found.switch() is False
            if found is not None and not is_off:
                yield found


def all_profiles() -> list[Profile]:
    """Return the profiles of the file, in its order."""
    return profiles.listed(os.environ)


def proxies_here() -> dict[str, str]:
    """Return the proxies of the environment or the system's settings, by the scheme of a URL."""
    # Elsewhere they are in variables alone. What reads them takes longer to import than attrs.
    may_have_some = sys.platform in {"darwin", "win32"} or any(
        name.lower().endswith("_proxy") for name in os.environ
    )
    if not may_have_some:
        return {}
    from urllib.request import getproxies  # noqa: PLC0415

    return getproxies()
