"""Check the licences of what the package installs, and constraints.txt for known advisories.

Licences are those of all that `pip install 'inngest-rest[all,contract]'` installs, by the metadata;
docs/installation.md has to tell each package and its licence. The files that state the licence of
what is ours have to agree, too.
Advisories are asked of the database at https://osv.dev, as pip-audit can: with 30 more packages to
lock, and without telling an index that has no advisories from versions that have none. So a version
with an advisory is always asked for as well, and a database that does not know it does not count.
Where none is reachable, this says so and passes.

Exit status: 0 nothing was found; 1 a licence is not allowed or not told, or a version has an
advisory.
"""

from __future__ import annotations

import json
import re
import sys
import urllib.error
import urllib.request
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

CONTAIN_THE_COMMAND = ("mcp", "contract")
"""The extras that contain `cli`."""

ROOT = Path(__file__).resolve().parents[2]
LOCK = ROOT / "constraints.txt"
PAGE = ROOT / "docs" / "installation.md"
DATABASE = "https://api.osv.dev/v1/querybatch"
PATIENCE = 10.0

ALLOWED = {
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "ISC",
    "MIT",
    "MIT-0",
    "MPL-2.0",  # of a file, not of what imports it: certifi
    "PSF-2.0",
    "Unlicense",
}

# Older metadata has a classifier, or text as the author liked it.
NAMES = {
    "Apache Software License": "Apache-2.0",
    "Apache License 2.0": "Apache-2.0",
    "BSD License": "BSD-3-Clause",
    "BSD 3-Clause": "BSD-3-Clause",
    "ISC License (ISCL)": "ISC",
    "MIT License": "MIT",
    "Mozilla Public License 2.0 (MPL 2.0)": "MPL-2.0",
    "Python Software Foundation License": "PSF-2.0",
}

PLUGIN = "tools/inngest_rest_tools/.agents"

# The files that state the licence of what is ours. Users copy the skill into their projects.
OURS = {
    "pyproject.toml": "MIT",
    "mcp-server/pyproject.toml": "MIT",
    "mcp-server/manifest.json": "MIT",
    "scripts/internal/release/recipe.yaml": "MIT",
    ".claude-plugin/marketplace.json": "MIT-0",
    f"{PLUGIN}/plugin.json": "MIT-0",
    f"{PLUGIN}/.claude-plugin/plugin.json": "MIT-0",
    f"{PLUGIN}/.codex-plugin/plugin.json": "MIT-0",
    f"{PLUGIN}/skills/inngest/SKILL.md": "MIT-0",
}

# Advisories that do not concern us, with the reason.
IGNORED: Mapping[str, str] = {}


class Version(NamedTuple):
    """A version of a package."""

    name: str
    version: str


# Its reader of chunked bodies let requests be smuggled.
KNOWN_TO_BE_BAD = Version("h11", "0.14.0")


def closure(name: str, extras: Iterable[str]) -> set[str]:
    """Return all that a package needs with these extras, itself excepted, as far as installed."""
    found, left = set[str](), [(canonicalize_name(name), frozenset(extras))]
    seen = set[tuple[str, frozenset[str]]]()
    while left:
        current = left.pop()
        if current in seen:
            continue
        seen.add(current)
        found.add(current[0])
        for line in metadata.requires(current[0]) or []:
            needed = Requirement(line)
            environments = [{"extra": extra} for extra in ("", *current[1])]
            if needed.marker is None or any(map(needed.marker.evaluate, environments)):
                left.append((canonicalize_name(needed.name), frozenset(needed.extras)))
    return found - {canonicalize_name(name)}


def licence_of(name: str) -> str:
    """Return the licence of an installed package as an SPDX expression, if its metadata has one."""
    about = metadata.metadata(name)
    if "License-Expression" in about:
        return about["License-Expression"]
    classifiers = about.get_all("Classifier") or []
    ends = [each.rpartition(" :: ")[2] for each in classifiers if each.startswith("License ::")]
    named = [NAMES.get(end, end) for end in ends if end != "OSI Approved"]
    if named:
        return " AND ".join(named)
    first = about["License"].partition("\n")[0] if "License" in about else "none"
    return NAMES.get(first, first)


