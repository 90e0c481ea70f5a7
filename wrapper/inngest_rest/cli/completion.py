"""The command `completion`: scripts by which shells complete commands, options and values."""

# cyclopts reads annotations here: they are there at run time.
import sys
from typing import Literal

from cyclopts import App

from inngest_rest.cli.app import command_line
from inngest_rest.cli.command import Job
from inngest_rest.cli.options import Options

Shell = Literal["bash", "zsh", "fish"]

app = App(
    name="completion",
    help_epilogue="""\
Examples:
  bash: source <(inngest-rest completion bash)
  zsh:  inngest-rest completion zsh > "${fpath[1]}/_cyclopts_inngest-rest"
  fish: inngest-rest completion fish > ~/.config/fish/completions/inngest-rest.fish""",
)


@app.default
def completion(shell: Shell) -> Job:
    """Print the script by which a shell completes commands, options and their values.

    Args:
        shell: The shell.
    """

    def job(_options: Options) -> int:
        sys.stdout.write(command_line().generate_completion(shell=shell))
        return 0

    return job
