"""The file of profiles: named servers and the sources of their keys, never the keys.

A profile is a table of TOML, whose settings are those of the client. A key is given by the name of
a variable, `signing_key_variable = "PROD_SIGNING_KEY"`, or by a command that prints it,
`signing_key_command = ["op", "read", "op://prod/inngest/signing"]`, which runs when it is needed.
"""

from __future__ import annotations

import re
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from inngest_rest._values.visible import did_you_mean
from inngest_rest.errors import Advice, ConfigurationError, Setting

if TYPE_CHECKING:
    from collections.abc import Mapping

    from inngest_rest.responses import Profile

PROFILE = Setting("profile", "INNGEST_PROFILE")
CONFIG_VARIABLE = "INNGEST_CONFIG"

_TEXTS = ("base_url", "event_base_url", "api_base_url", "env", "dev")
_KEYS = ("event_key", "signing_key", "signing_key_fallback", "api_key")
_SOURCES = ("variable", "command")
_KNOWN = (
    *_TEXTS,
    "protected",
    *(f"{key}_{source}" for key in _KEYS for source in _SOURCES),
)

# The name of a variable. What is long, or hex digits alone, is rather the key itself.
_VARIABLE = r"(?!(?:[0-9A-Fa-f]{2}){8,}\Z)[A-Za-z_][A-Za-z0-9_]{0,63}"

_COMMAND_TIMEOUT_S = 60.0  # a person may have to unlock a vault


def path_in(environ: Mapping[str, str]) -> Path:
    """Return the path of the file, which need not exist."""
    named = environ.get(CONFIG_VARIABLE)
    if named:
        return Path(named)
    home = environ.get("HOME") or Path.home()
    folder = environ.get("XDG_CONFIG_HOME") or Path(home, ".config")
    return Path(folder, "inngest-rest", "config.toml")


def listed(environ: Mapping[str, str]) -> list[Profile]:
    """Return the profiles of the file, in its order; none if there is no file."""
    from inngest_rest.responses import Profile  # noqa: PLC0415 - few have a file

    path = path_in(environ)
    profiles: list[Profile] = []
    for name, table in _tables(path).items():
        try:
            profile = _profile(path, name, table)
        except ConfigurationError as error:
            profile = Profile(name=name, problem=str(error))
        profiles.append(profile)
    return profiles


def _tables(path: Path) -> dict[str, dict[str, Any]]:
    """Return the tables of the file by name, of which one may be wrong."""
    import tomllib  # noqa: PLC0415 - few have a file

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except OSError as error:
        raise _invalid(path, f"cannot be read: {error.strerror}") from None
    except ValueError:
        # The error may quote a line that has a key.
        raise _invalid(path, "is not TOML in UTF-8") from None
    for name, table in content.items():
        if not isinstance(table, dict):
            reason = f"has {name} outside a profile: write it below [NAME]"
            raise _invalid(path, reason)
    return content


def named(name: str, environ: Mapping[str, str]) -> Profile:
    """Return a profile of the file; raise ConfigurationError if the file lacks it."""
    path = path_in(environ)
    known = _tables(path)
    if name not in known:
        hint = did_you_mean(name, known)
        reason = f"{path} has no profile {name!r}{hint}"
        raise ConfigurationError(reason, settings=[PROFILE])
    return _profile(path, name, known[name])


def key_of(profile: Profile, key: str, environ: Mapping[str, str]) -> str | None:
    """Return a key of a profile: read the variable, or run the command, that it names."""
    source = profile.keys.get(key)
    if source is None:
        return None
    kind, _, rest = source.partition(" ")
    if kind == "command":
        return _printed(profile, key, shlex.split(rest))
    value = environ.get(rest)
    if not value:
        raise _of(profile, f"{key}_variable names {rest}, which is not set")
    return value


def _printed(profile: Profile, key: str, command: list[str]) -> str:
    """Return the output of a command; errors have neither that nor its standard error.

    The command may read from a terminal, but not from a pipe: that has the events to send, or the
    requests of an agent.
    """
    import subprocess  # noqa: PLC0415 - few have a command

    is_terminal = sys.stdin is not None and sys.stdin.isatty()
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
        raise _of(profile, reason) from None
    value = ran.stdout.decode("utf-8", "replace").strip()
    if ran.returncode != 0 or not value:
        reason = f"{key}_command has printed no key: exit status {ran.returncode}"
        raise _of(profile, reason)
    return value


def _profile(path: Path, name: str, given: dict[str, Any]) -> Profile:
    from inngest_rest.responses import Profile  # noqa: PLC0415 - few have a file

    for setting, value in given.items():
        _check(path, name, setting, value)
    settings = {text: str(given[text]) for text in _TEXTS if text in given}
    if isinstance(given.get("dev"), bool):
        settings["dev"] = str(int(given["dev"]))
    variables: dict[str, str] = {}
    commands: dict[str, str] = {}
    for key in _KEYS:
        variable = given.get(f"{key}_variable")
        if variable is not None:
            variables[key] = f"variable {variable}"
        command = given.get(f"{key}_command")
        if command is not None:
            commands[key] = f"command {shlex.join(command)}"
    return Profile(
        name=name,
        settings=settings,
        keys={**variables, **commands},
        is_protected=given.get("protected", False),
    )


def _check(
    path: Path,
    name: str,
    setting: str,
    value: object,
) -> None:
    """Reject a setting that is unknown or of another type, and anything that looks like a key."""
    place = f"has {setting} in profile {name}"
    if setting in _KEYS or setting == "headers":
        how = f"Name a variable ({setting}_variable) or a command ({setting}_command)."
        raise _invalid(path, f"{place}: the file must not contain keys", how)
    if setting not in _KNOWN:
        hint = did_you_mean(setting, _KNOWN)
        raise _invalid(path, f"{place}, which is not a setting{hint}")
    if _has_a_key(value):
        reason = "whose value looks like a key; keys do not belong in the file"
        raise _invalid(path, f"{place} {reason}")
    if setting.endswith("_variable") and not re.fullmatch(_VARIABLE, str(value)):
        raise _invalid(path, f"{place} that is not the name of a variable")
    if not _has_right_type(setting, value):
        is_command = setting.endswith("_command")
        kind = "a list of words" if is_command else "text, or true or false"
        raise _invalid(path, f"{place} that is not {kind}")


def _has_a_key(value: object) -> bool:
    """Return whether a value, or a word of a command, looks like a key."""
    words = cast("list[object]", value) if isinstance(value, list) else [value]
    return any(map(_looks_like_a_key, words))


def _has_right_type(setting: str, value: object) -> bool:
    if setting == "protected":
        return isinstance(value, bool)
    if setting.endswith("_command"):
        words = cast("list[object]", value) if isinstance(value, list) else []
        return bool(words) and all(isinstance(word, str) for word in words)
    if setting == "dev" and isinstance(value, bool):
        return True
    return isinstance(value, str)


def _looks_like_a_key(value: object) -> bool:
    return isinstance(value, str) and ("signkey-" in value or "sk-inn-" in value)


def _invalid(path: Path, reason: str, how: str = "") -> ConfigurationError:
    return ConfigurationError(
        f"{path} {reason}", settings=[PROFILE], advice=Advice(how)
    )


def _of(profile: Profile, reason: str) -> ConfigurationError:
    return ConfigurationError(f"profile {profile.name}: {reason}", settings=[PROFILE])
