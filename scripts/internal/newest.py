"""Ask which newer releases there are of what this repository was written for, and is pinned to.

That is the server (the newest release that was recorded), the official SDK, the generator of
`generated/`, whatever else pyproject.toml pins or the package needs, and what the workflow of a
release downloads. It builds and changes
nothing. Prints Markdown for an issue of the forge; nothing if nothing differs.

    python -m scripts.internal.newest

Exit status: 0 all was asked; 1 something could not be asked, which is printed with the rest.
"""

from __future__ import annotations

import json
import re
import sys
import tomllib
import urllib.error
import urllib.request
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

ROOT = Path(__file__).resolve().parents[2]
SERVER = "https://api.github.com/repos/inngest/inngest/releases/latest"
PUBLISHER = "https://api.github.com/repos/modelcontextprotocol/registry/releases/latest"
PACKAGE = "https://pypi.org/pypi/{}/json"
PATIENCE = 20.0

# What each is for, where a newer release means more than a pin to raise.
WORK = {
    "inngest server": "`scripts/release-diff OLD NEW`, then docs/regenerating.md",
    "inngest": "the official SDK: `scripts/test-live`, and what it sends differently",
    "openapi-python-client": "`scripts/regenerate`: what its templates changed",
    "mcp-publisher": "its address and its digest in .github/workflows/release.yml",
    "httpx": "the transport: `scripts/test --all`",
}

HELD = {"django": "of the newest series for Python 3.11"}
"""What is kept at an older series on purpose, with the reason."""


class Newer(NamedTuple):
    """Something of which there is a newer release."""

    name: str
    ours: str
    newest: str


class Answers(NamedTuple):
    """What is newer, and what could not be asked, with the reason."""

    newer: list[Newer]
    unanswered: list[str]


def pins(project: Mapping[str, Any], locked: str) -> dict[str, str]:
    """Return the version of each package that the repository names itself, by its name.

    A version that a group pins goes before that of constraints.txt.
    """
    versions: dict[str, str] = {}
    for line in locked.splitlines():
        if found := re.match(r"([\w.-]+)==([^\s;]+)", line):
            versions[canonicalize_name(found[1])] = found[2]
    named: dict[str, str] = {}
    for requirement in _requirements(project):
        name = canonicalize_name(requirement.name)
        exact = [each.version for each in requirement.specifier if each.operator == "=="]
        version = exact[0] if exact else versions.get(name)
        if version is not None and name not in HELD:
            named[name] = version
    return named


def _requirements(project: Mapping[str, Any]) -> Iterator[Requirement]:
    table = project["project"]
    own = canonicalize_name(table["name"])
    groups = (*table["optional-dependencies"].values(), *project["dependency-groups"].values())
    listed = [*table["dependencies"]]
    for group in groups:
        listed += [each for each in group if isinstance(each, str)]
    for each in listed:
        requirement = Requirement(each)
        if canonicalize_name(requirement.name) != own:
            yield requirement


def newest_recorded(document: str) -> str:
    """Return the newest release of the server that was recorded, by the OpenAPI document."""
    found = re.search(r"^\s*x-newest-recorded: [\"']?([\d.]+)", document, re.MULTILINE)
    if found is None:
        raise ValueError("the document has no x-newest-recorded")
    return found[1]


def publisher(workflow: str) -> str:
    """Return the version of mcp-publisher that the workflow of a release downloads."""
    found = re.search(r"/releases/download/v([\d.]+)/mcp-publisher_", workflow)
    if found is None:
        raise ValueError("the workflow downloads no mcp-publisher")
    return found[1]


def compare(recorded: str, pinned: Mapping[str, str], ask: Callable[[str], Any]) -> Answers:
    """Ask for the newest release of each, and return those that are newer than ours."""
    answers = Answers([], [])

    def consider(name: str, ours: str, url: str, read: Callable[[Any], str]) -> None:
        try:
            newest = read(ask(url))
            is_newer = _is_newer(newest, ours, to_minor=name == "inngest server")
        except (OSError, ValueError, LookupError, TypeError) as error:
            answers.unanswered.append(f"{name}: {type(error).__name__}: {error}")
            return
        if is_newer:
            answers.newer.append(Newer(name, ours, newest))

    consider("inngest server", recorded, SERVER, _tagged)
    for name, version in sorted(pinned.items()):
        if name == "mcp-publisher":
            consider(name, version, PUBLISHER, _tagged)
        else:
            consider(name, version, PACKAGE.format(name), lambda it: it["info"]["version"])
    return answers


def _tagged(release: Any) -> str:
    """Return the version of a release of a repository."""
    return str(release["tag_name"]).lstrip("v")


def _is_newer(newest: str, ours: str, *, to_minor: bool) -> bool:
    """Return whether a release is newer; of the server, a patch of a recorded one is not."""
    try:
        theirs, own = Version(newest), Version(ours)
    except InvalidVersion as error:
        raise ValueError(str(error)) from None
    return theirs.release[:2] > own.release[:2] if to_minor else theirs > own


def written(answers: Answers) -> str:
    """Return the issue: what needs work first, then the pins."""
    if not answers.newer and not answers.unanswered:
        return ""
    newer = sorted(answers.newer, key=lambda it: it.name not in WORK)
    lines = ["| | ours | newest | what to do |", "|---|---|---|---|"] if newer else []
    for each in newer:
        what = WORK.get(each.name, "`scripts/lock --upgrade`, or the pin in pyproject.toml")
        lines.append(f"| {each.name} | {each.ours} | {_plain(each.newest)} | {what} |")
    if answers.unanswered:
        lines += ["", "Could not be asked:", ""]
        lines += [f"- {_plain(each)}" for each in answers.unanswered]
    return "\n".join(lines).strip() + "\n"


def _plain(text: str) -> str:
    """Return text of others without what Markdown, or a mention, would make of it."""
    return re.sub(r"[^\w.:+ ()/-]", "?", text)[:200]


def fetch(url: str) -> Any:
    request = urllib.request.Request(url, headers={"User-Agent": "inngest-rest-newest"})  # noqa: S310
    with urllib.request.urlopen(request, timeout=PATIENCE) as answer:  # noqa: S310
        return json.load(answer)


def main() -> int:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    locked = (ROOT / "constraints.txt").read_text(encoding="utf-8")
    document = (ROOT / "openapi/inngest.yaml").read_text(encoding="utf-8")
    workflow = (ROOT / ".github/workflows/release.yml").read_text(encoding="utf-8")
    pinned = {**pins(project, locked), "mcp-publisher": publisher(workflow)}
    answers = compare(newest_recorded(document), pinned, fetch)
    sys.stdout.write(written(answers))
    return 1 if answers.unanswered else 0


if __name__ == "__main__":
    sys.exit(main())
