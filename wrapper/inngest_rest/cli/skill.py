"""The commands of the skill for agents."""

# cyclopts reads annotations here: they are there at run time.
import sys

from cyclopts import App

from inngest_rest.cli import skill_files
from inngest_rest.cli.command import Job
from inngest_rest.cli.options import Options

app = App(name="skill", help="The skill for agents: install, show and check it")


@app.command
def show() -> Job:
    """Print the SKILL.md of this version."""

    def job(_options: Options) -> int:
        sys.stdout.write(skill_files.text())
        return 0

    return job