def is_allowed(expression: str) -> bool:
    """Return whether an SPDX expression leaves an allowed choice."""
    while inner := re.search(r"\(([^()]*)\)", expression):
        decided = "MIT" if is_allowed(inner[1]) else "none"
        expression = expression.replace(inner[0], decided)
    choices = [choice.split(" AND ") for choice in expression.split(" OR ")]
    return any(all(each.strip() in ALLOWED for each in choice) for choice in choices)


def untold(page: str, extras: Mapping[str, Iterable[str]]) -> list[str]:
    """Return what the tables of extras and of licences leave out, of the packages of each extra."""
    rows = dict(re.findall(r"(?m)^\| `?([^|`]+?)`? \| (.+) \|$", page))
    told = {name: set(re.findall(r"[\w-]+", row)) for name, row in rows.items()}
    missing = []
    for extra, packages in extras.items():
        for package in packages:
            licence = licence_of(package)
            if package not in told.get(extra, ()):
                missing.append(f"docs/installation.md: the row of {extra} lacks {package}")
            if package not in told.get(licence, ()):
                missing.append(f"docs/installation.md: the row of {licence} lacks {package}")
    return missing


def added_by_each_extra() -> dict[str, set[str]]:
    """Return the packages that each extra adds, without those of an extra that it contains."""
    alone = closure("inngest-rest", [])
    command = closure("inngest-rest", ["cli"])
    extras = metadata.metadata("inngest-rest").get_all("Provides-Extra") or []
    return {
        extra: closure("inngest-rest", [extra])
        - (command if extra in CONTAIN_THE_COMMAND else alone)
        for extra in extras
        if extra != "all"
    }


def stated_otherwise() -> list[str]:
    """Return the files of ours that state another licence than they should."""
    pattern = re.compile(r"""(?m)^ *"?license"?\s*[:=]\s*"?([\w.-]+)""")
    stated = {name: set(pattern.findall((ROOT / name).read_text("utf-8"))) for name in OURS}
    return [
        f"{name} states {', '.join(sorted(found)) or 'no licence'}, not {OURS[name]}"
        for name, found in stated.items()
        if found != {OURS[name]}
    ]


def locked(text: str) -> list[Version]:
    """Return the versions in the text of constraints.txt."""
    return [Version(*found) for found in re.findall(r"(?m)^([\w.-]+)==([^\s;\\]+)", text)]


def ask(versions: list[Version]) -> list[list[str]]:
    """Ask the database for the advisories of versions; raises OSError if it is not reachable."""
    queries = [
        {"package": {"name": each.name, "ecosystem": "PyPI"}, "version": each.version}
        for each in versions
    ]
    request = urllib.request.Request(
        DATABASE, json.dumps({"queries": queries}).encode(), {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=PATIENCE) as response:  # noqa: S310 - see above
        results: list[dict[str, Any]] = json.load(response)["results"]
    return [[each["id"] for each in result.get("vulns", [])] for result in results]


def advisories(
    versions: list[Version], ask: Callable[[list[Version]], list[list[str]]] = ask
) -> list[str] | None:
    """Return the advisories of versions, one a line; None if no database could be asked."""
    try:
        *answers, known = ask([*versions, KNOWN_TO_BE_BAD])
    except (OSError, ValueError, KeyError):
        return None
    if not known or len(answers) != len(versions):
        return None
    return [
        f"{each.name} {each.version}: {advisory}"
        for each, found in zip(versions, answers, strict=True)
        for advisory in found
        if advisory not in IGNORED
    ]


def main() -> int:
    packages = sorted(closure("inngest-rest", ["all", "contract"]))
    licences = {name: licence_of(name) for name in packages}
    refused = [
        f"{name}: {it} is not allowed" for name, it in licences.items() if not is_allowed(it)
    ]
    versions = locked(LOCK.read_text(encoding="utf-8"))
    found = advisories(versions)
    told = untold(PAGE.read_text(encoding="utf-8"), added_by_each_extra())
    problems = [*refused, *told, *stated_otherwise(), *(found or [])]
    print("\n".join(problems), end="\n" * bool(problems))
    if found is None:
        checked = "advisories not checked: no advisory database reachable"
    else:
        checked = f"{len(found)} advisories for {len(versions)} locked versions"
    print(f"{len(packages)} licences, {len(refused)} not allowed; {checked}")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
