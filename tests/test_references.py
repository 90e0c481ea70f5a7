"""References resolve: recordings and operations that are cited, and files that are named."""

from __future__ import annotations

import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from tests.contract.document import Document
from tests.support.distribution import distributed_files

ROOT = Path(__file__).resolve().parent.parent
RECORDINGS = ROOT / "tests/contract/recordings"
DOCUMENT: Any = Document.load().spec
OPERATIONS = {
    operation["operationId"]
    for path in DOCUMENT["paths"].values()
    for operation in path.values()
    if isinstance(operation, dict)
}

AT_THE_ROOT = {
    ".editorconfig",
    ".gitignore",
    ".pre-commit-config.yaml",
    "CODE_OF_CONDUCT.md",
    "CHANGELOG.md",
    "CONTRIBUTING.md",
    "LICENSE",
    "MAINTAINING.md",
    "README.md",
    "SECURITY.md",
    "constraints.txt",
    "pyproject.toml",
    ".spectral.yaml",
    "redocly.yaml",
}

# Recorded exchanges and locked versions are data; the diffs of templates quote the stock ones.
DATA = ("constraints.txt", "tests/contract/recordings/", "tests/templates/")


@cache
def texts() -> dict[str, str]:
    """Return every text file of the source distribution, this one excepted, by its path."""
    names = sorted(distributed_files() | {"pyproject.toml", ".ci/run"})
    paths = {name: ROOT / name for name in names}
    return {
        name: path.read_text(encoding="utf-8")
        for name, path in paths.items()
        if path.is_file() and path != Path(__file__).resolve()
    }


def prose() -> dict[str, str]:
    return {name: text for name, text in texts().items() if not name.startswith(DATA)}


# A name with a hyphen is a recording's, one in camel case an operation's.
RECORDING = r"[a-z0-9]+(?:-[a-z0-9]+)+"
OPERATION = r"[a-z]+(?:[A-Z][A-Za-z0-9]*)+"


def citations(kind: str, name: str, text: str) -> list[str]:
    """Find the names cited as `recording NAME`, `recordings NAME, NAME and NAME` and so on."""
    quoted = rf"`?{name}`?"
    # A line break in a comment is followed by its mark.
    gap = r"(?:\s+(?:#:?\s+)?)"
    several = rf"{kind}s?{gap}({quoted}(?:(?:,|,?{gap}(?:and|or)){gap}{quoted})*)"
    return [each for found in re.findall(several, text) for each in re.findall(name, found)]


def unresolved(kind: str, name: str, known: set[str]) -> list[str]:
    return [
        f"{path}: {kind} {cited}"
        for path, text in prose().items()
        for cited in citations(kind, name, text)
        if cited not in known
    ]


def test_recordings_that_are_cited_exist() -> None:
    known = {each.stem for each in RECORDINGS.glob("*.json")}
    assert unresolved("recording", RECORDING, known) == []


def test_operations_that_are_cited_are_in_the_document() -> None:
    assert unresolved("operation", OPERATION, OPERATIONS) == []


def test_names_in_the_style_of_an_operation_id_are_operations() -> None:
    """An id with its version, such as getRunV2, is cited without the word operation, too."""
    ids = r"\b(?:get|list|create|update|delete|send|invoke|cancel|rerun|replay)[A-Z]\w*V[12]\b"
    named = {
        f"{path}: {each}"
        for path, text in prose().items()
        for each in re.findall(ids, text)
        if each not in OPERATIONS
    }
    assert named == set()


@pytest.mark.parametrize(
    ("text", "cited"),
    [
        ("recording v1-run", ["v1-run"]),
        ("(recordings `v1-run` and v2-run)", ["v1-run", "v2-run"]),
        ("recordings a-b, c-d and\n    # e-f.", ["a-b", "c-d", "e-f"]),
        ("a recording\n# v1-run", ["v1-run"]),
        ("a recording of it, a well-known one", []),
    ],
)
def test_a_citation_is_found_however_it_is_wrapped(text: str, cited: list[str]) -> None:
    assert citations("recording", RECORDING, text) == cited


def test_files_that_are_named_exist() -> None:
    """Tests make up modules, so those are looked for in all other files."""
    there = [f"/{name}" for name in (*texts(), Path(__file__).relative_to(ROOT).as_posix())]
    missing = {
        f"{path}: {named}"
        for path, text in prose().items()
        for named in re.findall(r"(?<![\w.{}*/-])([\w/-]+\.(?:md|py))\b(?!\.jinja)", text)
        if not (path.startswith("tests/") and named.endswith(".py"))
        # A template is named without its ending.
        if not any(each.endswith((f"/{named}", f"/{named}.jinja")) for each in there)
    }
    assert missing == set()


def test_names_of_tracked_files_can_be_checked_out_anywhere() -> None:
    """A name that is not plain text fails `git clone` on macOS and Windows."""
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("in a clone with git, the names of its files are checked")
    names = listed.stdout.decode(errors="backslashreplace").split("\0")
    assert [name for name in names if not re.fullmatch(r"[\w./-]*", name, re.ASCII)] == []
    assert {name for name in names if "/" not in name and name} == AT_THE_ROOT


def test_no_source_outside_the_repository_is_cited() -> None:
    outside = re.compile(r"\[facts|\bfacts\.md|/work/")
    assert [path for path, text in texts().items() if outside.search(text)] == []
