"""The commands of the skill for agents."""

# cyclopts reads annotations here: they are there at run time.
import sys
from collections.abc import Sequence

from cyclopts import App

from inngest_rest._version import __version__
from inngest_rest.cli import skill_files
from inngest_rest.cli.answer import Answer
from inngest_rest.cli.command import Job, epilogue
from inngest_rest.cli.local_answer import answer_locally, write_items
from inngest_rest.cli.options import Options
from inngest_rest.cli.skill_files import InstalledSkill, Scope, SkillState
from inngest_rest.operations.problems import Code, Problem

app = App(name="skill", help="The skill for agents: install, show and check it")


@app.command(version_flags=(), help_epilogue=epilogue("skill show"))
def show(*, version: bool = False) -> Job:
    """Print the SKILL.md of this version.

    Args:
        version: Print the version alone.
    """

    def job(_options: Options) -> int:
        sys.stdout.write(f"{__version__}\n" if version else skill_files.text())
        return 0

    return job


@app.command(
    help_epilogue=epilogue("skill install", "skill install --target claude --scope project")
)
def install(*, target: str = "agents", scope: Scope = "user", force: bool = False) -> Job:
    """Write the skill to where an agent's host looks for skills, over an older one.

    Args:
        target: The host: claude, codex, openclaw, or agents for the folder that most of them
            share; or a folder with a slash, such as ./skills.
        scope: For all projects of the user, or for the one in the current folder.
        force: Write it over one that has been changed, too.
    """

    def job(options: Options) -> int:
        def work(answer: Answer) -> int:
            return answer.one(skill_files.install(target, scope, force=force))

        return answer_locally("skill.install", options, InstalledSkill, work)

    return job


@app.command(help_epilogue=epilogue("skill check -o json"))
def check() -> Job:
    """Check that the skill is installed, here or for the user, and is the one of this version.

    Exits with 4 if it is not installed where a host looks, and with 6 if one that is installed is
    of another version or has been changed.
    """

    def job(options: Options) -> int:
        return answer_locally("skill.check", options, InstalledSkill, _check)

    return job


def _check(answer: Answer) -> int:
    found = skill_files.installed()
    return write_items(answer, found, _problem(found))


def _problem(found: Sequence[InstalledSkill]) -> Problem | None:
    if not found:
        return Problem(
            Code.NOT_FOUND,
            "the skill is not installed where a host looks for it",
            hint="`inngest-rest skill install` writes it; --target names the host.",
        )
    others = [f"{it.path} is {it.state}" for it in found if it.state is not SkillState.CURRENT]
    if not others:
        return None
    return Problem(
        Code.PARTIAL,
        f"not every skill is the one of version {__version__}: {', '.join(others)}",
        hint="`inngest-rest skill install` writes it over an outdated one, and with --force over "
        "a changed one.",
    )
