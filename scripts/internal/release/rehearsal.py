"""Publish to an index on this machine, then install from it and do what newcomers do.

The index is pypiserver, and twine uploads to it, as the workflow does to PyPI. Each newcomer has an
empty home, caches included, so that only the machine's Python and its index of other packages help.
"""

from __future__ import annotations

import asyncio
import json
import os
import sys
import threading
import zipfile
from contextlib import contextmanager
from pathlib import Path
from socketserver import ThreadingMixIn
from typing import TYPE_CHECKING, Any, NamedTuple, TextIO
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pypiserver
from mcp import Client
from mcp.client.stdio import StdioServerParameters, stdio_client

from inngest_rest_mock import MockServer
from scripts.internal.release import installs
from scripts.internal.release.missing import ROOT
from scripts.internal.release.steps import WrongError, run

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

TOOLS = Path(sys.executable).parent
"""Where uv, uvx, pipx and twine are."""

KEPT = ("INNGEST", "PYTHON", "PIPX_", "UV_", "VIRTUAL_ENV", "XDG_")
"""The variables that a newcomer does not have begin with these."""


class Host(NamedTuple):
    """A client of npm that installs the plugin, or the skill in it, from this repository."""

    name: str
    package: str
    commands: Sequence[Sequence[str]]


HOSTS = (
    Host(
        name="Claude Code",
        package="@anthropic-ai/claude-code@2.1.197",
        commands=(
            ("plugin", "validate", str(ROOT)),
            ("plugin", "marketplace", "add", str(ROOT)),
            ("plugin", "install", "inngest-rest@inngest-rest"),
        ),
    ),
    Host(
        name="Codex",
        package="@openai/codex@0.171.0",
        commands=(
            ("plugin", "marketplace", "add", str(ROOT)),
            ("plugin", "add", "inngest-rest@inngest-rest"),
        ),
    ),
    Host(name="skills", package="skills@1.5.18", commands=(("add", str(ROOT), "--yes"),)),
)


class Newcomer(NamedTuple):
    """Somebody with an empty home, whose tools ask the index of the rehearsal first."""

    home: Path
    packages: str
    server: str

    @property
    def variables(self) -> dict[str, str]:
        """The variables of the environment; the client's lead to the mock server."""
        others = {k: v for k, v in os.environ.items() if not k.startswith(KEPT)}
        return {
            **others,
            "HOME": str(self.home),
            "PIP_EXTRA_INDEX_URL": self.packages,
            "UV_INDEX": self.packages,
            "UV_PYTHON_DOWNLOADS": "never",
            # Behind a proxy that inspects TLS, its certificate is in the system's store alone.
            "UV_SYSTEM_CERTS": "1",
            "INNGEST_DEV": self.server,
            "DISABLE_TELEMETRY": "1",
        }

    def run(self, *command: str | Path) -> str:
        """Run a command that has to succeed, in the home, and return what it printed."""
        return run(*command, cwd=self.home, env=self.variables)


def rehearse(out: Path, scratch: Path, version: str) -> tuple[None, str]:
    """Publish what is in `out`, then install and use it in each way that the pages name."""
    ways = (by_pip, by_uv, by_pipx, by_uvx, by_a_host_of_the_registry, by_a_host_of_bundles)
    with index(out, scratch / "index") as url, MockServer().serve() as server:
        for way in ways:
            home = scratch / way.__name__
            home.mkdir()
            way(Newcomer(home=home, packages=url, server=server), out, version)
    told = ", ".join(way.__name__.removeprefix("by_").replace("_", " ") for way in ways)
    return None, f"published, then installed and used by {told}"


def install_in_hosts(scratch: Path) -> tuple[None, str]:
    """Install the plugin, or the skill in it, by the clients of its hosts."""
    for host in HOSTS:
        newcomer = Newcomer(home=scratch / host.name, packages="", server="")
        newcomer.home.mkdir()
        for command in host.commands:
            newcomer.run("npx", "--yes", host.package, *command)
        skills = newcomer.home.rglob("skills/inngest/SKILL.md")
        expect(any(skills), f"{host.package} has installed no skill")
    return None, f"the skill is installed by {', '.join(host.name for host in HOSTS)}"


class _Server(ThreadingMixIn, WSGIServer):
    """Installers ask for several packages at once."""

    daemon_threads = True


class _Quiet(WSGIRequestHandler):
    """Prints no line for each request."""

    def log_message(self, *_: object) -> None:
        """Print nothing."""


