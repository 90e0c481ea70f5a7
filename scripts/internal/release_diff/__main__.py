"""Tell what differs between two releases of the server, and what the client does about it today.

OLD and NEW are servers: the path of a binary (`inngest dev` is started in an empty folder), a URL,
`mock` or `mock:1.33`. Both are asked the same: every documented operation, as it is meant and in
unusual ways, the operations that they list of themselves, their largest pages (the documented
maximum and one more), and odd events. Each difference is told once, with the operations that show
it and the calls of the client that ask these: each call is made on the old server with that one
difference put between, so that no difference hides another, and on the new server as it is.

works: the same result   degrades: it says less, or says it otherwise
breaks: an error instead of a result   lies: less than there is, and no error

Or they are two OpenAPI documents (.yaml, .yml, .json), such as the vendor's of two releases, or
openapi/inngest.yaml and one of them: operations, parameters, fields, values and statuses.

Both servers are sent some hundred events; what is cancelled and replayed is the own app's.

Exit status: 0 nothing differs; 1 something does; 2 nothing was compared.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from scripts.internal.live.fuzzing import fuzzed
from scripts.internal.release_diff import calls
from scripts.internal.release_diff.causes import causes
from scripts.internal.release_diff.documents import compare
from scripts.internal.release_diff.report import Comparison, as_json, lines
from scripts.internal.release_diff.subjects import CannotCompareError, Subject, subject
from scripts.internal.release_diff.survey import survey
from scripts.internal.servers import end_servers_when_terminated, take_keys

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENTS = (".yaml", ".yml", ".json")


def main() -> int:
    end_servers_when_terminated()
    options = _parser().parse_args()
    if all(each.endswith(DOCUMENTS) for each in (options.old, options.new)):
        found = compare(Path(options.old), Path(options.new))
        print(*found, sep="\n")
        return int(len(found) > 1)
    keys = take_keys(os.environ)
    try:
        with subject(options.old, keys) as old, subject(options.new, keys) as new:
            comparison = compared(old, new)
            print(*lines(comparison), sep="\n", flush=True)
            if options.json is not None:
                text = json.dumps(as_json(comparison), indent=1, default=str)
                options.json.write_text(text + "\n", encoding="utf-8")
            if options.fuzz:
                print(*fuzzed_otherwise(old, new), sep="\n")
    except CannotCompareError as error:
        print(f"Nothing was compared: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return int(bool(comparison.judged or comparison.whole))


def compared(old: Subject, new: Subject) -> Comparison:
    """Compare two servers."""
    start = time.monotonic()
    before, after = survey(old), survey(new)
    found = causes(before, after)
    judged = calls.judgements(old, before.world, found)
    whole = calls.differing(old, before.world, new, after.world)
    return Comparison(old.release, new.release, judged, whole, time.monotonic() - start)


def fuzzed_otherwise(old: Subject, new: Subject) -> Iterator[str]:
    """Fuzz both servers; yield what the new one alone answers otherwise than documented."""
    before, after = (fuzzed(each.server, each.app).kinds() for each in (old, new))
    found = {name: kinds - before.get(name, set()) for name, kinds in after.items()}
    yield f"Fuzzed: {sum(map(bool, found.values()))} operations answer otherwise than they did"
    yield from (f"    {name}: {', '.join(sorted(each))}" for name, each in found.items() if each)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/release-diff",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="INNGEST_POSTGRES_URI lets servers that are started store in PostgreSQL;\n"
        "INNGEST_EVENT_KEY and INNGEST_SIGNING_KEY are the keys of servers that require some.",
        allow_abbrev=False,
    )
    parser.add_argument("old", metavar="OLD", help="a binary, a URL, mock:RELEASE or a document")
    parser.add_argument("new", metavar="NEW", help="the same of the newer release")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all of it as JSON, too")
    parser.add_argument(
        "--fuzz", action="store_true", help="fuzz both as well, by the document (a minute each)"
    )
    return parser


if __name__ == "__main__":
    sys.exit(main())
