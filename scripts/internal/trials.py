"""Write the tables of docs/reference/tried.md from what was recorded and tried on real servers.

    python -m scripts.internal.trials

The recordings are counted; tests/contract/trials.tsv has a line for everything else that was tried.
"""

from __future__ import annotations

import csv
import json
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/tried.md"
RECORDINGS = ROOT / "tests/contract/recordings"
TRIALS = ROOT / "tests/contract/trials.tsv"

# The first recordings state no release, see the README beside them.
UNSTATED = "1.43"


def written(page: str) -> str:
    """Return the text of the page with its tables as they have to be."""
    for name, table in {"recordings": recordings(), "trials": trials()}.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->"
        if begin not in page or end not in page:
            raise SystemExit(f"{PAGE.name} has no place for {name}")
        before, _, rest = page.partition(begin)
        page = before + begin + "".join(f"{row}\n" for row in table) + end + rest.partition(end)[2]
    return page


def recordings() -> Iterator[str]:
    """Yield a table of how many exchanges were recorded with which server."""
    counts = Counter[tuple[str, str]]()
    for path in RECORDINGS.glob("*.json"):
        recording = json.loads(path.read_text(encoding="utf-8"))
        release = re.match(r"\d+\.\d+", recording.get("release") or UNSTATED)
        counts[release[0] if release else UNSTATED, recording["server"]] += 1
    rows = [(release, *_words(server), str(count)) for (release, server), count in counts.items()]
    yield from _table(("release", "server", "store", "exchanges"), sorted(rows))


def trials() -> Iterator[str]:
    """Yield a table of what else was tried, the newest first."""
    with TRIALS.open(encoding="utf-8", newline="") as lines:
        rows = [
            (each["date"], each["release"], *_words(each["server"]), each["what"], each["outcome"])
            for each in csv.DictReader(lines, delimiter="\t")
        ]
    rows.sort(key=lambda row: row[0], reverse=True)
    yield from _table(("date", "release", "server", "store", "what", "outcome"), rows)


def _words(server: str) -> tuple[str, str]:
    """Return how a server was started, and where it stored."""
    command, _, store = server.partition("-")
    return f"`inngest {command}`", "PostgreSQL" if store == "postgres" else "SQLite"


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> Iterator[str]:
    for row in (head, ("---",) * len(head), *rows):
        yield f"| {' | '.join(row)} |"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
