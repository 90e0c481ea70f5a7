"""Commands about this program: schemas, completion, tools over MCP, a mock server, the skill."""

from __future__ import annotations

import os
import re
import shutil
import signal
import sys
import threading
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from attrs import evolve, frozen

from inngest_rest._arguments import check_choice
from inngest_rest._programs.command.arguments import Argument, argument, flag
from inngest_rest._programs.command.command_line import command_line
from inngest_rest._programs.command.commands import command
from inngest_rest._programs.parameters import refused
from inngest_rest._programs.problems import Code, Problem
from inngest_rest._programs.untrusted import untrusted_paths
from inngest_rest._table import commands
from inngest_rest._version import __version__
from inngest_rest.errors import InvalidArgumentError
from inngest_rest.record import Record

if TYPE_CHECKING:
    from collections.abc import Iterable

    from inngest_rest._programs.command.options import Options
    from inngest_rest._programs.command.output import Renderer
    from inngest_rest.testing import Behaviour, MockEvent, MockServer

Scope = Literal["project", "user"]

# Each host with its folder in the home of its user, and the variable that moves it. All but Claude
# Code read the skills in `.agents`, too, and list twice what is in both.
_HOSTS = {
    "agents": (".agents", ""),
    "claude": (".claude", "CLAUDE_CONFIG_DIR"),
    "codex": (".codex", "CODEX_HOME"),
    "cursor": (".cursor", ""),
    "gemini": (".gemini", ""),
    "openclaw": (".openclaw", ""),
}
_ALIASES = {
    "claude-code": "claude",
    "gemini-cli": "gemini",
    **dict.fromkeys(("copilot", "opencode", "universal"), "agents"),
}

_SKILL = Path(__file__).parents[2] / ".agents" / "skills" / "inngest"


@frozen(repr=False)
class Description(Record):
    """A call, with JSON Schemas of `--params` and of what `-o json` prints where it is named.

    With a space for the dot, its name is the command.
    """

    name: str
    summary: str
    effect: str
    idempotent: bool
    description: str | None = None
    parameters: dict[str, Any] | None = None
    result: dict[str, Any] | None = None
    untrusted: list[str] | None = None
    examples: list[str] | None = None


SkillState = Literal["absent", "current", "different"]
"""How what is installed compares with the skill of this package; another version is different."""


@frozen(repr=False)
class InstalledSkill(Record):
    """The skill in a folder that hosts look into."""

    hosts: tuple[str, ...]
    path: str
    state: SkillState
    version: str | None


@command(
    "schema",
    arguments=(argument("name", nargs="*", help="The operation, such as runs.list."),),
    examples=("schema", "schema runs.list -o json", "schema -o table --fields name"),
    kind=Description,
)
def schema(renderer: Renderer, _: Options, values: dict[str, Any]) -> int:
    """List all operations, or describe one by the JSON Schemas of its parameters and its answer."""
    from inngest_rest._programs import schemas  # noqa: PLC0415 - one command needs it

    name = ".".join(values.get("name", ())).replace("-", "_")
    rows = {row.command: row for row in commands()}
    brief = {
        name: Description(name, row.summary, row.effect.value, row.is_repeatable)
        for name, row in rows.items()
    }
    if not name:
        return renderer.many([*brief.values()])
    check_choice("operation", name, rows)
    row = rows[name]
    found = evolve(
        brief[name],
        description=row.description,
        parameters=schemas.of_parameters(row),
        result=schemas.of_answer(row),
        untrusted=list(untrusted_paths(row)),
        examples=[command_line(row, each) for each in row.examples],
    )
    return renderer.finish(data=found)


@command(
    "completion",
    arguments=(argument("shell", nargs="?", help="The shell: bash, zsh or fish."),),
    examples=("completion bash",),
)
def completion(renderer: Renderer, _: Options, values: dict[str, Any]) -> int:
    """Print the script by which a shell completes commands, options and their values.

    bash: source <(inngest-rest completion bash)

    zsh: inngest-rest completion zsh > "${fpath[1]}/_inngest-rest"

    fish: inngest-rest completion fish > ~/.config/fish/completions/inngest-rest.fish
    """
    import shtab  # noqa: PLC0415 - one command needs it

    from inngest_rest._programs.command.help import parser_for  # noqa: PLC0415 - as help does

    check_choice("shell", shell := values.get("shell", ""), ("bash", "zsh", "fish"))
    return renderer.text(shtab.complete(parser_for((), is_whole=True), shell))


