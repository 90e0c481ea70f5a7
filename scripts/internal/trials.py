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

from scripts.internal.markdown import table

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs/reference/tried.md"
RECORDINGS = ROOT / "tests/contract/recordings"
TRIALS = ROOT / "tests/contract/trials.tsv"

# The first recordings state no release, see the README beside them.
UNSTATED = "1.43"


def written(page: str) -> str:
    """Return the text of the page with its tables as they have to be."""
    for name, text in {"recordings": recordings(), "trials": trials()}.items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- end of {name} -->"
        before, _, rest = page.partition(begin)
        _, found, after = rest.partition(end)
        if not found:
            raise SystemExit(f"{PAGE.name} has no place for {name}")
        page = f"{before}{begin}{text}{end}{after}"
    return page


def recordings() -> str:
    """Return a table of how many exchanges were recorded with which server."""
    counts = Counter[tuple[str, str]]()
    for path in RECORDINGS.glob("*.json"):
        recording = json.loads(path.read_text(encoding="utf-8"))
        release = re.match(r"\d+\.\d+", recording.get("release") or UNSTATED)
        counts[release[0] if release else UNSTATED, recording["server"]] += 1
    rows = [(release, *_words(server), str(count)) for (release, server), count in counts.items()]
    return table(sorted(rows), "release", "server", "store", "exchanges")


def trials() -> str:
    """Return a table of what else was tried, the newest first."""
    with TRIALS.open(encoding="utf-8", newline="") as lines:
        rows = [
            (each["date"], each["release"], *_words(each["server"]), each["what"], each["outcome"])
            for each in csv.DictReader(lines, delimiter="\t")
        ]
    rows.sort(key=lambda row: row[0], reverse=True)
    return table(rows, "date", "release", "server", "store", "what", "outcome")


def _words(server: str) -> tuple[str, str]:
    """Return how a server was started, and where it stored."""
    command, _, store = server.partition("-")
    return f"`inngest {command}`", "PostgreSQL" if store == "postgres" else "SQLite"


if __name__ == "__main__":
    PAGE.write_text(written(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
