"""What must be set before a release and is not yet, and versions that disagree."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Any

from scripts.internal.release.steps import run

ROOT = Path(__file__).resolve().parents[3]

VERSION = r'"version": "(.+)"'


def read(name: str) -> str:
    """Return the text of a file of the repository."""
    return (ROOT / name).read_text(encoding="utf-8")


def versions() -> dict[str, str | None]:
    """Return the version that each file states."""
    stated = {
        "wrapper/inngest_rest/_version.py": r'__version__ = "(.+)"',
        "tools/inngest_rest_tools/.agents/skills/inngest/SKILL.md": r'(?m)^  version: "(.+)"',
        "openapi/inngest.yaml": r"(?m)^  version: (.+)",
        "CHANGELOG.md": r"(?ms)\A.*?^## \[(?:Unreleased\] \()?(\d+\.\d+\.\d+)",
        "mcp-server/pyproject.toml": r'(?m)(?:^version = "|\]==)([^"]+)"',
        "mcp-server/server.json": VERSION,
        "mcp-server/manifest.json": VERSION,
        "tools/inngest_rest_tools/.agents/plugin.json": VERSION,
        "tools/inngest_rest_tools/.agents/.claude-plugin/plugin.json": VERSION,
        "tools/inngest_rest_tools/.agents/.codex-plugin/plugin.json": VERSION,
    }
    found = {name: {*re.findall(pattern, read(name))} for name, pattern in stated.items()}
    return {name: it.pop() if len(it) == 1 else None for name, it in found.items()}


def notes() -> str:
    """Return the newest part of the changelog, which a release is announced with."""
    return re.split(r"(?m)^## .*\n", read("CHANGELOG.md"))[1].strip() + "\n"


def missing(version: str) -> list[str]:
    """Return what has to be done before `version` can be released."""
    settings = tomllib.loads(read("pyproject.toml"))
    urls: dict[str, Any] = settings["project"]["urls"]
    hooks: dict[str, Any] = settings["tool"]["hatch"]["metadata"]["hooks"]
    server = json.loads(read("mcp-server/server.json"))
    tags = git("tag", "--points-at", "HEAD").split()
    checks = {
        f"a dated heading '## [{version}] - YYYY-MM-DD' in CHANGELOG.md": re.search(
            rf"(?m)^## \[{re.escape(version)}\] - \d{{4}}-\d\d-\d\d$", read("CHANGELOG.md")
        ),
        "Source, Issues, Changelog and Documentation in project.urls of pyproject.toml": (
            {"Source", "Issues", "Changelog", "Documentation"} <= urls.keys()
        ),
        "the repository in the substitutions of pyproject.toml (README.md's links on PyPI)": (
            "(https://" in str(hooks["fancy-pypi-readme"]["substitutions"])
        ),
        "the repository in mcp-server/server.json": "repository" in server,
        "the owner of that repository in the name of mcp-server/server.json": is_of_its_owner(
            server
        ),
        "the maintainer in scripts/internal/release/recipe.yaml": "OWNER"
        not in read("scripts/internal/release/recipe.yaml"),
        "a private channel in SECURITY.md": "There is no private channel yet"
        not in read("SECURITY.md"),
        f"the tag v{version} on this commit": f"v{version}" in tags,
        "a clean tree": not git("status", "--porcelain"),
    }
    return [what for what, is_there in checks.items() if not is_there]


def is_of_its_owner(server: dict[str, Any]) -> bool:
    """Return whether the registry lets the workflow publish it: owners have to match in case."""
    if "repository" not in server:
        return True
    owner = server["repository"]["url"].removeprefix("https://github.com/").partition("/")[0]
    return bool(server["name"].startswith(f"io.github.{owner}/"))


def last_tag() -> str | None:
    """Return the newest tag of a release before this commit."""
    tags = git("tag", "--merged", "HEAD^", "--sort=-v:refname", "--list", "v*").split()
    return tags[0] if tags else None


def last_commit() -> int:
    """Return when the last commit was made, in seconds since 1970."""
    return int(git("log", "-1", "--format=%ct"))


def git(*arguments: str) -> str:
    """Return what git prints."""
    return run("git", *arguments, cwd=ROOT).strip()
