"""Commands about this program: schemas, shell completion, tools over MCP, the skill for agents."""

from __future__ import annotations

import hashlib
import os
import re
import signal
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from attrs import frozen

from inngest_rest._programs import schemas
from inngest_rest._programs.command.execute import client_of
from inngest_rest._programs.command.options import argument, command_line, flag
from inngest_rest._programs.command.parser import command, tree
from inngest_rest._programs.command.renderer import answer
from inngest_rest._programs.command.streams import write_all
from inngest_rest._programs.envelope import Code, Problem
from inngest_rest._table import commands
from inngest_rest._version import __version__
from inngest_rest._visible import did_you_mean
from inngest_rest.errors import ConfigurationError, InvalidArgumentError
from inngest_rest.record import Record

if TYPE_CHECKING:
    from inngest_rest._programs.command.options import Options
    from inngest_rest._programs.command.renderer import Renderer
    from inngest_rest._table import Row

SHELLS = ("bash", "zsh", "fish")

_OF_MCP = {"anyio", "mcp", "pydantic"}

_AT_A_TERMINAL = """\
inngest-rest: serving MCP on standard input and output, which is for the host of an agent to start.
Ctrl-C ends it.
"""

Scope = Literal["project", "user"]

# Where each host looks, for the user and in a project; `agents` is what most of them share.
_FOLDERS = {
    "agents": ("~/.agents/skills", ".agents/skills"),
    "claude": ("~/.claude/skills", ".claude/skills"),
    "codex": ("~/.codex/skills", ".agents/skills"),
    "openclaw": ("~/.openclaw/skills", "skills"),
}

_SEAL = re.compile(r"\n<!-- installed by inngest-rest, sha256 ([0-9a-f]{64}) -->\n\Z")


@frozen(repr=False)
class Summary(Record):
    """A call in brief; with a space for the dot, its name is the command."""

    name: str
    summary: str
    effect: str
    idempotent: bool

    @property
    def id(self) -> str:
        """What `-o id` prints."""
        return self.name


@frozen(repr=False)
class Description(Summary):
    """A call in full, with JSON Schemas of `--params` and of what `-o json` prints."""

    description: str
    parameters: dict[str, Any]
    result: dict[str, Any]
    untrusted: list[str]
    examples: list[str]


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


@command(
    "schema",
    arguments=(argument("name", nargs="*", help="The operation, such as runs.list."),),
    examples=("schema", "schema runs.list -o json", "schema -o table --fields name"),
)
def schema(options: Options, values: dict[str, Any]) -> int:
    """List all operations, or describe one by the JSON Schemas of its parameters and its answer."""
    name = ".".join(values.get("name", ())).replace("-", "_")

    def work(renderer: Renderer) -> int:
        if not name:
            return renderer.many([Summary(*_brief(row)) for row in commands()])
        rows = {row.command: row for row in commands()}
        if name not in rows:
            raise InvalidArgumentError(f"unknown operation {name!r}{did_you_mean(name, rows)}")
        row = rows[name]
        found = Description(
            *_brief(row),
            description=row.description,
            parameters=schemas.of_parameters(row),
            result=schemas.of_answer(row),
            untrusted=list(row.untrusted_paths),
            examples=[command_line(row, each) for each in row.examples],
        )
        if renderer.format != "table" or renderer.projection.fields is not None:
            return renderer.finish(data=found)
        renderer.output.line(found.to_json(indent=2))
        return renderer.finish()

    return answer("schema", options, Description if name else Summary, work)


def _brief(row: Row) -> tuple[str, str, str, bool]:
    return row.command, row.summary, row.effect.value, row.is_repeatable


@command(
    "completion",
    arguments=(argument("shell", nargs="?", help="The shell: bash, zsh or fish."),),
    examples=("completion bash",),
)
def completion(_: Options, values: dict[str, Any]) -> int:
    """Print the script by which a shell completes commands, options and their values.

    bash: source <(inngest-rest completion bash)

    zsh: inngest-rest completion zsh > "${fpath[1]}/_inngest-rest"

    fish: inngest-rest completion fish > ~/.config/fish/completions/inngest-rest.fish
    """
    shell = values.get("shell", "")
    if shell not in SHELLS:
        message = f"shell is {shell!r}{did_you_mean(shell, SHELLS)}"
        raise InvalidArgumentError(message, argument="shell")
    import shtab  # noqa: PLC0415 - one command needs it

    return write_all(shtab.complete(tree()[()], shell))


