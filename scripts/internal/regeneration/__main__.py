"""Write the generated code, or check that it is up to date.

generated/inngest_rest_api comes from openapi/inngest.yaml, and so do the methods in
wrapper/inngest_rest/aio/generated; the blocking client in wrapper/inngest_rest/client comes from
the asynchronous one in wrapper/inngest_rest/aio, and the page of every call in docs/reference from
the table of calls. What changed for callers in the document since
the last commit is printed too, breaking changes marked.

What the document states is kept in openapi/held.txt, one statement a line. New ones are added. If
one that is committed is gone, nothing is written until its line is removed there by hand: so the
document does not get weaker unseen.

All code is generated into a temporary folder first, because a generator that fails leaves files
behind, and one that overwrites keeps stale ones. It is moved into place only if everything was
generated without a warning.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import yaml

from scripts.internal.regeneration import (
    api_client,
    blocking_client,
    held,
    methods,
    reference,
)
from scripts.internal.regeneration.api_changes import changes
from scripts.internal.regeneration.tools import SourceError
from scripts.internal.regeneration.trees import compare, replace

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

ROOT = Path(__file__).resolve().parents[3]
STALE, UNUSABLE, BREAKING, REFUSED = 1, 2, 3, 4

REFUSAL = """\
Nothing was written: openapi/inngest.yaml no longer states
  {gone}
Put that back. Or, if it is meant, remove these lines from openapi/held.txt, and run
scripts/regenerate again. Until then the generated code is stale: do not test it."""


class Output(NamedTuple):
    """A generated package, or a module.

    Attributes:
        package: Its path, relative to the root of the repository.
        source: The path it is generated from.
        write: Generates it from the root of the repository at a new path.
    """

    package: str
    source: str
    write: Callable[[Path, Path], None]


OUTPUTS = (
    Output(api_client.PACKAGE, api_client.DOCUMENT, api_client.write),
    Output(methods.PACKAGE, api_client.DOCUMENT, methods.write),
    Output(methods.GROUPS, api_client.DOCUMENT, methods.write_groups),
    Output(blocking_client.PACKAGE, blocking_client.SOURCE, blocking_client.write),
)


def main() -> int:
    parser = argparse.ArgumentParser(
        prog="scripts/regenerate", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument(
        "--check",
        action="store_true",
        help="write nothing; exit 1 and name each file that is out of date",
    )
    parser.add_argument("--root", type=Path, default=ROOT, help="the repository to work on")
    parser.add_argument(
        "--against",
        default="HEAD",
        metavar="FILE|REV",
        help="compare the document with this file, or with that of a git revision, as `main`; by "
        "default with the last commit",
    )
    parser.add_argument(
        "--check-breaking",
        action="store_true",
        help=f"exit {BREAKING} if a change breaks callers, after everything else is done",
    )
    options = parser.parse_args()
    status = regenerate(options.root, OUTPUTS, check=options.check)
    if status in (UNUSABLE, REFUSED):
        return status
    try:
        before = document_of(options.against)
    except (OSError, subprocess.CalledProcessError) as failure:
        print(f"Found no document to compare with: {failure}", file=sys.stderr)
        must_compare = options.check_breaking or options.against != "HEAD"
        return UNUSABLE if must_compare else status
    after = (options.root / api_client.DOCUMENT).read_text(encoding="utf-8")
    breaks = print_changes(before, after)
    return status or (BREAKING if breaks and options.check_breaking else 0)


def regenerate(root: Path, outputs: Iterable[Output], *, check: bool) -> int:
    """Write the packages, or compare them with the committed ones; return the exit status."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            for each in outputs:
                each.write(root, Path(scratch) / each.package)
        except (SourceError, yaml.YAMLError) as failure:
            print(f"Nothing was written of {each.source}: {failure}", file=sys.stderr)
            return UNUSABLE
        differences = {
            each: compare(Path(scratch) / each.package, root / each.package) for each in outputs
        }
        if gone := held.gone(root):
            # The last words, on both streams: whoever reads one of them, or its end, must see them.
            refusal = REFUSAL.format(gone="\n  ".join(gone))
            print(refusal, flush=True)
            print(refusal, file=sys.stderr)
            return REFUSED
        if check:
            is_held = held.check(root)
            # Code that is out of date yields another page, too.
            has_page = any(differences.values()) or _has_page(root)
            return report(differences, is_rest_fresh=is_held and has_page)
        held.write(root)
        for each, changed in differences.items():
            replace(Path(scratch) / each.package, root / each.package)
            print(f"{len(changed)} files of {each.package} changed")
        try:
            (root / reference.PAGE).write_text(reference.page(root), encoding="utf-8")
        except SourceError as failure:
            print(f"{reference.PAGE} was not written: {failure}", file=sys.stderr)
            return UNUSABLE
    return 0


def _has_page(root: Path) -> bool:
    """Return whether the page of every call is up to date; say if it is not."""
    try:
        fresh = reference.page(root)
    except SourceError as failure:
        print(failure, file=sys.stderr)
        return False
    if fresh == (root / reference.PAGE).read_text(encoding="utf-8"):
        return True
    print(f"{reference.PAGE} is not what the table of calls yields", file=sys.stderr)
    return False


def report(differences: dict[Output, list[str]], *, is_rest_fresh: bool) -> int:
    for output, found in differences.items():
        if found:
            yields = f"{output.package} is not what {output.source} yields:"
            print(yields, *found, sep="\n  ", file=sys.stderr)
        else:
            print(f"{output.package} is what {output.source} yields")
    if is_rest_fresh and not any(differences.values()):
        return 0
    print("To bring it up to date, run: scripts/regenerate", file=sys.stderr)
    return STALE


def document_of(file_or_revision: str) -> str:
    """Return the text of a file, also of a pipe; else the document as a git revision has it."""
    if (path := Path(file_or_revision)).exists() and not path.is_dir():
        return path.read_text(encoding="utf-8")
    command = ["git", "-C", str(ROOT), "show", f"{file_or_revision}:{api_client.DOCUMENT}"]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def print_changes(before: str, after: str) -> bool:
    """Print the changes for callers, and return whether any of them is breaking."""
    found = changes(yaml.safe_load(before), yaml.safe_load(after))
    broken = sum(each.is_breaking for each in found)
    print(
        f"Changes for callers of the generated client: {len(found)}, of them breaking: {broken}",
        *found,
        sep="\n  ",
    )
    return broken > 0


if __name__ == "__main__":
    sys.exit(main())
