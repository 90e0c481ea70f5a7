"""Where a setting comes from: an argument, an environment variable, or a profile in its place.

The only module that reads the environment. Any argument overrides any variable; an empty variable
counts as absent, an empty argument as an error.
"""

from __future__ import annotations

import os
import re
import sys
from typing import TYPE_CHECKING, NamedTuple

from inngest_rest._core.secret import Secret
from inngest_rest.errors import Advice, ConfigurationError, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

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
ALLOW_HTTP_ON = Setting("allow_http=True", "INNGEST_ALLOW_HTTP=1")

# The pattern of a key, and the reason given if it does not match. Compiled at first use: many
# processes import this package without having a key.
_KEY = (
    r"[\x21-\x7e]+",
    "is malformed: a key is printable ASCII without spaces, line breaks or control characters",
)
_SWITCHES = {"1": True, "true": True, "0": False, "false": False}


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
        """Return the error for it: its name, the reason, and the remedy, a sentence."""
        advice = how if isinstance(how, Advice) else Advice(how)
        return ConfigurationError(
            f"{self.name} {reason}", settings=[self.setting], advice=advice
        )


class Reader(NamedTuple):
    """Looks up settings by argument, and by variable or in a profile."""

    arguments: Mapping[str, str | None]
    environ: Mapping[str, str]
    # What counts in place of the variables of a server, a key and an environment.
    profile: Mapping[Setting, Found | None] = {}

    @classmethod
    def of(
        cls, arguments: Mapping[str, str | None], environ: Mapping[str, str] | None
    ) -> Reader:
        """Return a reader; without `environ`, of the process's own variables."""
        return cls(arguments, os.environ if environ is None else environ)

    def argument(self, setting: Setting) -> Found | None:
        value = self.arguments.get(setting.argument)
        if value is None:
            return None
        found = Found(setting=setting, name=setting.argument, value=value)
        if not isinstance(value, str):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise found.invalid(f"must be text, not {type(value).__name__}")
        return found

    def configured(self, setting: Setting) -> Found | None:
        """Return what the profile has for a setting, or its variable."""
        if setting in self.profile:
            return self.profile[setting]
        variable = setting.variable
        value = None if variable is None else self.environ.get(variable)
        if variable is None or not value:
            return None
        return Found(setting=setting, name=variable, value=value)

    def find(self, setting: Setting) -> Found | None:
        return self.argument(setting) or self.configured(setting)


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
