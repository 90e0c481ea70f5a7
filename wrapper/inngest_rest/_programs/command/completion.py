"""The command `completion`: scripts by which shells complete commands, options and values."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import shtab

from inngest_rest._programs.command.options import argument
from inngest_rest._programs.command.parser import Command, tree
from inngest_rest._programs.command.streams import Output
from inngest_rest._visible import did_you_mean
from inngest_rest.errors import InvalidArgumentError

if TYPE_CHECKING:
    from inngest_rest._programs.command.options import Options

SHELLS = ("bash", "zsh", "fish")


def _run(_: Options, values: dict[str, Any]) -> int:
    shell = values.get("shell", "")
    if shell not in SHELLS:
        message = f"shell is {shell!r}{did_you_mean(shell, SHELLS)}"
        raise InvalidArgumentError(message, argument="shell")
    output = Output()
    output.line(shtab.complete(tree()[()], shell))
    output.close()
    return 0


COMMANDS = (
    Command(
        words=("completion",),
        description="""\
Print the script by which a shell completes commands, options and their values.

bash: source <(inngest-rest completion bash)

zsh: inngest-rest completion zsh > "${fpath[1]}/_inngest-rest"

fish: inngest-rest completion fish > ~/.config/fish/completions/inngest-rest.fish""",
        arguments=(argument("shell", nargs="?", help="The shell: bash, zsh or fish."),),
        examples=("inngest-rest completion bash",),
        run=_run,
    ),
)