@command(
    "mcp",
    arguments=(
        flag("--read-only", help="Serve only the tools that change nothing on the server."),
    ),
    examples=("mcp --read-only",),
)
def mcp(options: Options, values: dict[str, Any]) -> int:
    """Serve the operations as tools of an MCP server, on standard input and output.

    A host of agents starts it, and ends it by closing its input. Keys come from the environment.
    Requires the extra `mcp`.
    """

    def serve(_: Renderer) -> int:
        with client_of(options) as client:
            try:
                from inngest_rest._programs import tools  # noqa: PLC0415 - it takes long to load
            except ModuleNotFoundError as error:
                if (error.name or "").partition(".")[0] not in _OF_MCP:
                    raise
                raise ConfigurationError(
                    "the MCP server needs packages that are not installed (no module named "
                    f"{error.name}): pip install 'inngest-rest[mcp]'"
                ) from None
            if sys.stdin.isatty():
                sys.stderr.write(_AT_A_TERMINAL)
            # Otherwise Ctrl-C would wait for the thread that reads the input.
            signal.signal(signal.SIGINT, signal.SIG_DFL)
            tools.serve(client, read_only="read_only" in values)
        return 0

    return answer("mcp", options, Problem, serve)


def skill_text() -> str:
    """Return the SKILL.md of this package."""
    package = Path(__file__).parents[2]
    return (package / ".agents" / "skills" / "inngest" / "SKILL.md").read_text(encoding="utf-8")


def folder(target: str, scope: Scope) -> Path:
    """Return the folder in which a host looks for skills, or the one that is the target."""
    claude = os.environ.get("CLAUDE_CONFIG_DIR")
    if (target, scope) == ("claude", "user") and claude:
        return Path(claude) / "skills"
    if target in _FOLDERS:
        return Path.cwd() / Path(_FOLDERS[target][scope == "project"]).expanduser()
    if "/" in target or os.sep in target or target in {".", ".."}:
        return Path(target).expanduser()
    known = f"one of {', '.join(_FOLDERS)}, or a folder with a slash, such as ./skills"
    raise InvalidArgumentError(f"unknown target {target!r}: give {known}", argument="target")


def install(target: str, scope: Scope, *, force: bool = False) -> InstalledSkill:
    """Write the skill into the folder of a host, over an older one of this package."""
    path = folder(target, scope) / "inngest" / "SKILL.md"
    try:
        changed = path.is_symlink() or (path.exists() and _look(path).state is SkillState.CHANGED)
        if changed and not force:
            why = f"{path} has been changed, or was not installed by inngest-rest"
            raise InvalidArgumentError(f"{why}: keep it, or replace it with --force")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # it may be a link, which is not followed
        # Its hash tells later whether it has been changed.
        seal = f"\n<!-- installed by inngest-rest, sha256 {_digest(skill_text())} -->\n"
        path.write_text(skill_text() + seal, encoding="utf-8")
    except OSError as error:
        raise InvalidArgumentError(f"the skill cannot be installed: {error}") from None
    return _look(path)


def installed() -> list[InstalledSkill]:
    """Return the skills that are installed where hosts look for them, here and for the user."""
    places = [folder(target, scope) for scope in get_args(Scope) for target in _FOLDERS]
    paths = [place / "inngest" / "SKILL.md" for place in dict.fromkeys(places)]
    return [_look(path) for path in paths if path.exists()]


def _look(path: Path) -> InstalledSkill:
    found = path.read_text(encoding="utf-8", errors="replace")
    seal = _SEAL.search(found)
    skill = found[: seal.start()] if seal else found
    is_whole = seal is not None and _digest(skill) == seal[1]
    state = SkillState.OUTDATED if is_whole else SkillState.CHANGED
    if skill == skill_text():
        state = SkillState.CURRENT
    version = re.search(r'^  version: "?([^"\n]+)"?$', skill, re.MULTILINE)
    return InstalledSkill(str(path), state, version and version[1])


def _digest(skill: str) -> str:
    return hashlib.sha256(skill.encode()).hexdigest()


@command("skill", "show", examples=("skill show",))
def show(_options: Options, _values: dict[str, Any]) -> int:
    """Print the SKILL.md of this version."""
    return write_all(skill_text())


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
        return renderer.finish(data=install(target, scope, force=options.force))

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
            message = "the skill is not installed where a host looks for it"
            hint = "`inngest-rest skill install` writes it; --target names the host."
            problem = Problem(Code.NOT_FOUND, message, hint)
        elif others:
            message = f"not every skill is the one of version {__version__}: {', '.join(others)}"
            hint = "`inngest-rest skill install` writes it over an outdated one, and with --force "
            problem = Problem(Code.PARTIAL, message, f"{hint}over a changed one.")
        return renderer.many(found, problem)

    return answer("skill.check", options, InstalledSkill, work)
