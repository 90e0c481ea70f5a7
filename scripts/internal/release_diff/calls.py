"""What the calls of the client make of a server, against what they made of another one.

`works`: the same result. `degrades`: it says less, or says it otherwise. `breaks`: an error instead
of a result. `lies`: less than there is, and no error.
"""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import attrs
import httpx
import yaml
from attrs import field, frozen

from inngest_rest import InngestClient, InngestError
from inngest_rest.call_row import EVENT_ID, RUN_ID, Effect
from inngest_rest.calls import ROWS
from inngest_rest.client.groups import Paginator
from inngest_rest.client.polling import EndedRuns
from tests.support.calls import ROUTES
from tests.support.calls import call as call_by_example

if TYPE_CHECKING:
    from inngest_rest.typing import ApiVersion
    from scripts.internal.release_diff.subjects import Subject
    from scripts.internal.release_diff.survey import World

Verdict = Literal["works", "degrades", "breaks", "lies"]
Call = Callable[[InngestClient, "World"], Any]

WORST = ("lies", "breaks", "degrades", "works")

BY_HAND: Mapping[str, Any] = yaml.safe_load(
    Path(__file__).with_name("calls.yaml").read_text(encoding="utf-8")
)

# What is compared of a result that differs each time.
COMPARED: Mapping[str, Callable[[Any], Any]] = {
    "send": len,
    "send_and_wait": lambda runs: runs[0].status,
    "runs.replay": bool,
    "functions.invoke": bool,
}


def _by_hand(named: str, client: InngestClient, world: World) -> Any:
    """Make a call with the arguments that the table has."""
    name = named.partition(" ")[0]
    result = attrgetter(name)(client)(**_filled(BY_HAND[named], world))
    if isinstance(result, Paginator | EndedRuns):
        result = list(result)
    return COMPARED[name](result) if name in COMPARED else result


def _filled(value: Any, world: World) -> Any:
    """Return arguments with the ids of what is in the world."""
    if isinstance(value, dict):
        return {name: _filled(each, world) for name, each in value.items()}
    if isinstance(value, list):
        return [_filled(each, world) for each in value]
    if isinstance(value, str):
        return value.format(app=world.app, runs=world.runs, events=world.events)
    return value


def _every_run(client: InngestClient, world: World) -> Any:
    return [client.runs.get(each) for each in world.runs.values()]


def _exported(client: InngestClient, world: World) -> Any:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "runs.ndjson"
        client.runs.export(file, app=world.app, function="echoes")
        return sorted(file.read_text(encoding="utf-8").splitlines())


def _by_example(name: str, client: InngestClient, world: World) -> Any:
    """Make a call with the example of its row, about what is in the world."""
    app, function = world.app, "echoes"
    ids = {RUN_ID: world.runs[function], EVENT_ID: world.events[function]}
    result = call_by_example(client, name, {**ids, "shop": app, "charge": function})
    return COMPARED[name](result) if name in COMPARED else result


def _by_examples() -> Iterable[tuple[str, Call]]:
    """Yield each call, and once more for each API behind its first; those that only read first."""
    by_hand = {each.partition(" ")[0] for each in BY_HAND}
    rows = [row for row in ROWS if row.name in ROUTES.keys() - {"runs.watch", *by_hand}]
    for row in sorted(rows, key=lambda it: it.effect is not Effect.READ):
        families = dict.fromkeys(it.tag for it in ROUTES[row.name] if not it.cloud_only)
        # What acts on Inngest Cloud alone might act there, on what is not ours.
        if families and (row.effect is Effect.READ or not row.is_of_cloud):
            yield row.name, partial(_by_example, row.name)
            for family in list(families)[1:]:
                yield f"{row.name} ({family})", partial(_by_example, row.name)


def _calls() -> Iterable[tuple[str, Call]]:
    for named in BY_HAND:
        yield named, partial(_by_hand, named)
    yield "runs.export", _exported
    yield from _by_examples()
    yield "runs.get", _every_run


CALLS: Mapping[str, Call] = dict(_calls())
"""Every call that asks something of a server; what acts on ended runs comes last."""


@frozen
class Outcome:
    """What came of a call.

    Attributes:
        error: Its error, if it raised one.
        result: Its result, as paths and values.
        is_refused: Whether the last response was an error.
    """

    error: str | None
    result: Mapping[str, Any] = field(factory=dict)
    is_refused: bool = False


@frozen
class Judgement:
    """What a call makes of the new server."""

    call: str
    verdict: Verdict
    why: str = ""


