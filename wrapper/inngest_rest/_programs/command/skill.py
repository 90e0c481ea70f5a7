"""The skill for agents: where hosts look for it, what is installed there, and its commands."""

from __future__ import annotations

import hashlib
import os
import re
from enum import StrEnum
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from attrs import frozen

from inngest_rest._programs.command.options import argument
from inngest_rest._programs.command.parser import command
from inngest_rest._programs.command.renderer import answer
from inngest_rest._programs.command.streams import write_all
from inngest_rest._programs.envelope import Code, Problem
from inngest_rest._version import __version__
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.record import Record

if TYPE_CHECKING:
    from inngest_rest._programs.command.options import Options
    from inngest_rest._programs.command.renderer import Renderer

Scope = Literal["user", "project"]

# Where each host looks, for the user and in a project; `agents` is what most of them share.
_FOLDERS = {
    "agents": ("~/.agents/skills", ".agents/skills"),
    "claude": ("~/.claude/skills", ".claude/skills"),
    "codex": ("~/.codex/skills", ".agents/skills"),
    "openclaw": ("~/.openclaw/skills", "skills"),
}

_SEAL = re.compile(r"\n<!-- installed by inngest-rest, sha256 ([0-9a-f]{64}) -->\n\Z")


class SkillState(StrEnum):
    """How an installed skill compares with the one of this package."""

    CURRENT = "current"
    OUTDATED = "outdated"  # of another version, and not changed since
    CHANGED = "changed"  # or not installed by this package


@frozen(repr=False)
class InstalledSkill(Record):
    """A SKILL.md in a folder that a host looks into."""

    path: str
    state: SkillState
    version: str | None


def text() -> str:
    """Return the SKILL.md of this package."""
    skill = files("inngest_rest").joinpath(".agents", "skills", "inngest", "SKILL.md")
    return skill.read_text(encoding="utf-8")


def version_of(skill: str) -> str | None:
    """Return the version in the frontmatter of a skill."""
    found = re.search(r'^  version: "?([^"\n]+)"?$', skill, re.MULTILINE)
    return found[1] if found else None


def folder(target: str, scope: Scope) -> Path:
    """Return the folder in which a host looks for skills, or the one that is the target."""
    claude = os.environ.get("CLAUDE_CONFIG_DIR")
    if (target, scope) == ("claude", "user") and claude:
        return Path(claude) / "skills"
    if target in _FOLDERS:
        return Path.cwd() / Path(_FOLDERS[target][scope == "project"]).expanduser()
    if "/" in target or os.sep in target or target in {".", ".."}:
        return Path(target).expanduser()
    raise InvalidArgumentError(
        f"unknown target {target!r}: give one of {', '.join(_FOLDERS)}, or a folder with a slash, "
        "such as ./skills",
        argument="target",
    )


def install(target: str, scope: Scope, *, force: bool = False) -> InstalledSkill:
    """Write the skill into the folder of a host, over an older one of this package."""
    path = folder(target, scope) / "inngest" / "SKILL.md"
    try:
        is_changed = path.is_symlink() or (path.exists() and _state(path) is SkillState.CHANGED)
        if is_changed and not force:
            raise InvalidArgumentError(
                f"{path} has been changed, or was not installed by inngest-rest: keep it, or "
                "replace it with --force"
            )
        path.parent.mkdir(parents=True, exist_ok=True)
        # Its hash tells later whether it has been changed.
        seal = f"\n<!-- installed by inngest-rest, sha256 {_digest(text())} -->\n"
        path.unlink(missing_ok=True)  # it may be a link, which is not followed
        path.write_text(text() + seal, encoding="utf-8")
    except OSError as error:
        raise InvalidArgumentError(f"the skill cannot be installed: {error}") from None
    return InstalledSkill(str(path), SkillState.CURRENT, version_of(text()))


def installed() -> list[InstalledSkill]:
    """Return the skills that are installed where hosts look for them, here and for the user."""
    scopes: tuple[Scope, ...] = ("project", "user")
    places = dict.fromkeys(folder(target, scope) for scope in scopes for target in _FOLDERS)
    paths = [place / "inngest" / "SKILL.md" for place in places]
    return [
        InstalledSkill(str(path), _state(path), version_of(_read(path)))
        for path in paths
        if path.exists()
    ]


def _state(path: Path) -> SkillState:
    found = _read(path)
    seal = _SEAL.search(found)
    skill = found[: seal.start()] if seal else found
    if skill == text():
        return SkillState.CURRENT
    untouched = seal is not None and _digest(skill) == seal[1]
    return SkillState.OUTDATED if untouched else SkillState.CHANGED


def _digest(skill: str) -> str:
    return hashlib.sha256(skill.encode()).hexdigest()


def _read(path: Path) -> str:
    return path.read_text(encoding="utf-8", errors="replace")


@command("skill", "show", examples=("skill show",))
def show(_options: Options, _values: dict[str, Any]) -> int:
    """Print the SKILL.md of this version."""
    return write_all(text())


@command(
    "skill",
    "install",
    arguments=(
        argument(
            "--target",
            help="The host: claude, codex, openclaw, or agents for the folder that most of them "
            "share; or a folder with a slash, such as ./skills. By default agents.",
        ),
        argument(
            "--scope",
            choices=get_args(Scope),
            help="For all projects of the user, or for the one in the current folder.",
        ),
    ),
    examples=("skill install", "skill install --target claude --scope project"),
)
def install_command(options: Options, values: dict[str, Any]) -> int:
    """Write the skill to where an agent's host looks for skills, over an older one."""
    target, scope = values.get("target", "agents"), values.get("scope", "user")

    def work(renderer: Renderer) -> int:
        return renderer.one(install(target, scope, force=options.force))

    return answer("skill.install", options, InstalledSkill, work)


@command("skill", "check", examples=("skill check -o json",))
def check(options: Options, _values: dict[str, Any]) -> int:
    """Check that the skill is installed, here or for the user, and is the one of this version.

    Exits with 4 if it is not installed where a host looks, and with 6 if one that is installed is
    of another version or has been changed.
    """

    def work(renderer: Renderer) -> int:
        found, problem = installed(), None
        others = [f"{it.path} is {it.state}" for it in found if it.state is not SkillState.CURRENT]
        if not found:
            problem = Problem(
                Code.NOT_FOUND,
                "the skill is not installed where a host looks for it",
                hint="`inngest-rest skill install` writes it; --target names the host.",
            )
        elif others:
            problem = Problem(
                Code.PARTIAL,
                f"not every skill is the one of version {__version__}: {', '.join(others)}",
                hint="`inngest-rest skill install` writes it over an outdated one, and with "
                "--force over a changed one.",
            )
        return renderer.many(found, problem)

    return answer("skill.check", options, InstalledSkill, work)
