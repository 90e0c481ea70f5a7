"""Findings about keys: present, of the right kind, accepted, and of the environment asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from inngest_rest._core.diagnosis.call_routes import calls_not_asked
from inngest_rest.diagnosis import Check, Finding, FindingState, ServerKind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from inngest_rest._core.diagnosis.evidence import Evidence
    from inngest_rest._core.diagnosis.probes import Answer
    from inngest_rest._core.secret import Secret

# By the prefixes of the vendor's keys (document, security schemes).
_KINDS = {"signkey-": "a signing key", "sk-inn-api-": "an API key"}

_WITHHELD = (
    "Use https, or set INNGEST_ALLOW_HTTP=1 to send keys over plain http to another machine."
)

_OTHER_KEY = "Check that it was copied whole, and belongs to this server and environment."


def of_keys(found: Evidence) -> Iterator[Finding]:
    """Yield a finding about each key that is set, or should be."""
    yield _of_event_key(found)
    yield from _of_signing_keys(found)
    if found.settings.api_key is not None:
        yield _of_api_key(found, found.settings.api_key)


def _of_event_key(found: Evidence) -> Finding:
    settings, key = found.settings, found.settings.event_key
    about = Check.EVENT_KEY
    if key is None:
        if settings.withholds_keys:
            return _withheld(about)
        if _needs_no_key(found):
            return Finding(about, FindingState.OK, "not set, and not needed for a dev server")
        return Finding(
            about,
            FindingState.WARNING,
            "not set: events cannot be sent",
            "Set INNGEST_EVENT_KEY, if events are to be sent.",
        )
    if (kind := _kind_of(key)) is not None:
        return Finding(
            about,
            FindingState.PROBLEM,
            f"event_key (INNGEST_EVENT_KEY) is {kind}",
            "Set INNGEST_EVENT_KEY to an event key.",
        )
    if found.kind is ServerKind.DEV:
        return Finding(about, FindingState.OK, "set; a dev server takes any")
    return Finding(
        about,
        FindingState.UNKNOWN,
        "set and well-formed; whether the server accepts it shows only when an event is sent",
        "Send an event that no function listens to: `inngest-rest send test/doctor`.",
    )


def _of_signing_keys(found: Evidence) -> Iterator[Finding]:
    settings = found.settings
    if not settings.signing_bearers:
        yield _without_signing_key(found)
        return
    if not found.is_up:
        yield _untried(Check.SIGNING_KEY, " and ".join(settings.signing_key_kinds))
        return
    is_one_accepted = any(each.is_accepted for each in found.signing_keys.values())
    for name, answer in found.signing_keys.items():
        yield _of_answer(found, Check.SIGNING_KEY, name, answer, has_other=is_one_accepted)


def _without_signing_key(found: Evidence) -> Finding:
    settings, about = found.settings, Check.SIGNING_KEY
    if settings.withholds_keys:
        return _withheld(about)
    if _needs_no_key(found):
        return Finding(about, FindingState.OK, "not set, and not needed for a dev server")
    if settings.api_key is not None:
        return Finding(
            about,
            FindingState.WARNING,
            "not set: with an API key alone, there are no " + ", ".join(calls_not_asked(settings)),
            "Set INNGEST_SIGNING_KEY for these.",
        )
    return Finding(
        about,
        FindingState.PROBLEM,
        "neither a signing key nor an API key is set: runs, events and apps cannot be read",
        "Set INNGEST_SIGNING_KEY, or INNGEST_API_KEY for v2 alone.",
    )


def _of_api_key(found: Evidence, key: Secret) -> Finding:
    about, name = Check.API_KEY, "api_key (INNGEST_API_KEY)"
    if key.reveal().startswith("signkey-"):
        return Finding(
            about,
            FindingState.PROBLEM,
            f"{name} is a signing key",
            "Set INNGEST_SIGNING_KEY to it, and INNGEST_API_KEY to an API key or to nothing.",
        )
    if found.api_key is None:
        return _untried(about, name)
    is_one_accepted = any(each.is_accepted for each in found.signing_keys.values())
    return _of_answer(found, about, name, found.api_key, has_other=is_one_accepted)


def _of_answer(
    found: Evidence, about: Check, name: str, answer: Answer[Any], *, has_other: bool
) -> Finding:
    """Return the finding about a key that was tried."""
    if found.kind is ServerKind.DEV:
        return Finding(about, FindingState.OK, f"{name} is set; a dev server checks none")
    if answer.is_accepted:
        return Finding(about, FindingState.OK, f"{name} is accepted")
    if answer.is_refused:
        message = f"the server rejects {name}"
        if has_other:
            message += ", but accepts another key, which is used in its place"
            return Finding(about, FindingState.WARNING, message, f"{_OTHER_KEY} Or unset it.")
        return Finding(about, FindingState.PROBLEM, message, _OTHER_KEY)
    return Finding(
        about,
        FindingState.UNKNOWN,
        f"{name} is set and well-formed; trying it failed: {answer.error}",
        "Try again later.",
    )


def of_environment(found: Evidence) -> Finding:
    """Return whether the signing key and the branch environment agree."""
    env = found.settings.env
    kinds = list(dict.fromkeys(filter(None, found.settings.signing_key_kinds.values())))
    about, ok, warning = Check.ENVIRONMENT, FindingState.OK, FindingState.WARNING
    if found.kind in {ServerKind.DEV, ServerKind.SELF_HOSTED}:
        if env is None:
            return Finding(about, ok, "none; only Inngest Cloud has any")
        message = f"{env!r} is asked for, but only Inngest Cloud has environments: it is ignored"
        return Finding(about, warning, message, "Unset INNGEST_ENV for this server.")
    if len(set(kinds)) > 1:
        message = (
            f"the signing keys are for different environments: {' and '.join(map(str, kinds))}"
        )
        return Finding(about, warning, message, "Set both to keys of the same environment.")
    kind = kinds[0] if kinds else None
    if kind == "branch" and env is None:
        return Finding(
            about,
            FindingState.PROBLEM,
            "the signing key is for branch environments, and none is named",
            "Set INNGEST_ENV to the name of the branch environment.",
        )
    if env is None or kind == "branch":
        of_key = f", as the signing key is for {kind}" if kind else ""
        return Finding(about, ok, f"{env or 'that of the keys'}{of_key}")
    if kind is None:
        return Finding(
            about,
            FindingState.UNKNOWN,
            f"{env!r} is asked for; no prefix of a key shows whether it is for branch environments",
            "Copy the signing key with its prefix, such as signkey-branch-.",
        )
    return Finding(
        about,
        warning,
        f"{env!r} is asked for, but the signing key is for {kind}: calls may act on that instead",
        "Set INNGEST_SIGNING_KEY to the key of branch environments, or unset INNGEST_ENV.",
    )


def _needs_no_key(found: Evidence) -> bool:
    """Return whether the server is a dev server, for all that is known."""
    return found.settings.dev and found.kind in {ServerKind.DEV, None}


def _kind_of(key: Secret) -> str | None:
    return next((kind for prefix, kind in _KINDS.items() if key.reveal().startswith(prefix)), None)


def _withheld(about: Check) -> Finding:
    message = "not sent: the dev server is on another machine, and reached by plain http"
    return Finding(about, FindingState.WARNING, message, _WITHHELD)


def _untried(about: Check, name: str) -> Finding:
    return Finding(
        about,
        FindingState.UNKNOWN,
        f"{name} is set and well-formed; it was not tried",
        "Mend the connection to the server first.",
    )
