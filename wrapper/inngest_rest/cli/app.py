"""The command line as a whole: its groups and options, and what becomes of a mistake in it."""

# cyclopts reads annotations here: they are there at run time.
import gc
import re
from collections.abc import Sequence
from itertools import takewhile
from typing import Annotated

from cyclopts import App, CycloptsError, Parameter

from inngest_rest._version import __version__
from inngest_rest.cli import groups, mistakes
from inngest_rest.cli.answer import Answer
from inngest_rest.cli.command import Job, unwrapped
from inngest_rest.cli.local import LOCAL
from inngest_rest.cli.options import Options, split
from inngest_rest.cli.output import STDIN, OutputError
from inngest_rest.cli.talk import Talk
from inngest_rest.operations.parameters import ParameterError
from inngest_rest.operations.problems import EXIT_STATUS, MEANING, Code, Problem, problem_of

_HELP = """\
Send events to Inngest; list, inspect, wait for, cancel and replay runs. Unofficial.

Keys come from the environment: INNGEST_EVENT_KEY for sending, INNGEST_SIGNING_KEY or
INNGEST_API_KEY for the rest. A dev server (--dev) needs none.
"""

# A key on a command line ends in the history of a shell, and in the list of processes.
_KEY = re.compile(
    r"--?(event|signing|api|signing[-_]key[-_]fallback)[-_]?(key|token)", re.IGNORECASE
)


_ABOUT = {"--help", "-h"}

# What a shell reports of a program that ended because nobody read its output any more.
_BROKEN_PIPE = 128 + 13

_MEANINGS = {
    0: "done",
    **{EXIT_STATUS[code]: MEANING[code] for code in Code},
    _BROKEN_PIPE: "nobody reads the output any more, as after `| head`",
}

_EXIT_STATUS = "Exit status:\n" + "\n".join(
    f"{status:5}  {meaning}" for status, meaning in _MEANINGS.items()
)


def run(tokens: Sequence[str]) -> int:
    """Run the command that the arguments name, and return the exit status."""
    try:
        return _run(tokens)
    except KeyboardInterrupt:
        return EXIT_STATUS[Code.INTERRUPTED]
    except (OutputError, OSError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, BrokenPipeError):
            return _BROKEN_PIPE
        Talk().error(Problem(Code.UNEXPECTED, f"the answer cannot be written: {cause}"))
        return EXIT_STATUS[Code.UNEXPECTED]


def _run(tokens: Sequence[str]) -> int:
    before_dashes = list(takewhile("--".__ne__, tokens))  # what follows them is no option
    for each in before_dashes:
        if found := _KEY.match(each):
            return _fail(tokens, mistakes.key_option(found[0]))
    if not tokens or not _ABOUT.isdisjoint(before_dashes):
        return _help(tokens)
    try:
        options, others = split([STDIN if each == "-" else each for each in tokens])
        job = _job(others)
        gc.enable()  # see inngest_rest.cli.main
        return 0 if job is None else job(options)
    except CycloptsError as error:
        return _fail(tokens, mistakes.problem_of(error))
    except ParameterError as error:
        return _fail(tokens, problem_of(error))


def _job(tokens: Sequence[str]) -> Job | None:
    try:
        job: Job | None = _commands()(tokens)
    except RecursionError:
        # cyclopts reads an argument that begins like a list as JSON.
        raise ParameterError("an argument is nested too deeply") from None
    return job


def _fail(tokens: Sequence[str], problem: Problem) -> int:
    from inngest_rest.cli.named import command_in  # noqa: PLC0415 - few make mistakes

    return Answer.for_mistake(tokens, command_in(tokens)).fail(problem)


def _help(tokens: Sequence[str]) -> int:
    from rich.console import Console  # noqa: PLC0415 - a command does without

    app = command_line()
    app.console = Console(emoji=False, highlight=False, markup=False)
    try:
        app.meta(tokens)
    except CycloptsError as error:
        return _fail(tokens, mistakes.problem_of(error))
    except SystemExit:
        return _BROKEN_PIPE  # rich exits where nobody reads on
    return 0


def command_line() -> App:
    """Return all commands, with the options of every command as those of its `meta`."""
    app = _commands()

    @app.meta.default
    def launch(  # pyright: ignore[reportUnusedFunction]
        *tokens: Annotated[str, Parameter(show=False, allow_leading_hyphen=True)],
        options: Options | None = None,
    ) -> None:
        del options
        app(tokens)

    return app


def _commands() -> App:
    app = App(
        name="inngest-rest",
        help=unwrapped(_HELP),
        help_epilogue=_EXIT_STATUS,
        help_format="plaintext",
        version=__version__,
        default_parameter=Parameter(negative=()),
        result_action="return_value",
        exit_on_error=False,
        print_error=False,
        suppress_keyboard_interrupt=False,
    )
    groups.add_to(app)
    for name, about in LOCAL.items():
        app.command(f"inngest_rest.cli.{name}:app", name=name, help=about)
    return app
