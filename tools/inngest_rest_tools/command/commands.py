"""The commands: one for each row of the table that has one, and those about this program."""

from __future__ import annotations

import re
from importlib import import_module
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest import calls
from inngest_rest.call_row import Returns, docstring
from inngest_rest.calls import commands as rows
from inngest_rest.errors import Advice, InngestError, InvalidArgumentError
from inngest_rest.programs import and_more, did_you_mean, nearest, shown
from inngest_rest_tools.command.arguments import (
    Argument,
    argument,
    dashed,
    flag,
    parser_of,
)
from inngest_rest_tools.command.command_line import PROGRAM, command_line
from inngest_rest_tools.command.options import OPTIONS
from inngest_rest_tools.command.stderr import Stderr
from inngest_rest_tools.parameter import Kind
from inngest_rest_tools.parameters import parameters
from inngest_rest_tools.problems import (
    EXIT_STATUS,
    Code,
    Problem,
    ProblemError,
    problem_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from inngest_rest.call_row import CallRow
    from inngest_rest.record import Record
    from inngest_rest_tools.command.arguments import Typed
    from inngest_rest_tools.command.options import Options
    from inngest_rest_tools.command.renderer import Renderer
    from inngest_rest_tools.parameter import Parameter

    Work = Callable[[Renderer, Options, Typed], int]

_OF_NO_API = {"pause", "unpause", "resume", "archive", "delete"}
_NO_API = (
    "No API of Inngest pauses or resumes a function, archives an app, or deletes a run or an "
    "event: look whether the dashboard does."
)

GROUPS = {**calls.GROUPS, "skill": "The skill for agents"}
"""The first words that several commands share, with their subject."""

_OTHER_WORDS = {"check": ("status", "doctor"), "diagnose": ("doctor",)}

# A key on a command line ends in the history of a shell, and in the list of processes.
_KEY = re.compile(r"--?(event|signing|api)[-_]?(key|token)", re.IGNORECASE)


@frozen(eq=False, kw_only=True)
class Command:
    """A command: the words that call it, its description, arguments and implementation."""

    words: tuple[str, ...]
    description: str
    run: Callable[[Options, Typed], int]
    arguments: tuple[Argument, ...]
    examples: tuple[str, ...]

    @property
    def name(self) -> str:
        return ".".join(self.words).replace("-", "_")

    @property
    def summary(self) -> str:
        return self.description.partition("\n")[0]

    @property
    def positions(self) -> list[Argument]:
        """Its positional arguments."""
        return [each for each in self.arguments if not each.is_option]

    @property
    def options(self) -> list[Argument]:
        """Its options, without the global ones."""
        return [each for each in self.arguments if each.is_option]

    def read(self, tokens: Sequence[str]) -> dict[str, Any]:
        """Parse the tokens after the command's words, by the names of arguments and options."""
        tokens = list(tokens)
        literal: list[str] = []
        if "--" in tokens:
            dashes = tokens.index("--")
            literal = tokens[dashes + 1 :]
            tokens = tokens[:dashes]
        parsed, words = parser_of(self.options).parse_known_args(tokens)
        for word in words:
            if word.startswith("-") and word != "-":
                raise unknown(word, self._valid_options(word))
        return vars(parsed) | self._positions_in([*words, *literal])

    def _valid_options(self, given: str) -> list[str]:
        """Return its own options, and the global ones if the given one resembles any of them."""
        own = sorted(option.names[-1] for option in self.options)
        of_all_commands = sorted(option.names[-1] for option in OPTIONS)
        if nearest(given.partition("=")[0], of_all_commands):
            return [*own, *of_all_commands]
        return own

    def _positions_in(self, words: list[str]) -> dict[str, Any]:
        """Return the positional arguments by name."""
        if self.name == "api" and len(words) == 1:
            words = ["GET", *words]
        names = [position.names[0] for position in self.positions]
        takes_many = bool(names) and self.positions[-1].nargs == "*"
        if takes_many:
            return {names[-1]: words} if words else {}
        unexpected = words[len(names) :]
        if unexpected:
            raise InvalidArgumentError(f"unexpected arguments: {' '.join(unexpected)}")
        return dict(zip(names, words, strict=False))


def find(tokens: Sequence[str]) -> Command:
    """Return the command that tokens begin with."""
    for row in rows():
        if tuple(tokens[: len(row.words)]) == row.words:
            return _command_of(row)
    for words, command in local_commands().items():
        if tuple(tokens[: len(words)]) == words:
            return command
    first_words: list[str] = []
    in_group: list[str] = []
    for words in all_words():
        first_words.append(words[0])
        if len(words) == 2 and words[0] == tokens[0]:
            in_group.append(words[1])
    if in_group:
        raise unknown(tokens[1], in_group)
    meant = _commands_that_do(tokens[0])
    if meant:
        named = and_more([f"'{command}'" for command in meant])
        raise InvalidArgumentError(
            f"unknown command {shown(tokens[0])}; did you mean {named}?",
            advice=Advice("inngest-rest --help lists all commands."),
        )
    raise unknown(tokens[0], list(dict.fromkeys(first_words)))


def _commands_that_do(verb: str) -> list[str]:
    """Return the commands that end with a word, or are another word for it."""
    named = [" ".join(words) for words in all_words() if words[1:] == (verb,)]
    return [*_OTHER_WORDS.get(verb, ()), *named]


def summary_of(words: tuple[str, ...]) -> str:
    """Return the summary of a command, without reading its parameters."""
    for row in rows():
        if row.words == words:
            return row.summary
    return local_commands()[words].summary


def all_words() -> list[tuple[str, ...]]:
    """Return the words of each command, in the order of help."""
    return [*(row.words for row in rows()), *local_commands()]


def summary_of_group(group: str) -> str:
    """Return the subject of a group, and what can be done in it."""
    verbs = [words[1] for words in all_words() if words[0] == group and words[1:]]
    return f"{GROUPS[group]}: {', '.join(verbs)}"


def is_group(tokens: Sequence[str]) -> bool:
    """Return whether tokens name the program or a group, and not yet a command."""
    return not tokens or (len(tokens) == 1 and tokens[0] in GROUPS)


_LOCAL = ("contract", "local", "agent_skill")


def local_commands() -> dict[tuple[str, ...], Command]:
    """Return the commands about this program, which `@command` makes, by their words."""
    found: dict[tuple[str, ...], Command] = {}
    for name in _LOCAL:
        module = import_module(f"{__package__}.{name}")
        for value in vars(module).values():
            if isinstance(value, Command):
                found[value.words] = value
    return found


def command(
    *words: str,
    arguments: tuple[Argument, ...] = (),
    examples: tuple[str, ...],
    kind: type[Record] = Problem,
) -> Callable[[Work], Command]:
    """Make a command of a function, which writes its answer and returns the exit status.

    Args:
        words: The words that call the command; the function's docstring describes it.
        arguments: Its arguments and options.
        examples: Command lines, without the program's name.
        kind: The class of the records in its answer.
    """

    def make(work: Work) -> Command:
        def run(options: Options, typed: Typed) -> int:
            from inngest_rest_tools.command.renderer import Renderer  # noqa: PLC0415 - not for help

            stderr = Stderr(options.quiet)
            name = ".".join(words)
            renderer = Renderer(name, format=options.format, stderr=stderr)
            try:
                renderer.configure(options, kind)
                return work(renderer, options, typed)
            except InngestError as error:
                return renderer.finish(problem_of(error))

        return Command(
            words=words,
            description=docstring(work),
            run=run,
            arguments=arguments,
            examples=tuple(f"{PROGRAM} {example}" for example in examples),
        )

    return make


def _command_of(row: CallRow) -> Command:
    def run(options: Options, typed: Typed) -> int:
        from inngest_rest_tools.command.execute import execute  # noqa: PLC0415 - not for help

        return execute(row, options, typed)

    of_parameters = [_argument_of(parameter) for parameter in parameters(row)]
    return Command(
        words=row.words,
        description=row.description,
        run=run,
        arguments=(*of_parameters, *_own_options(row)),
        examples=tuple(command_line(row, example) for example in row.examples),
    )


_FORM_OF_NAMED = {
    Kind.SPANS: "NAME=2h",
    Kind.COLUMNS: "NAME=PATH, or PATH alone, commas between them",
}


def _argument_of(parameter: Parameter) -> Argument:
    """Return a parameter as an optional argument, because `--params` may give it instead."""
    help = parameter.help
    if parameter.is_json:
        help += " JSON, @FILE, or - for standard input."
    if parameter.is_named:
        help += f" {_FORM_OF_NAMED[parameter.kind]}, or JSON, @FILE, or -."
    is_number = parameter.kind in {Kind.INTEGER, Kind.SECONDS}
    if is_number and parameter.default is not None:
        help += f" By default {parameter.default:g}."
    help = help.replace("%", "%%")
    if parameter.is_positional:
        nargs = "*" if parameter.is_many else "?"
        return argument(parameter.name, nargs=nargs, help=help)
    if parameter.kind is Kind.FLAG and parameter.default is True:
        return Argument(
            names=(dashed(f"no_{parameter.name}"),),
            help=help,
            action="store_false",
            dest=parameter.name,
        )
    action = None
    if parameter.kind is Kind.FLAG:
        action = "store_true"
    elif parameter.is_named or (parameter.is_many and not parameter.is_json):
        action = "append"
    return Argument(
        names=(dashed(parameter.name),),
        help=help,
        action=action,
        choices=parameter.choices or None,
    )


def _own_options(row: CallRow) -> Iterator[Argument]:
    """Yield the options of a command that are not parameters of its call."""
    names = {parameter.name for parameter in parameters(row)}
    yield Argument(
        names=("--params",),
        help="All parameters as JSON, @FILE (or @FILE.toml), or - for standard input.",
    )
    if row.returns is Returns.PAGES:
        yield flag("--all", help="List everything; needs -o ndjson or --output-file.")
    if row.returns is Returns.STREAM and "timeout" in names:
        status = EXIT_STATUS[Code.RUN_FAILED]
        help = f"Exit with {status} if a run failed or was cancelled."
        yield flag("--exit-status", help=help)
    if row.requests_any_path:
        yield from _OPTIONS_OF_API
    if row.page is not None:
        yield flag(
            "--web",
            help="Print the URL of its page, and on a terminal open it; nothing is sent.",
        )
    if "confirm" in names:
        yield flag("--yes", help="Act without asking.")


_OPTIONS_OF_API = (
    Argument(
        names=("-f", "--raw-field"),
        metavar="KEY=VALUE",
        action="append",
        help="Parameter of the query, or of the body if the method is another than GET.",
    ),
    Argument(
        names=("--input",),
        metavar="FILE",
        dest="body",
        type="@{}".format,
        help="File with the JSON of the body, or - for standard input.",
    ),
    flag(
        "--paginate", dest="all", help="Request all pages; as --all of other commands."
    ),
)


def unknown(given: str, valid: Sequence[str]) -> InngestError:
    """Return the error for an unknown command or option."""
    key = _KEY.match(given)
    if key is not None:  # its value is not repeated
        message = f"{key[0]}: keys are never options, which other users of the machine can read"
        hint = f"Set INNGEST_{key[1].upper()}_KEY in the environment."
        return ProblemError(Problem(Code.USAGE, message, hint=hint))
    if not given.startswith("-"):
        hint = did_you_mean(given, valid)
        message = f"unknown command {given!r}{hint}"
        if given in _OF_NO_API:
            return ProblemError(Problem(Code.USAGE, message, hint=_NO_API))
        return InvalidArgumentError(message)
    option = given.partition("=")[0]
    field = option.lstrip("-").replace("-", "_")
    message = f"unknown option {option!r}{did_you_mean(option, valid)}"
    return InvalidArgumentError(message, argument=field or None)
