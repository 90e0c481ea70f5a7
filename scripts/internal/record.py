"""Record the responses of a server that the document or the mock would be wrong about.

Asks each server of --bins, which it starts, or the one at --url, as scripts/release-diff does, and
the mock of the newest recorded release, too. What is not as documented, or not as the mock answers,
is written to tests/contract/recordings, in the form that the README there describes, each reason
once and in its shortest response. With -k only what has one of the words in the name of its
operation or file; with --all also what is as documented. Keys are masked.

A call that scripts/release-diff does not know is recorded with --ask, with the ids of what was made
on the server in place of {runId}, {eventId}, {appId} and {functionId}:

    scripts/record --bins ./inngest --ask 'POST /v2/runs/{runId}/annotations {"text": "checked"}'

Then the document and the mock have to read what was recorded: what they do not is listed, and has
to be written into openapi/inngest.yaml and mock/inngest_rest_mock.

Exit status: 0 all that was recorded is read; 1 some is not yet; 2 nothing was recorded.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from inngest_rest_api.api import NEWEST_RECORDED
from inngest_rest_tools.keys import with_texts, without_keys
from scripts.internal.release_diff.bodies import form
from scripts.internal.release_diff.responses import undocumented
from scripts.internal.release_diff.subjects import (
    MOCKED_APP,
    CannotCompareError,
    Subject,
    ask,
    subject,
)
from scripts.internal.release_diff.survey import Probe, lacks, survey
from scripts.internal.servers import Keys, end_servers_when_terminated, take_keys
from tests.contract.live_routes import routes_of
from tests.contract.mock_world import make_mock
from tests.contract.recordings import FOLDER, Recording
from tests.contract.world import parts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from scripts.internal.release_diff.survey import Survey

    Exchanges = Mapping[Probe, Recording]

ROOT = Path(__file__).resolve().parents[2]

READERS = (
    "tests/contract/test_recordings.py",
    "tests/contract/test_sources.py",
)
"""The tests that hold the document to the recordings."""

MASK = "***"

HASH = 16
"""A part of a key that is shorter is no secret, and may be a word."""

ASKED = "asked for"


def main() -> int:
    end_servers_when_terminated()
    options = _parser().parse_args()
    keys = take_keys(os.environ)
    written: dict[Path, Recording] = {}
    for named in options.bins or [options.url]:
        try:
            with subject(named, keys) as found:
                release = options.release or stated_release(found)
                every = exchanges(found, options.ask)
                reasons = reasons_of(every, mocked(), release)
                chosen = selected(every, reasons, options.words, everything=options.all)
                kind = f"{server_kind(every)}{'-postgres' * bool(keys.postgres_uri)}"
                files = write(chosen, found, release, kind, FOLDER)
                written |= files
                for probe, path in zip(chosen, files, strict=True):
                    print(path.name, *reasons[probe], sep="\n    ")
        except (CannotCompareError, ValueError) as error:
            print(f"Not recorded: {error}", file=sys.stderr)
    if not written:
        print("Nothing was recorded: all is as documented, or not selected.", file=sys.stderr)
        return 2
    return read_back(written)


def stated_release(found: Subject) -> str:
    """Return the release that a server states.

    Raises:
        ValueError: It states none, as a self-hosted one does.
    """
    if "+" in found.release:
        raise ValueError(f"{found.server.url} does not state its release: give it by --release")
    return found.release


def exchanges(found: Subject, own: Iterable[str]) -> Exchanges:
    """Ask a server everything, and what was given by --ask."""
    surveyed = survey(found)
    return {**surveyed.exchanges, **_own(found, surveyed, own)}


def mocked() -> Exchanges:
    """Ask the mock of the newest recorded release the same."""
    mock = make_mock(MOCKED_APP, release=NEWEST_RECORDED)
    with mock.serve() as url, subject(url, Keys()) as found:
        return survey(found).exchanges


def _own(found: Subject, surveyed: Survey, own: Iterable[str]) -> Exchanges:
    """Send the requests that --ask gives: method, path, and JSON for a body."""
    asked = {}
    with found.http() as http:
        for text in own:
            method, path, body = (*text.split(" ", 2), "", "")[:3]
            filled = surveyed.world.fill(path)
            if not path.startswith("/") or filled is None:
                raise ValueError(f"--ask {text!r}: METHOD /PATH JSON, with known names in braces")
            probe = Probe(ASKED, f"{method} {path}", method, path)
            sent = json.loads(body) if body else None
            asked[probe] = ask(http, probe.name, method, filled, query={}, body=sent)
    return asked


def selected(
    every: Exchanges, reasons: Mapping[Probe, Sequence[str]], words: str | None, *, everything: bool
) -> Exchanges:
    """Return what there is a reason to record, each reason once and in its shortest response.

    Args:
        every: All exchanges.
        reasons: Why to record them, as `reasons_of` gives it.
        words: Only those whose operation or file has one of these words.
        everything: Whether to return also those without a reason.
    """
    wanted = (words or "").lower().split()
    chosen: dict[Probe, Recording] = {}
    shown: set[tuple[str, str]] = set()
    for probe, exchange in sorted(every.items(), key=lambda each: _rank(*each)):
        name = f"{probe.operation} {slug(probe)}".lower()
        found = {(probe.operation, reason) for reason in reasons.get(probe, ())}
        is_wanted = not wanted or any(word in name for word in wanted)
        if is_wanted and (found - shown or everything):
            chosen[probe] = exchange
            shown |= found
    return chosen


def reasons_of(every: Exchanges, mocked: Exchanges, release: str) -> dict[Probe, list[str]]:
    """Return why exchanges are to be recorded: in what document or mock would be wrong about them.

    Args:
        every: The exchanges of a server.
        mocked: Those of the mock.
        release: The release of the server: what it has not had yet is no reason.
    """
    absent = routes_of(release).lacks
    found: dict[Probe, list[str]] = {}
    for probe, exchange in every.items():
        if probe.operation in absent:
            continue
        is_gone = lacks(exchange)
        reasons = [] if is_gone else sorted(undocumented(exchange))
        if is_gone:
            reasons += ["the route is gone"] * (probe in mocked and not lacks(mocked[probe]))
        elif probe in mocked and form(mocked[probe]) != form(exchange):
            reasons.append(f"the mock answers {form(mocked[probe])}, not {form(exchange)}")
        if probe.name == ASKED:
            reasons.append(ASKED)
        found[probe] = reasons
    return found


def _rank(probe: Probe, exchange: Recording) -> tuple[bool, int]:
    return probe.name != ASKED, len(json.dumps(exchange.received))


def slug(probe: Probe) -> str:
    """Return the name of a file without the release: `cancel-run-v2-of-an-ended-run`."""
    dashed = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", "-", f"{probe.operation} {probe.name}")
    return re.sub(r"[^a-z0-9]+", "-", re.sub(r"\{\w+\}", "", dashed).lower()).strip("-")


def server_kind(every: Exchanges) -> str:
    """Return how a server was started: `dev`, or `start` where it requires keys."""
    kinds = {each.headers.get("x-inngest-server-kind") for each in every.values()}
    return "start" if "cloud" in kinds else "dev"


def write(
    chosen: Exchanges, found: Subject, release: str, kind: str, folder: Path
) -> dict[Path, Recording]:
    """Write a file for each exchange; return what the files now have."""
    secrets = [each for each in (found.server.event_key, found.server.signing_key) if each]
    minor = ".".join(release.split(".")[:2])
    written = {}
    for probe, exchange in chosen.items():
        path = folder / f"{minor}-{slug(probe)}.json"
        whole = {
            "name": path.stem,
            "release": release,
            "server": kind,
            "request": {
                "method": exchange.method,
                "path": exchange.path,
                "query": {name: each for name, each in exchange.query.items() if name != "_"},
                "headers": {},
                "body": exchange.sent,
            },
            "response": {
                "status": exchange.status,
                "headers": dict(exchange.headers),
                "body": exchange.received,
            },
            "note": probe.name,
        }
        text = json.dumps(masked(whole, secrets), indent=1, ensure_ascii=False)
        path.write_text(f"{text}\n", encoding="utf-8")
        written[path] = Recording.read(path)
    return written


def masked(value: Any, secrets: Sequence[str]) -> Any:
    """Return JSON without keys: those of the server, the hash in one, and what looks like one."""
    parts = {part for each in secrets for part in (each, each.rpartition("-")[2])}
    hidden = sorted(
        (part for part in parts if part in secrets or len(part) >= HASH), key=len, reverse=True
    )

    def without(text: str) -> str:
        for part in hidden:
            text = text.replace(part, MASK)
        return without_keys(text)

    return with_texts(value, without)


def read_back(written: Mapping[Path, Recording]) -> int:
    """Try whether the document and the mock read what was recorded."""
    newest = max((each.minor_release for each in written.values()), key=parts)
    if parts(newest) > parts(NEWEST_RECORDED):
        print(
            f"{newest} is the newest release now: raise x-newest-recorded in openapi/inngest.yaml"
        )
    command = [sys.executable, "-m", "pytest", *READERS, "-q", "--tb=line", "--no-header"]
    print("Do the document and the mock read them?", flush=True)
    return int(subprocess.run(command, cwd=ROOT, check=False).returncode != 0)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/record",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="INNGEST_POSTGRES_URI lets servers that are started store in PostgreSQL;\n"
        "INNGEST_EVENT_KEY and INNGEST_SIGNING_KEY are the keys of a server that requires some.",
        allow_abbrev=False,
    )
    which = parser.add_mutually_exclusive_group(required=True)
    which.add_argument("--bins", type=_named, default=(), metavar="A:B", help="servers to start")
    which.add_argument("--url", help="a server that runs")
    parser.add_argument("-k", dest="words", metavar="WORDS", help="only what one of them names")
    parser.add_argument("--all", action="store_true", help="also what is as documented")
    parser.add_argument(
        "--ask", action="append", default=[], metavar="REQUEST", help="METHOD /PATH [JSON]"
    )
    parser.add_argument("--release", help="the release of a server that does not state it: 1.44.0")
    return parser


def _named(text: str) -> tuple[str, ...]:
    return tuple(filter(None, text.split(":")))


if __name__ == "__main__":
    sys.exit(main())
