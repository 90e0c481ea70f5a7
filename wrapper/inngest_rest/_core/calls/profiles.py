"""The file of profiles: named servers and the sources of their keys, never the keys.

A profile is a table of TOML, whose settings are those of the client. A key is given by the name of
a variable, `signing_key_variable = "PROD_SIGNING_KEY"`, or by a command that prints it,
`signing_key_command = ["op", "read", "op://prod/inngest/signing"]`, which runs when a client is
made.

One that is named is taken alone: no variable of a server, a key or an environment counts beside it.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from inngest_rest._core.calls.sources import (
    API_BASE_URL,
    API_KEY,
    BASE_URL,
    DEV,
    ENV,
    EVENT_BASE_URL,
    EVENT_KEY,
    FALLBACK,
    SIGNING_KEY,
    Found,
    Reader,
)
from inngest_rest._values.visible import did_you_mean
from inngest_rest.errors import ConfigurationError, Setting

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from inngest_rest.responses import Profile

_PROFILE = Setting("profile", "INNGEST_PROFILE")
_CONFIG_VARIABLE = "INNGEST_CONFIG"

_SERVER = (BASE_URL, EVENT_BASE_URL, API_BASE_URL, DEV)
_KEYS = (EVENT_KEY, SIGNING_KEY, FALLBACK, API_KEY)
_SOURCES = ("variable", "command")
_TYPES: dict[str, Any] = {
    **{each.argument: str for each in (*_SERVER, ENV)},
    "dev": (str, bool),
    "protected": bool,
    **{f"{each.argument}_variable": str for each in _KEYS},
    **{f"{each.argument}_command": list for each in _KEYS},
}

# The name of a variable. What is long, or hex digits alone, is rather the key itself.
_VARIABLE = r"(?!(?:[0-9A-Fa-f]{2}){8,}\Z)[A-Za-z_][A-Za-z0-9_]{0,63}"
_LIKE_A_KEY = "signkey-|sk-inn-"

_COMMAND_TIMEOUT_S = 60.0  # a person may have to unlock a vault


def chosen(reader: Reader) -> Profile | None:
    """Return the profile that an argument names; or the variable, where nothing else is named.

    What else is named is a server or a key. A `dev` that is off names none.
    """
    named = reader.argument(_PROFILE)
    found = named or reader.configured(_PROFILE)
    if found is None:
        return None
    other = _server_or_key(reader.argument)
    if named is None and (other or _server_or_key(reader.configured)):
        return None
    if other is not None:
        reason = f"is of another server or key than profile {found.value}"
        raise other.invalid(reason, "Pass one of them.")
    path = _path_in(reader.environ)
    known = _tables(path)
    if found.value not in known:
        hint = did_you_mean(found.value, known)
        raise _wrong(path, f"has no profile {found.value!r}{hint}")
    return _profile(path, found.value, known[found.value])


def _server_or_key(source: Callable[[Setting], Found | None]) -> Found | None:
    for setting in (*_SERVER, *_KEYS):
        found = source(setting)
        is_off = setting is DEV and found is not None and found.switch() is False
        if found is not None and not is_off:
            return found
    return None


def alone(reader: Reader, profile: Profile) -> Reader:
    """Return a reader of a profile in place of the variables that it has settings for.

    The variables of its keys are read, and the commands that print them are run.
    """
    settings: dict[Setting, Found | None] = {}
    for setting in (*_SERVER, *_KEYS, ENV):
        argument = setting.argument
        value = profile.settings.get(argument)
        if argument in profile.keys:
            value = _key_of(profile, argument, reader.environ)
        name = f"{argument} of profile {profile.name}"
        settings[setting] = None if value is None else Found(setting, name, value)
    off, dev = reader.argument(DEV), settings[DEV]
    if off is not None and dev is not None and dev.switch() is not False:
        raise off.invalid(f"is off beside profile {profile.name}", "Pass one of them.")
    return reader._replace(profile=settings)


def listed(environ: Mapping[str, str]) -> list[Profile]:
    """Return the profiles of the file, in its order; none if there is no file."""
    from inngest_rest.responses import Profile  # noqa: PLC0415 - few have a file

    path = _path_in(environ)
    profiles: list[Profile] = []
    for name, table in _tables(path).items():
        try:
            profile = _profile(path, name, table)
        except ConfigurationError as error:
            profile = Profile(name=name, problem=str(error))
        profiles.append(profile)
    return profiles


def _path_in(environ: Mapping[str, str]) -> Path:
    """Return the path of the file, which need not exist."""
    named = environ.get(_CONFIG_VARIABLE)
    if named:
        return Path(named)
    home = environ.get("HOME") or Path.home()
    folder = environ.get("XDG_CONFIG_HOME") or Path(home, ".config")
    return Path(folder, "inngest-rest", "config.toml")


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    """Return the tables of the file by name, of which one may be wrong."""
    import tomllib  # noqa: PLC0415 - few have a file

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _wrong(path, f"cannot be read: {error.strerror}") from None
    except ValueError:
        # The error may quote a line that has a key.
        raise _wrong(path, "is not TOML in UTF-8") from None
    for name, table in content.items():
        if not isinstance(table, dict):
            reason = f"has {name} outside a profile: write it below [NAME]"
            raise _wrong(path, reason)
    return content


def _profile(path: Path, name: str, given: dict[str, Any]) -> Profile:
    from inngest_rest.responses import Profile  # noqa: PLC0415 - few have a file

    for setting, value in given.items():
        problem = _problem_of(setting, value)
        if problem is not None:
            raise _wrong(path, f"has {setting} in profile {name}{problem}")
    settings = {
        each.argument: given[each.argument]
        for each in (*_SERVER, ENV)
        if each.argument in given
    }
    if isinstance(given.get("dev"), bool):
        settings["dev"] = str(int(given["dev"]))
    keys: dict[str, str] = {}
    for key in _KEYS:
        for source in _SOURCES:
            named = given.get(f"{key.argument}_{source}")
            if named is not None:
                words = shlex.join(named) if source == "command" else named
                keys[key.argument] = f"{source} {words}"
    return Profile(
        name=name,
        settings=settings,
        keys=keys,
        is_protected=given.get("protected", False),
    )


def _problem_of(setting: str, value: object) -> str | None:
    """Return what is wrong with a setting, without its value: that may be a key."""
    if setting in {key.argument for key in _KEYS}:
        return (
            f": the file must not contain keys. Name a variable ({setting}_variable) or a command "
            f"({setting}_command)"
        )
    if setting not in _TYPES:
        return f", which is not a setting{did_you_mean(setting, _TYPES)}"
    if re.search(_LIKE_A_KEY, str(value)):
        return " whose value looks like a key; keys do not belong in the file"
    if setting.endswith("_variable") and not re.fullmatch(_VARIABLE, str(value)):
        return " that is not the name of a variable"
    if setting.endswith("_command"):
        words = cast("list[object]", value) if isinstance(value, list) else []
        are_words = words and all(isinstance(word, str) for word in words)
        return None if are_words else " that is not a list of words"
    if not isinstance(value, _TYPES[setting]):
        return " that is not text, or true or false"
    return None


def _key_of(profile: Profile, key: str, environ: Mapping[str, str]) -> str:
    """Return a key of a profile: read the variable, or run the command, that it names."""
    kind, _, rest = profile.keys[key].partition(" ")
    if kind == "command":
        return _printed(profile, key, shlex.split(rest))
    value = environ.get(rest)
    if not value:
        reason = f"{key}_variable names {rest}, which is not set"
        raise _wrong(f"profile {profile.name}:", reason)
    return value


def _printed(profile: Profile, key: str, command: list[str]) -> str:
    """Return the output of a command; errors have neither that nor its standard error.

    The command may read from a terminal, but not from a pipe: that has the events to send, or the
    requests of an agent.
    """
    import subprocess  # noqa: PLC0415 - few have a command

    is_terminal = sys.stdin is not None and sys.stdin.isatty()
    place = f"profile {profile.name}:"
    try:
        ran = subprocess.run(  # noqa: S603 - the user's own command, without a shell
            command,
            stdin=None if is_terminal else subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            timeout=_COMMAND_TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        reason = f"{key}_command cannot be run: {type(error).__name__}"
        raise _wrong(place, reason) from None
    value = ran.stdout.decode("utf-8", "replace").strip()
    if ran.returncode != 0 or not value:
        reason = f"{key}_command has printed no key: exit status {ran.returncode}"
        raise _wrong(place, reason)
    return value


def _wrong(place: Path | str, reason: str) -> ConfigurationError:
    return Found(setting=_PROFILE, name=str(place), value="").invalid(reason)
