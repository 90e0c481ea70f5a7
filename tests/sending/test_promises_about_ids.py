"""Ids protect functions from repeated events, but not those that debounce or batch.

Servers check an id as they start a run, after an event was debounced or added to a batch.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "wrapper" / "inngest_rest"
TOOLS = ROOT / "tools" / "inngest_rest_tools"
TEXTS = [
    ROOT / "README.md",
    *(ROOT / "docs").rglob("*.md"),
    *TOOLS.rglob("*.md"),  # the skill and its references
    *(it for it in PACKAGE.rglob("*.py") if "client" not in it.parts),
]

# A promise that an id keeps a function from running twice for an event that is sent again.
PROMISE = re.compile(
    r"runs? once|runs? nothing twice|nothing runs twice|none runs twice|no function (runs )?twice"
    r"|running twice|start(s no|s a| no)? second run|starts? no run twice|starts? nothing twice"
    r"|repeats no run|starts a function once",
)

# What else is said in these words: of replays, of invoked functions, of retries with a seed, and of
# one event that an explanation names.
OTHER = re.compile(
    r"replay|invoke|has a seed|\bin 24 hours|per id within 24 hours|does not keep the function"
)


def paragraphs(path: Path) -> list[str]:
    text = path.read_text(encoding="utf-8")
    parts = re.split(r"\n\s*(?:#\s*)?\n|\n\s*- |\n(?=\s+\w+: )", text)
    return [" ".join(re.sub(r'"\n\s*f?"|\n\s*#?', " ", each).split()) for each in parts]


def is_promise(paragraph: str) -> bool:
    sentences = re.split(r"(?<=[.:]) ", paragraph)
    return any(PROMISE.search(each) and not OTHER.search(each) for each in sentences)


@pytest.fixture(scope="module")
def promises() -> dict[str, list[str]]:
    """Return the paragraphs with a promise, by the name of their file."""
    found: dict[str, list[str]] = {}
    for path in TEXTS:
        found.setdefault(path.name, []).extend(filter(is_promise, paragraphs(path)))
    return {name: each for name, each in found.items() if each}


def test_no_text_promises_that_an_id_protects_every_function(
    promises: dict[str, list[str]],
) -> None:
    all_of_them = [(name, each) for name, found in promises.items() for each in found]
    assert [it for it in all_of_them if "batch" not in it[1] or "debounc" not in it[1]] == []


def test_the_pages_that_promise_are_seen(promises: dict[str, list[str]]) -> None:
    pages = {"concepts.md", "sending.md", "runs.md", "command-line.md"}
    assert pages | {"event.py", "calls.py", "client.py", "reports.py"} <= promises.keys()