@contextmanager
def index(out: Path, folder: Path) -> Iterator[str]:
    """Serve an index, publish the packages to it, and give its URL."""
    folder.mkdir()
    app = pypiserver.app(
        roots=[folder],
        disable_fallback=True,
        authenticate=[],
        password_file=".",  # noqa: S106 - its word for none, which `authenticate` demands
    )
    with make_server("127.0.0.1", 0, app, _Server, _Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        url = f"http://127.0.0.1:{server.server_port}"
        try:
            upload = (TOOLS / "twine", "upload", "--non-interactive", "--repository-url", url)
            nobody = ("--username", "anyone", "--password", "none")
            run(*upload, *nobody, *out.glob("pypi*/*"))
            yield f"{url}/simple/"
        finally:
            server.shutdown()
            thread.join()


def by_pip(newcomer: Newcomer, _: Path, version: str) -> None:
    """Install the client, run the README's first program, then add the command."""
    environment = newcomer.home / "environment"
    newcomer.run(sys.executable, "-m", "venv", environment)
    python = environment / "bin" / "python"
    install = (python, "-m", "pip", "install", "--quiet")
    newcomer.run(*install, f"inngest-rest=={version}")
    printed = newcomer.run(python, "-c", installs.first_program())
    expect(printed.startswith("sent app/order.created"), printed)
    newcomer.run(*install, f"inngest-rest[cli]=={version}")
    use_command(newcomer, python.with_name("inngest-rest"), version)


def by_uv(newcomer: Newcomer, _: Path, version: str) -> None:
    """Install the command as a tool of uv, and with it the skill of agents into a project."""
    newcomer.run(TOOLS / "uv", "tool", "install", f"inngest-rest[cli]=={version}")
    command = newcomer.home / ".local" / "bin" / "inngest-rest"
    use_command(newcomer, command, version)
    newcomer.run(command, "skill", "install", "--target", "claude", "--scope", "project")
    skill = newcomer.home / ".claude" / "skills" / "inngest" / "SKILL.md"
    expect(f'version: "{version}"' in skill.read_text(encoding="utf-8"), f"{skill} is another")


def by_pipx(newcomer: Newcomer, _: Path, version: str) -> None:
    """Install the command with pipx."""
    newcomer.run(TOOLS / "pipx", "install", f"inngest-rest[cli]=={version}")
    use_command(newcomer, newcomer.home / ".local" / "bin" / "inngest-rest", version)


def by_uvx(newcomer: Newcomer, _: Path, version: str) -> None:
    """Run the command without installing it."""
    uvx = (TOOLS / "uvx", "--from", f"inngest-rest[cli]=={version}")
    expect(version in newcomer.run(*uvx, "inngest-rest", "--version"), "another version")


def by_a_host_of_the_registry(newcomer: Newcomer, out: Path, _: str) -> None:
    """Start the server of the registry's entry, as hosts make its command, and talk to it."""
    (package,) = json.loads((out / "server.json").read_bytes())["packages"]
    requirement = f"{package['identifier']}=={package['version']}"
    use_tools(newcomer, TOOLS / package["runtimeHint"], [requirement], {})


def by_a_host_of_bundles(newcomer: Newcomer, out: Path, _: str) -> None:
    """Unpack the bundle, fill in its configuration, start the server in it, and talk to it."""
    folder = newcomer.home / "bundle"
    (file,) = out.glob("*.mcpb")
    with zipfile.ZipFile(file) as bundle:
        bundle.extractall(folder)
    manifest = json.loads((folder / "manifest.json").read_bytes())
    answers = {name: asked["default"] for name, asked in manifest["user_config"].items()}
    answers["dev_server"] = newcomer.server
    config = manifest["server"]["mcp_config"]
    arguments: list[str] = []
    for each in config["args"]:
        arguments += _filled(each.replace("${__dirname}", str(folder)), answers)
    variables = {name: "".join(_filled(text, answers)) for name, text in config["env"].items()}
    use_tools(newcomer, TOOLS / config["command"], arguments, variables)


def _filled(text: str, answers: Mapping[str, Any]) -> list[str]:
    """Return a text of a bundle with the answer that it names; one of several is a list."""
    name = text.removeprefix("${user_config.").removesuffix("}")
    if name == text:
        return [text]
    match answers[name]:
        case list() as several:
            return several
        case bool() as yes:
            return [str(yes).lower()]
        case answer:
            return [answer]


def use_command(newcomer: Newcomer, command: Path, version: str) -> None:
    """Ask the command for its version, and send an event with it."""
    expect(version in newcomer.run(command, "--version"), f"{command} has another version")
    sent = newcomer.run(command, "send", "app/order.created", "--data", '{"total": 900}')
    expect(json.loads(sent)["data"]["accepted"] == 1, sent)


def use_tools(
    newcomer: Newcomer, command: Path, arguments: Sequence[str], variables: Mapping[str, str]
) -> None:
    """Start a server with the official client of MCP, and call a tool of it."""
    server = StdioServerParameters(
        command=str(command),
        args=list(arguments),
        env={**newcomer.variables, **variables},
        cwd=newcomer.home,
    )

    async def talk(log: TextIO) -> Any:
        async with Client(stdio_client(server, log)) as client:
            tools = {each.name for each in (await client.list_tools()).tools}
            return tools, await client.call_tool("runs_list", {})

    log = newcomer.home / "server.log"
    try:
        with log.open("w", encoding="utf-8") as file:
            tools, listed = asyncio.run(talk(file))
    except Exception as error:
        raise WrongError(log.read_text(encoding="utf-8")) from error
    # Acts are offered only with --allow-writes, which no host passes by itself.
    is_read_only = "runs_list" in tools and not tools & {"send", "runs_replay"}
    expect(is_read_only, f"the tools are {tools}")
    expect(not listed.is_error, str(listed))


def expect(is_so: bool, otherwise: str) -> None:
    """Raise an error unless it is so."""
    if not is_so:
        raise WrongError(otherwise)