@command(
    "mcp",
    arguments=(
        flag("--read-only", help="Serve only the tools that change nothing on the server."),
        Argument(names=("--tools",), help="Serve only these groups, such as runs,events."),
    ),
    examples=("mcp --read-only --tools runs,events",),
)
def mcp(renderer: Renderer, options: Options, values: dict[str, Any]) -> int:
    """Serve the operations as tools of an MCP server, on standard input and output.

    A host of agents starts it, and ends it by closing its input. Keys come from the environment.
    Requires the extra `mcp`.
    """
    from inngest_rest._programs.command.execute import client_of  # noqa: PLC0415 - not for help

    with client_of(options) as client:
        from inngest_rest._programs import tools  # noqa: PLC0415 - it takes long to load

        if sys.stdin.isatty():
            where = "standard input and output, which is for the host of an agent to start"
            renderer.stderr.hint(f"inngest-rest: serving MCP on {where}.\nCtrl-C ends it.")
        # Otherwise Ctrl-C would wait for the thread that reads the input.
        signal.signal(signal.SIGINT, signal.SIG_DFL)
        groups = values["tools"].replace(" ", "").split(",") if "tools" in values else None
        chosen: Any = {"read_only": "read_only" in values, "groups": groups}
        tools.serve(client, redact=options.redact or "keys", **chosen)
    return 0


DEFAULT_PORT = 8288
_ANNOUNCED = """\
A mock server of Inngest is at {url}, until Ctrl-C. Its functions:

  shop/charge     app/order.created   fails if data.total is above 100
  shop/ship       app/order.created   sleeps for a day
  shop/receipt    app/order.paid      completes

In another terminal:

  export INNGEST_DEV={url}
  inngest-rest send app/order.created --data '{{"total": 900}}'
  inngest-rest runs list"""


@frozen(repr=False)
class Served(Record):
    """A mock server that is there until the command ends."""

    url: str


@command(
    "mock",
    arguments=(
        Argument(
            names=("--port",),
            type=int,
            help=f"The port; 0 for any that is free. By default {DEFAULT_PORT}.",
        ),
        Argument(names=("--host",), help="The address to listen on. By default 127.0.0.1."),
        Argument(
            names=("--release",),
            help="The release of Inngest to be, such as 1.17; else the newest.",
        ),
    ),
    examples=("mock", "mock --port 0 --release 1.17"),
    kind=Served,
)
def mock(renderer: Renderer, _: Options, values: dict[str, Any]) -> int:
    """Serve a mock server with an app `shop`, until Ctrl-C or SIGTERM.

    It needs no key, keeps all in memory, and takes events and calls as a dev server does.
    """
    port, release = values.get("port", DEFAULT_PORT), values.get("release")
    if not 0 <= port < 2**16:
        raise refused("port", "this must be from 0 to 65535")
    try:
        from inngest_rest.testing import MockServer  # noqa: PLC0415 - a server is slow to load

        server = MockServer() if release is None else MockServer(release=release)
        add_shop(server)
        for each in (signal.SIGINT, signal.SIGTERM):
            signal.signal(each, signal.default_int_handler)
        host = values.get("host", "127.0.0.1")
        with server.serve(port, host=host) as url, suppress(KeyboardInterrupt):
            if renderer.format == "table":
                renderer.text(_ANNOUNCED.format(url=url))
            else:
                renderer.finish(data=Served(url))
            threading.Event().wait()
    except OSError as error:
        reason = f"cannot listen on {port}: {error}; --port 0 takes any free port"
        raise refused("port", reason) from None
    except ValueError as error:
        raise refused("release", str(error)) from None
    renderer.stderr.hint(f"{len(server.events):,} events, {len(server.requests):,} requests.")
    return 0


def add_shop(server: MockServer) -> None:
    """Add the functions that the pages of the documentation speak of."""
    from inngest_rest.testing import completes, fails, sleeps  # noqa: PLC0415

    def charge(event: MockEvent) -> Behaviour:
        total = event.data.get("total", 0)
        is_declined = isinstance(total, int | float) and total > 100
        return fails("card declined") if is_declined else completes({"charged": total})

    ship, receipt = sleeps(timedelta(days=1)), completes({"mailed": True})
    server.function("shop", "charge", trigger="app/order.created", run=charge)
    server.function("shop", "ship", trigger="app/order.created", run=ship)
    server.function("shop", "receipt", trigger="app/order.paid", run=receipt)


def skill() -> dict[str, str]:
    """Return the files of the skill as this package has them."""
    return _files(_SKILL)


