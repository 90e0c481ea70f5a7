"""Tell what the calls of the client make of a new release of the server, against an old one.

OLD and NEW are servers: the path of a binary (`inngest dev` is started in an empty folder), a URL,
`mock` or `mock:1.33`. On each, an app of its own has runs, and every call that reads is made about
these, and some that act. What ends otherwise on the new server is listed, the worst first:

lies: less than there is, and no error   breaks: an error instead of a result
degrades: it says less, or says it otherwise

Then, by operation, in what the answers to the same requests differ: fields, values and routes that
are new or gone, statuses, how much a page has.

`scripts/record --bins NEW` records what the document or the mock would be wrong about.

Exit status: 0 nothing differs; 1 something does; 2 nothing was compared.
"""

from __future__ import annotations

import argparse
import os
import sys

from scripts.internal.release_diff.calls import differing
from scripts.internal.release_diff.responses import changed
from scripts.internal.release_diff.subjects import CannotCompareError, Subject, subject
from scripts.internal.release_diff.survey import World, build, survey
from scripts.internal.servers import end_servers_when_terminated, take_keys


def main() -> int:
    end_servers_when_terminated()
    options = _parser().parse_args()
    keys = take_keys(os.environ)
    try:
        with subject(options.old, keys) as old, subject(options.new, keys) as new:
            found = differing(old, world_of(old), new, world_of(new))
            print(f"{old.release} -> {new.release}: {len(found)} calls end otherwise")
            for each in found:
                print(f"{each.verdict:8}  {each.call}: {each.why}")
            responses = changed(survey(old).exchanges, survey(new).exchanges)
            print(f"{len(responses)} operations answer otherwise")
            for operation, differences in responses.items():
                print(operation, *differences, sep="\n    ")
    except CannotCompareError as error:
        print(f"Nothing was compared: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("Interrupted.", file=sys.stderr)
        return 130
    return int(bool(found or responses))


def world_of(subject: Subject) -> World:
    with subject.http() as http:
        return build(http, subject)


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/release-diff",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        epilog="INNGEST_POSTGRES_URI lets servers that are started store in PostgreSQL;\n"
        "INNGEST_EVENT_KEY and INNGEST_SIGNING_KEY are the keys of servers that require some.",
        allow_abbrev=False,
    )
    parser.add_argument("old", metavar="OLD", help="a binary, a URL or mock:RELEASE")
    parser.add_argument("new", metavar="NEW", help="the same of the newer release")
    return parser


if __name__ == "__main__":
    sys.exit(main())
