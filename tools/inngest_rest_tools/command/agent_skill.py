"""The skill for agents: the commands that show it, install it where hosts look, and check it."""

from __future__ import annotations

import os
import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from attrs import frozen

from inngest_rest import __version__
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.programs import check_choice
from inngest_rest.record import Record
from inngest_rest_tools.command.arguments import Argument, argument, flag
from inngest_rest_tools.command.commands import command
from inngest_rest_tools.problems import Code, Problem

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest_tools.command.arguments import Typed
    from inngest_rest_tools.command.options import Options
    from inngest_rest_tools.command.renderer import Renderer

Scope = Literal["project", "user"]

SkillState = Literal["absent", "current", "different"]
"""The installed skill compared with that of this package; another version is different."""


@frozen
class _Host:
    """A host of agents: its folder in the user's home, and the variable that moves it."""

    folder: str
    variable: str | None = None

    @property
    def is_moved(self) -> bool:
        return self.variable is not None and bool(os.environ.get(self.variable))

    @property
    def home(self) -> Path:
        moved = None
        if self.variable is not None:
            moved = os.environ.get(self.variable)
        if moved:
            return Path(moved)
        return Path.home() / self.folder


# All but Claude Code read the skills in `.agents`, too, and list twice what is in both.
_HOSTS = {
    "agents": _Host(".agents"),
    "claude": _Host(".claude", "CLAUDE_CONFIG_DIR"),
    "codex": _Host(".codex", "CODEX_HOME"),
    "cursor": _Host(".cursor"),
    "gemini": _Host(".gemini"),
    "openclaw": _Host(".openclaw"),
}
_ALIASES = {
    "claude-code": "claude",
    "gemini-cli": "gemini",
    "copilot": "agents",
    "opencode": "agents",
    "universal": "agents",
}

_SKILL = Path(__file__).parents[1] / ".agents" / "skills" / "inngest"


@frozen(repr=False)
class InstalledSkill(Record):
    """The skill in a folder that hosts look into."""

    hosts: tuple[str, ...]
    path: str
    state: SkillState
    version: str | None


def own_files() -> dict[str, str]:
    """Return the files of the skill as this package has them."""
    return _files_in(_SKILL)


def folder(target: str, scope: Scope) -> Path:
    """Return the folder in which a host looks for skills; a target with a slash is a folder."""
    if "/" in target or os.sep in target:
        return Path(target).expanduser()
    name = _ALIASES.get(target, target)
    check_choice("target", name, _HOSTS)
    host = _HOSTS[name]
    if scope == "user" and host.is_moved:
        return host.home / "skills"
    shared = host if name == "claude" else _HOSTS["agents"]
    root = Path.home() if scope == "user" else Path.cwd()
    return root / shared.folder / "skills"


def found_hosts() -> list[str]:
    """Return the hosts whose folders exist; only `agents` if none does."""
    found = [name for name, host in _HOSTS.items() if host.home.is_dir()]
    return found or ["agents"]


def look(targets: Iterable[str], *scopes: Scope) -> list[InstalledSkill]:
    """Return the skill in each folder in which one of the hosts looks."""
    hosts_by_place: dict[Path, list[str]] = {}
    for scope in scopes:
        for target in targets:
            place = folder(target, scope) / "inngest"
            hosts_by_place.setdefault(place, []).append(target)
    return [_installed(place, hosts) for place, hosts in hosts_by_place.items()]


def _installed(place: Path, hosts: Iterable[str]) -> InstalledSkill:
    files = _files_in(place)
    state: SkillState = "absent"
    if files == own_files():
        state = "current"
    elif os.path.lexists(place):
        state = "different"
    text = files.get("SKILL.md", "")
    version = re.search(r'^  version: "?([^"\n]+)"?$', text, re.MULTILINE)
    return InstalledSkill(
        hosts=tuple(hosts),
        path=str(place),
        state=state,
        version=version[1] if version else None,
    )