def folder(target: str, scope: Scope) -> Path:
    """Return the folder in which a host looks for skills, or the one that is the target."""
    if "/" in target or os.sep in target:
        return Path(target).expanduser()
    host = _ALIASES.get(target, target)
    check_choice("target", host, _HOSTS)
    own, variable = _HOSTS[host]
    moved = os.environ.get(variable) if scope == "user" else None
    shared = own if host == "claude" else _HOSTS["agents"][0]
    home = Path.home() if scope == "user" else Path.cwd()
    return Path(moved or home / shared) / "skills"


def found_hosts() -> list[str]:
    """Return the hosts whose folders are there; `agents` alone if none is."""
    homes = {it: Path(os.environ.get(at) or Path.home() / own) for it, (own, at) in _HOSTS.items()}
    return [host for host, home in homes.items() if home.is_dir()] or ["agents"]


def look(targets: Iterable[str], *scopes: Scope) -> list[InstalledSkill]:
    """Return what is in each folder that a host looks into."""
    places: dict[Path, list[str]] = {}
    for scope in scopes:
        for target in targets:
            places.setdefault(folder(target, scope) / "inngest", []).append(target)
    found: list[InstalledSkill] = []
    for place, hosts in places.items():
        files = _files(place)
        state: SkillState = "different" if os.path.lexists(place) else "absent"
        state = "current" if files == skill() else state
        version = re.search(r'^  version: "?([^"\n]+)"?$', files.get("SKILL.md", ""), re.MULTILINE)
        found.append(InstalledSkill(tuple(hosts), str(place), state, version and version[1]))
    return found


def install(
    targets: Iterable[str], scope: Scope = "user", *, force: bool = False
) -> list[InstalledSkill]:
    """Write the skill into the folders of hosts; other files in these stay."""
    before = [it for it in look(targets, scope) if it.state != "current"]
    different = [it.path for it in before if it.state == "different"]
    if different and not force:
        why = f"{', '.join(different)} is not the skill of version {__version__}"
        raise InvalidArgumentError(f"{why}: keep it, or replace it with --force")
    try:
        for each in before:
            place = Path(each.path)
            for link in (place, place / "SKILL.md", references := place / "references"):
                if link.is_symlink():  # which is not followed
                    link.unlink()
            if references.exists():
                shutil.rmtree(references)
            shutil.copytree(_SKILL, place, dirs_exist_ok=True)
    except OSError as error:
        raise InvalidArgumentError(f"the skill cannot be installed: {error}") from None
    return look(targets, scope)


def _files(place: Path) -> dict[str, str]:
    found = (place / "SKILL.md", *sorted(place.glob("references/*")))
    texts = {it: it.read_text(encoding="utf-8", errors="replace") for it in found if it.is_file()}
    return {it.relative_to(place).as_posix(): text for it, text in texts.items()}


@command(
    "skill",
    "show",
    arguments=(argument("name", nargs="?", help="A playbook, such as incident."),),
    examples=("skill show", "skill show incident"),
)
def show(renderer: Renderer, _: Options, values: dict[str, Any]) -> int:
    """Print the SKILL.md of this version, or one of its playbooks."""
    name = values.get("name", "SKILL")
    playbooks = {Path(each).stem: text for each, text in skill().items()}
    check_choice("name", name, playbooks)
    return renderer.text(playbooks[name])


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
def install_command(renderer: Renderer, options: Options, values: dict[str, Any]) -> int:
    """Write the skill to where the hosts of agents look for skills; --force replaces another."""
    targets, scope = values.get("target") or found_hosts(), values.get("scope", "user")
    if "list" in values:
        return renderer.many(look(targets, scope))
    return renderer.many(install(targets, scope, force=options.force))


@command("skill", "check", examples=("skill check -o json",), kind=InstalledSkill)
def check(renderer: Renderer, _options: Options, _values: dict[str, Any]) -> int:
    """Check that the skill is installed, here or for the user, and is the one of this version.

    Exits with 4 if it is not installed where a host looks, and with 6 if one that is installed is
    of another version or has been changed.
    """
    found = [it for it in look(_HOSTS, *get_args(Scope)) if it.state != "absent"]
    others = [it.path for it in found if it.state == "different"]
    problem = None
    if not found:
        message = "the skill is not installed where a host looks for it"
        hint = "`inngest-rest skill install` writes it; --target names the host."
        problem = Problem(Code.NOT_FOUND, message, hint)
    elif others:
        message = f"not the skill of version {__version__}: {', '.join(others)}"
        hint = "`inngest-rest skill install --force` replaces it."
        problem = Problem(Code.PARTIAL, message, hint)
    return renderer.many(found, problem)