class Carrier(httpx.HTTPTransport):
    """Sends to a server, and notes whether the last response was an error."""

    is_refused = False

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request."""
        response = super().handle_request(request)
        self.is_refused = not response.is_success
        return response


def made(subject: Subject, world: World, calls: Mapping[str, Call] = CALLS) -> dict[str, Outcome]:
    """Make calls; return what came of each."""
    found = {}
    for name, call in calls.items():
        family: ApiVersion = (
            "v2" if name.endswith("(v2)") else "v1" if name.endswith("(v1)") else "auto"
        )
        found[name] = _made(subject, world, call, family)
    return found


def _made(subject: Subject, world: World, call: Call, family: ApiVersion) -> Outcome:
    server = subject.server
    carrier = Carrier()
    needs_keys = server.signing_key is not None
    error, result = None, None
    with InngestClient(
        dev=None if needs_keys else server.url,
        base_url=server.url if needs_keys else None,
        event_key=server.event_key,
        signing_key=server.signing_key,
        transport=carrier,
        retries=0,
        timeout=10,
        api_version=family,
    ) as client:
        try:
            result = call(client, world)
        except (InngestError, KeyError) as caught:
            error = f"{type(caught).__name__}: {_brief(caught)}"
    return Outcome(error, dict(_flat(result)), carrier.is_refused)


def _brief(error: object) -> str:
    """Return the first line of a message, without the request, whose address differs."""
    return re.sub(r"[A-Z]+ https?://\S+ ", "", str(error).partition("\n")[0])


def _flat(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    """Yield a result as paths and values, also how many a list has."""
    if attrs.has(type(value)):
        value = {it.name: getattr(value, it.name) for it in attrs.fields(type(value))}
    if isinstance(value, Mapping):
        for name, each in value.items():
            yield from _flat(each, f"{path}.{name}")
    elif isinstance(value, list | tuple):
        yield f"{path}[]", len(value)
        for index, each in enumerate(value):
            yield from _flat(each, f"{path}[{index}]")
    else:
        yield path, _brief(value) if isinstance(value, str) else value


OF_THE_MOMENT = {".clock_skew_s", ".listeners[*].has_changed"}
"""What differs between two calls now and then."""


def judge(call: str, before: Outcome, after: Outcome) -> Judgement:
    """Compare what came of a call on two servers."""
    if after.error is not None:
        return _judged_error(call, before, after)
    if before.error is not None:
        return Judgement(call, "works", f"no {before.error.partition(':')[0]} any more")
    was, is_now = before.result.get, after.result.get
    paths = (before.result.keys() | after.result.keys()) - OF_THE_MOMENT
    changed = sorted(path for path in paths if was(path) != is_now(path))
    for path in changed:
        one, two = was(path), is_now(path)
        if path.endswith("[]") and isinstance(one, int) and isinstance(two, int) and two < one:
            return Judgement(call, "lies", f"{two} of {one} items")
    if not changed:
        return Judgement(call, "works")
    first = min(changed, key=len)
    shown = f"{first.strip('.') or 'the result'} is {is_now(first)!r:.40}"
    return Judgement(call, "degrades", shown)


def _judged_error(call: str, before: Outcome, after: Outcome) -> Judgement:
    error = str(after.error)
    if before.error is None:
        # Where the old server refused as well, the client knew what that meant.
        return Judgement(call, "degrades" if before.is_refused else "breaks", error)
    if before.error.partition(":")[0] == error.partition(":")[0]:
        return Judgement(call, "works")
    return Judgement(call, "degrades", error)


def differing(
    old: Subject, one: World, new: Subject, two: World, calls: Mapping[str, Call] = CALLS
) -> list[Judgement]:
    """Return the calls that end otherwise on a new server than on an old one, the worst first.

    Ids and times differ; errors, how many items there are, and what is empty do not.
    """
    after = made(new, two, calls)
    found = []
    for name, outcome in made(old, one, calls).items():
        before = attrs.evolve(outcome, result=_rough(outcome))
        now = attrs.evolve(after[name], result=_rough(after[name]))
        found.append(judge(name, before, now))
    changed = [each for each in found if each.verdict != "works"]
    return sorted(changed, key=lambda each: WORST.index(each.verdict))


def _rough(outcome: Outcome) -> dict[str, Any]:
    """Return how many items there are, and which fields any of them has; their order may differ."""
    found: dict[str, Any] = {}
    for path, value in outcome.result.items():
        place = re.sub(r"\[\d+\]", "[*]", path)
        if path.endswith("[]"):
            found[path] = value
        elif not isinstance(value, bool | int | float):
            found[place] = found.get(place, False) or value is not None
    return found
