"""The sentence and the remedy of each kind of observation: change the words here.

A sentence is a template for the facts of the observation. It starts in lower case and has no full
stop; a remedy consists of full sentences.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from attrs import field, frozen

from inngest_rest.findings import Finding, Severity

if TYPE_CHECKING:
    from collections.abc import Mapping

_OK, _WARNING = Severity.OK, Severity.WARNING
_BROKEN, _UNKNOWN = Severity.BROKEN, Severity.UNKNOWN


@frozen
class Kind:
    """A kind of observation."""

    severity: Severity
    sentence: str
    remedy: str | None = None

    def seen(self, remedy: str | None = None, **facts: object) -> Observation:
        """Return an observation of this kind; `remedy` is for one that an error advises."""
        return Observation(kind=self, facts=facts, remedy=remedy)


@frozen
class Observation:
    """What was observed: its kind, and the facts."""

    kind: Kind
    facts: Mapping[str, Any] = field(factory=dict[str, Any])
    remedy: str | None = None

    def finding(self, subject: str) -> Finding:
        remedy = self.kind.remedy
        return Finding(
            kind=subject,
            severity=self.kind.severity,
            message=self.kind.sentence.format_map(self.facts),
            remedy=self.remedy or (remedy and remedy.format_map(self.facts)),
        )


# Whether anything responds.
RESPONDS = Kind(_OK, "{url} responds")
NO_RESPONSE = Kind(
    _BROKEN,
    "no response: {error}",
    "Check INNGEST_BASE_URL and the network; for a dev server, set INNGEST_DEV=1.",
)
NO_RESPONSE_BY_PROXY = Kind(
    _BROKEN,
    "no response: {error}",
    "Check the proxy at {proxy}, or name the server in NO_PROXY.",
)
NO_RESPONSE_OF_DEV_SERVER = Kind(
    _BROKEN,
    "no response: {error}",
    "Start a dev server (`npx inngest-cli@latest dev`), or set INNGEST_DEV to the URL of the one "
    "that runs.",
)

# Whether the server is Inngest.
IS_INNGEST = Kind(_OK, "{server} answers at {url}")
IS_NOT_INNGEST = Kind(
    _BROKEN,
    "the server is not Inngest: {error}",
    "Set INNGEST_BASE_URL to the server's URL, or INNGEST_DEV to that of a dev server.",
)
FAILS = Kind(_BROKEN, "{error}", "Try again later; the server's own log says more.")
REFUSED_IN_BETWEEN = Kind(_BROKEN, "the refusal is not from Inngest: {error}")

# The release.
STATES_RELEASE = Kind(_OK, "release {release}")
IS_NEWER_THAN_KNOWN = Kind(
    _WARNING,
    "release {release} is newer than {newest}, the newest release this package knows",
    "Upgrade inngest-rest, if there is a newer one; calls may lack a route or a field.",
)
IS_CLOUD = Kind(_OK, "Inngest Cloud, which does not state its release")
RELEASE_UNKNOWN = Kind(
    _UNKNOWN,
    "the server does not state its release",
    "Run `inngest version` on its host.",
)

# Whether client and server agree on whether it is a dev server.
MODE_AGREES = Kind(_OK, "{server}, which {needs} keys")
MODE_UNKNOWN = Kind(
    _UNKNOWN, "it may be a dev server", "Set INNGEST_DEV to its URL if it is one."
)
NOT_DEV = Kind(
    _WARNING,
    "INNGEST_DEV, or dev=, is set, but {server} answers, which checks keys",
    "Unset INNGEST_DEV, set INNGEST_BASE_URL to the server's URL, and set the keys.",
)
DEV_NOT_SET = Kind(
    _WARNING,
    "a dev server answers, but calls fail without keys, since INNGEST_DEV is not set",
    "Set INNGEST_DEV={url}.",
)

# Keys.
KEYS_WITHHELD = Kind(
    _WARNING,
    "not sent to another machine over plain http",
    "Use https, or set INNGEST_ALLOW_HTTP=1.",
)
KEY_NOT_NEEDED = Kind(_OK, "not set, and not needed for a dev server")
EVENT_KEY_REPLACED = Kind(_OK, "not set: events are sent one by one, by the API key")
NO_EVENT_KEY = Kind(
    _WARNING, "not set: events cannot be sent", "Set INNGEST_EVENT_KEY."
)
EVENT_KEY_IS_OTHER = Kind(
    _BROKEN, "event_key (INNGEST_EVENT_KEY) is {key_kind}", "Set it to an event key."
)
ANY_EVENT_KEY = Kind(_OK, "set; a dev server takes any")
EVENT_KEY_NOT_TRIED = Kind(
    _UNKNOWN,
    "set and well-formed; whether the server accepts it shows only when an event is sent",
    "Send an event that no function listens to: `inngest-rest send test/doctor`.",
)
ONLY_API_KEY = Kind(
    _WARNING,
    "not set: with an API key alone, there are no {calls}",
    "Set INNGEST_SIGNING_KEY for these.",
)
NO_KEY = Kind(
    _BROKEN,
    "neither a signing key nor an API key is set: runs, events and apps cannot be read",
    "Set INNGEST_SIGNING_KEY, or INNGEST_API_KEY for v2 alone.",
)
API_KEY_IS_SIGNING_KEY = Kind(
    _BROKEN,
    "{name} is a signing key",
    "Set INNGEST_SIGNING_KEY to it, and INNGEST_API_KEY to an API key or to nothing.",
)
KEY_NOT_TRIED = Kind(
    _UNKNOWN, "{name} is well-formed, and was not tried", "Fix the connection first."
)
KEY_NOT_CHECKED = Kind(_OK, "{name} is set; a dev server checks none")
KEY_ACCEPTED = Kind(_OK, "{name} is accepted")
KEY_HAS_PERMISSIONS = Kind(_OK, "{name} is accepted; {permissions}")
KEY_LACKS_PERMISSIONS = Kind(
    _WARNING,
    "{name} is accepted; {permissions}",
    "Make a key with these permissions if you need such calls.",
)
KEY_TRIAL_FAILED = Kind(
    _UNKNOWN, "{name} is set; trying it failed: {error}", "Try again later."
)
KEY_REFUSED_IN_BETWEEN = Kind(
    _UNKNOWN, "whether {name} is accepted is unknown: {error}"
)
KEY_DENIED = Kind(_WARNING, "{name} is denied a read: {error}")
KEY_REJECTED = Kind(
    _BROKEN,
    "the server rejects {name}",
    "Check that it was copied whole, and belongs to this server and environment.",
)
KEY_REJECTED_OTHER_USED = Kind(
    _WARNING,
    "the server rejects {name}, but accepts another key, which is used instead",
    "Check that it was copied whole, and belongs to this server and environment. Or unset it.",
)

# The environment.
NO_ENVIRONMENTS = Kind(_OK, "none; only Inngest Cloud has any")
ENVIRONMENT_IGNORED = Kind(
    _WARNING,
    "{env!r} is ignored: only Inngest Cloud has environments",
    "Unset INNGEST_ENV.",
)
KEYS_OF_TWO_ENVIRONMENTS = Kind(
    _WARNING,
    "the signing keys are for different environments: {key_envs}",
    "Set both to keys of the same environment.",
)
BRANCH_NOT_NAMED = Kind(
    _BROKEN,
    "the signing key is for branch environments, and none is named",
    "Set INNGEST_ENV to the name of the branch environment.",
)
ENVIRONMENT = Kind(_OK, "{env}")
ENVIRONMENT_OF_KEY = Kind(_OK, "{env}, as the signing key is for {key_envs}")
ENVIRONMENT_NOT_IN_KEY = Kind(
    _UNKNOWN,
    "{env!r} is asked for; no prefix of a key shows whether it is for a branch",
    "Copy the signing key with its prefix, such as signkey-branch-.",
)
KEY_OF_OTHER_ENVIRONMENT = Kind(
    _WARNING,
    "{env!r} is asked for, but the signing key is for {key_envs}: calls may act there",
    "Set INNGEST_SIGNING_KEY to the key of branch environments, or unset INNGEST_ENV.",
)

# Whether each call has a route.
CALLS_RULED_OUT = Kind(
    _WARNING,
    'api_version="{api_version}" rules out {calls}',
    'Use api_version="auto", the default, for these.',
)
CLOUD_HAS_BOTH = Kind(_OK, "Inngest Cloud has both APIs")
CALLS_UNKNOWN = Kind(
    _UNKNOWN,
    "which calls the server can answer depends on its release",
    "Compare its release with the first one that has each call, which is shown with the calls.",
)
LISTS_ROUTES = Kind(
    _OK,
    "it lists {number} routes of v2 that calls use; which others it has depends on its release",
)
WITHOUT_ROUTE = Kind(_OK, "the server has no route for {calls}")
NONE_KNOWN_TO_BE_GONE = Kind(_OK, "no route is known to be gone")
EVERY_CALL = Kind(
    _OK,
    "the server has a route for every call; bulk cancellations, webhooks, Insights, experiments, "
    "sessions and the creation of environments are on Inngest Cloud only",
)

# Clocks and proxies.
NO_CLOCK = Kind(
    _UNKNOWN,
    "the server does not state its time",
    "Compare the time of both machines, if `since` and `until` select the wrong runs.",
)
CLOCK_AGREES = Kind(_OK, "the server's clock agrees, to within {skew_s:.1f} s")
CLOCK_IS_OFF = Kind(
    _WARNING,
    "the server's clock is {skew_s:,.1f} s {side} this machine's: `since` and `until` select the "
    "wrong runs",
    "Synchronize the clocks of both machines, for example by NTP.",
)
PROXIES = Kind(_OK, "{proxies}")
NO_PROXY = Kind(_OK, "no proxy is in effect")