def install(
    targets: Iterable[str], scope: Scope = "user", *, force: bool = False
) -> list[InstalledSkill]:
    """Write the skill into the folders of hosts; other files in these stay."""
    found = look(targets, scope)
    outdated = [skill for skill in found if skill.state != "current"]
    different = [skill.path for skill in outdated if skill.state == "different"]
    if different and not force:
        why = f"{', '.join(different)} is not the skill of version {__version__}"
        raise InvalidArgumentError(f"{why}: keep it, or replace it with --force")
    try:
        for skill in outdated:
            _write(Path(skill.path))
    except OSError as error:
        raise InvalidArgumentError(f"the skill cannot be installed: {error}") from None
    return look(targets, scope)


def _write(place: Path) -> None:
    """Write the files of the skill into a folder, without following links there."""
    references = place / "references"
    for path in (place, place / "SKILL.md", references):
        if path.is_symlink():
            path.unlink()
    if references.exists():
        shutil.rmtree(references)
    shutil.copytree(_SKILL, place, dirs_exist_ok=True)


def _files_in(place: Path) -> dict[str, str]:
    """Return the texts of a skill in a folder, by their paths in it."""
    texts: dict[str, str] = {}
    references = sorted(place.glob("references/*"))
    for path in (place / "SKILL.md", *references):
        if path.is_file():
            name = path.relative_to(place).as_posix()
            texts[name] = path.read_text(encoding="utf-8", errors="replace")
    return texts


@command(
    "skill",
    "show",
    arguments=(argument("name", help="A playbook, such as incident."),),
    examples=("skill show", "skill show incident"),
)
def show(renderer: Renderer, _options: Options, typed: Typed) -> int:
    """Print the SKILL.md of this version, or one of its playbooks."""
    name = typed.get("name", "SKILL")
    files = own_files()
    texts = {Path(path).stem: text for path, text in files.items()}
    check_choice("name", name, texts)
    return renderer.text(texts[name])


@command(
    "skill",
    "install",
    arguments=(
        Argument(
            names=("--target",),
            action="append",
            help=f"The host: {', '.join(_HOSTS)}, the first of which is the folder that most of "
            "them share; or a folder with a slash, such as ./skills. By default every host whose "
            "folder is here.",
        ),
        Argument(
            names=("--scope",),
            choices=get_args(Scope),
            help="For all projects of the user, or for the one in the current folder.",
        ),
        flag("--list", help="Say where the skill would be written, and write nothing."),
    ),
    examples=("skill install", "skill install --target claude --scope project"),
    kind=InstalledSkill,
)
def install_command(renderer: Renderer, options: Options, typed: Typed) -> int:
    """Write the skill to where the hosts of agents look for skills; --force replaces another."""
    targets = typed.get("target") or found_hosts()
    scope = typed.get("scope", "user")
    if "list" in typed:
        return renderer.many(look(targets, scope))
    installed = install(targets, scope, force=options.force)
    return renderer.many(installed)


@command("skill", "check", examples=("skill check -o json",), kind=InstalledSkill)
def check(renderer: Renderer, _options: Options, _typed: Typed) -> int:
    """Check that the skill is installed, here or for the user, and is the one of this version.

    Exits with 4 if it is not installed where a host looks, and with 6 if one that is installed is
    of another version or has been changed.
    """
    everywhere = look(_HOSTS, *get_args(Scope))
    installed = [skill for skill in everywhere if skill.state != "absent"]
    return renderer.many(installed, _problem_of(installed))


def _problem_of(installed: list[InstalledSkill]) -> Problem | None:
    if not installed:
        return Problem(
            code=Code.NOT_FOUND,
            message="the skill is not installed where a host looks for it",
            hint="`inngest-rest skill install` writes it; --target names the host.",
        )
    different = [skill.path for skill in installed if skill.state == "different"]
    if different:
        return Problem(
            code=Code.PARTIAL,
            message=f"not the skill of version {__version__}: {', '.join(different)}",
            hint="`inngest-rest skill install --force` replaces it.",
        )
    return None
