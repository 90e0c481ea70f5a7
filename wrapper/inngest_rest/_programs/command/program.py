"""The program as a whole: its commands and their help, from arguments to an exit status."""

from __future__ import annotations

import argparse
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from functools import partial
from importlib import import_module
from itertools import takewhile
from typing import TYPE_CHECKING, Any, get_args

from attrs import fields, frozen

from inngest_rest import _table
from inngest_rest._programs.command.output import (
    FORMAT_VARIABLE,
    PROGRAM,
    Format,
    Options,
    OutputError,
    Renderer,
    Stderr,
    command_line,
    dashed,
)
from inngest_rest._programs.parameters import Kind, parameters
from inngest_rest._programs.problems import EXIT_STATUS, Code, Problem, ProblemError, problem_of
from inngest_rest._table import Returns, commands, docstring
from inngest_rest._version import __version__
from inngest_rest._visible import did_you_mean, shown
from inngest_rest.errors import InngestError, InvalidArgumentError

if TYPE_CHECKING:
    from inngest_rest._programs.parameters import Parameter
    from inngest_rest._table import Row
    from inngest_rest.record import Record


DESCRIPTION = """\
Send events to Inngest; list, inspect, wait for, cancel and replay runs. Unofficial.

Keys come from the environment: INNGEST_EVENT_KEY for sending, INNGEST_SIGNING_KEY or
INNGEST_API_KEY for the rest. A dev server (--dev) needs none.

Where text or JSON is typed, @FILE stands for that of a file, and @- for standard input; @@ begins
a text with @.
"""

# What a shell reports of a program that ended because nobody read its output any more.
BROKEN_PIPE = 128 + 13

MEANINGS = {
    0: "done",
    **{EXIT_STATUS[code]: code.meaning for code in Code if code is not Code.RULE_BROKEN},
    BROKEN_PIPE: "the reader closed the output, as after `| head`",
}

_ELSEWHERE = f"Options of every command, and each exit status: {PROGRAM} --help"
_CODES_OF = {
    "runs.check": "Exit status: 0 all rules hold, 1 one is broken, 2 it cannot tell (a rule is "
    "malformed, or the server or a key is at fault), 130 interrupted\n\n"
}

# A key on a command line ends in the history of a shell, and in the list of processes.
_KEY = re.compile(r"--?(event|signing|api)[-_]?(key|token)", re.IGNORECASE)

GROUPS = {**_table.GROUPS, "skill": "The skill for agents: install, show and check it"}
"""What begins several commands, and what these are about."""


Argument = tuple[tuple[str, ...], dict[str, Any]]
"""What `ArgumentParser.add_argument` takes."""


def argument(*names: str, **details: Any) -> Argument:
    """Return an argument or option; one with `choices` names the nearest for what is no choice."""
    if "choices" in details:
        details["type"] = partial(_chosen, details["choices"])
    return names, details


flag = partial(argument, action="store_true")


def _chosen(choices: Sequence[str], text: str) -> str:
    if text not in choices:
        raise argparse.ArgumentTypeError(f"{shown(text)} is no choice{did_you_mean(text, choices)}")
    return text


def _option_of(option: Any) -> Argument:
    """Return a field of `Options` as an option, which is given under its name in any case."""
    details = dict(option.metadata)
    names = *details.pop("names"), dashed(option.name)
    return flag(*names, **details) if option.default is False else argument(*names, **details)


_FULL = "Return all fields, where JSON has those that say most."
OPTIONS = (
    *map(_option_of, fields(Options)),
    argument("--json", dest="output", action="store_const", const="json", help=argparse.SUPPRESS),
    argument("--full", dest="fields", action="store_const", const="*", help=_FULL),
    flag("-h", "--help", help="Print this help."),
    flag("--version", help="Print the version."),
)


def parser_of(arguments: Iterable[Argument]) -> argparse.ArgumentParser:
    """Return a parser of these alone, which raises its errors."""
    parser = argparse.ArgumentParser(
        add_help=False, allow_abbrev=False, argument_default=argparse.SUPPRESS, exit_on_error=False
    )
    add_to(parser, arguments)
    return parser


def add_to(parser: Any, arguments: Iterable[Argument]) -> None:
    for names, details in arguments:
        parser.add_argument(*names, **details)


@frozen(eq=False)
class Command:
    """A command: the words that call it, what it does in words and in fact, what it takes."""

    words: tuple[str, ...]
    description: str
    run: Callable[[Options, dict[str, Any]], int]
    arguments: tuple[Argument, ...]
    examples: tuple[str, ...]

    @property
    def name(self) -> str:
        return ".".join(self.words).replace("-", "_")

    @property
    def positions(self) -> list[Argument]:
        """Its arguments that are told by their order, not by a name."""
        return [each for each in self.arguments if not each[0][0].startswith("-")]

    def read(self, tokens: Sequence[str]) -> dict[str, Any]:
        positions = self.positions
        options = [each for each in self.arguments if each not in positions]
        before_dashes = list(takewhile("--".__ne__, tokens))
        found, words = parser_of(options).parse_known_args(before_dashes)
        for each in words:
            if each.startswith("-") and each != "-":
                raise _unknown(each, sorted(names[-1] for names, _ in (*options, *OPTIONS)))
        words += tokens[len(before_dashes) + 1 :]
        values = vars(found)
        if self.name == "api" and len(words) == 1:
            words = ["GET", *words]
        if positions and positions[-1][1]["nargs"] == "*":
            return values | ({positions[-1][0][0]: words} if words else {})
        if more := words[len(positions) :]:
            raise InvalidArgumentError(f"unexpected arguments: {' '.join(more)}")
        return values | {names[0]: word for (names, _), word in zip(positions, words, strict=False)}


def run(tokens: Sequence[str]) -> int:
    """Run the command that the arguments name, and return the exit status."""
    try:
        return _run(tokens)
    except KeyboardInterrupt:
        return EXIT_STATUS[Code.INTERRUPTED]
    except (OutputError, OSError) as error:
        cause = error.__cause__ or error
        if isinstance(cause, BrokenPipeError):
            return BROKEN_PIPE
        Stderr().error(Problem(Code.UNEXPECTED, f"the answer cannot be written: {cause}"))
        return EXIT_STATUS[Code.UNEXPECTED]


def _run(tokens: Sequence[str]) -> int:
    options, name = Options(), ""
    try:
        known, others = parser_of(OPTIONS).parse_known_args(tokens)
        given = vars(known)
        wants_help, wants_version = given.pop("help", False), given.pop("version", False)
        options = Options(**given)
        if wants_version:
            return Renderer("", format="table").text(__version__)
        if wants_help or is_group(others):
            words = tuple(others) if is_group(others) else find(others).words
            return Renderer("", format="table").text(parser_for(words).format_help())
        found = find(others)
        name = found.name
        named, valid = os.environ.get(FORMAT_VARIABLE), get_args(Format)
        if named and named not in valid:
            message = f"{FORMAT_VARIABLE} is {named!r}{did_you_mean(named, valid)}"
            raise InvalidArgumentError(message, argument="output")
        return found.run(options, found.read(others[len(found.words) :]))
    except argparse.ArgumentError as error:
        with suppress(InngestError, IndexError):  # an option may come before the command
            name = find(tokens).name
        field = (error.argument_name or "").rpartition("/")[2].lstrip("-").replace("-", "_")
        problem = Problem(Code.USAGE, f"{field}: {error.message}", field=field or None)
    except (InvalidArgumentError, ProblemError) as error:
        problem = problem_of(error)
    return Renderer(name, format=options.format).finish(problem)


def find(tokens: Sequence[str]) -> Command:
    """Return the command that tokens begin with."""
    for row in commands():
        if tuple(tokens[: len(row.words)]) == row.words:
            return _command_of(row)
    for words, found in local_commands().items():
        if tuple(tokens[: len(words)]) == words:
            return found
    known = _known()
    below = [words[1] for words in known if words[:-1] == tuple(tokens[:1])]
    tops = list(dict.fromkeys(words[0] for words in known))
    raise _unknown(tokens[1], below) if below else _unknown(tokens[0], tops)


def _known() -> list[tuple[str, ...]]:
    return [*(row.words for row in commands()), *local_commands()]


def local_commands() -> dict[tuple[str, ...], Command]:
    """Return the commands about this program, which `@command` makes, by their words."""
    defined = vars(import_module(f"{__package__}.local")).values()
    return {it.words: it for it in defined if isinstance(it, Command)}


def command(
    *words: str,
    arguments: tuple[Argument, ...] = (),
    examples: tuple[str, ...],
    kind: type[Record] = Problem,
) -> Callable[[Callable[[Renderer, Options, dict[str, Any]], int]], Command]:
    """Make of a function the command that its docstring describes; it returns the exit status.

    It writes its answer, records of a class, by the renderer that it is given.
    """

    def make(work: Callable[[Renderer, Options, dict[str, Any]], int]) -> Command:
        def run(options: Options, values: dict[str, Any]) -> int:
            name = ".".join(words)
            renderer = Renderer(name, format=options.format, stderr=Stderr(options.quiet))
            try:
                renderer.configure(options, kind)
                return work(renderer, options, values)
            except InngestError as error:
                return renderer.finish(problem_of(error))

        lines = tuple(f"{PROGRAM} {example}" for example in examples)
        return Command(words, docstring(work), run, arguments, lines)

    return make


def _command_of(row: Row) -> Command:
    def run(options: Options, values: dict[str, Any]) -> int:
        from inngest_rest._programs.command.execute import execute  # noqa: PLC0415 - not for help

        return execute(row, options, values)

    own = [_argument_of(each) for each in parameters(row)]
    examples = tuple(command_line(row, each) for each in row.examples)
    return Command(row.words, row.description, run, (*own, *_own_options(row)), examples)


def _argument_of(parameter: Parameter) -> Argument:
    """Return a parameter as an argument: optional, because `--params` may give it."""
    help = parameter.help
    if parameter.is_json:
        help += " JSON, @FILE, or - for standard input."
    if parameter.kind in {Kind.INTEGER, Kind.SECONDS} and parameter.default is not None:
        help += f" By default {parameter.default:g}."
    details: dict[str, Any] = {"help": help.replace("%", "%%")}
    if parameter.is_positional:
        return argument(parameter.name, nargs="*" if parameter.is_many else "?", **details)
    if parameter.kind is Kind.FLAG:
        details["action"] = "store_true"
    elif parameter.is_many and not parameter.is_json:
        details["action"] = "append"
    if parameter.choices:
        details["choices"] = parameter.choices
    return argument(dashed(parameter.name), **details)


def _own_options(row: Row) -> Iterator[Argument]:
    names = {each.name for each in parameters(row)}
    yield argument(
        "--params", help="All parameters as JSON, @FILE (or @FILE.toml), or - for standard input."
    )
    if row.returns is Returns.PAGES:
        yield flag("--all", help="List everything; needs -o ndjson or --output-file.")
    if row.returns is Returns.STREAM and "timeout" in names:
        status = EXIT_STATUS[Code.RUN_FAILED]
        yield flag("--exit-status", help=f"Exit with {status} if a run failed or was cancelled.")
    if row.command == "api":
        field = "Parameter of the query, or of the body if the method is another than GET."
        yield argument("-f", "--raw-field", metavar="KEY=VALUE", action="append", help=field)
        file, typed = "File with the JSON of the body, or - for standard input.", "@{}".format
        yield argument("--input", metavar="FILE", dest="body", type=typed, help=file)
        yield flag("--paginate", dest="all", help="Request all pages; as --all of other commands.")
    if row.name == "runs.check":
        input = "which reads it as JSON on its standard input"
        yield argument("--exec", metavar="COMMAND", help=f"Tell this command, {input}.")
        url = "Tell this URL, which is sent it as JSON; @FILE for one that is a secret."
        yield argument("--webhook", metavar="URL", help=url)
        state = "File by which both are told once per change, not each time that a rule is broken."
        yield argument("--state", metavar="FILE", help=state)
    if "confirm" in names:
        yield flag("--yes", help="Act without asking.")


def is_group(tokens: Sequence[str]) -> bool:
    """Return whether tokens are no command, but what several begin with."""
    return not tokens or (len(tokens) == 1 and tokens[0] in GROUPS)


def parser_for(
    words: tuple[str, ...],
    make: Callable[..., argparse.ArgumentParser] = argparse.ArgumentParser,
    *,
    is_whole: bool = False,
) -> argparse.ArgumentParser:
    """Return a parser with what help says of a command, of a group, or of the program.

    One that is whole has parsers of all below it, with all options: for completion.
    """
    if is_group(words):
        about, arguments = (
            GROUPS[words[0]] if words else _wrapped(DESCRIPTION),
            tuple[Argument, ...](),
        )
        usage, after = (*words, "COMMAND"), _ELSEWHERE
    else:
        command = find(words)
        about, arguments = _wrapped(command.description), command.arguments
        usage = *words, *(names[0].upper() for names, _ in command.positions)
        examples = "\n".join(f"  {each}" for each in command.examples)
        after = f"Examples:\n{examples}\n\n{_CODES_OF.get(command.name, '')}{_ELSEWHERE}"
    if not words:
        lines = (f"{status:5}  {meaning}" for status, meaning in MEANINGS.items())
        after = "\n".join(["Exit status:", *lines])
    parser = make(
        prog=" ".join([PROGRAM, *words]),
        usage=" ".join([PROGRAM, *usage, "[OPTIONS]"]),
        description=about,
        epilog=after,
        add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_to(parser, arguments)
    if not words:
        add_to(parser.add_argument_group("options of every command"), OPTIONS)
    elif is_whole:
        add_to(parser, OPTIONS)
    if is_group(words):
        # As wide as a name below it and its indent, for which argparse leaves no room.
        below = parser.add_subparsers(title="commands", metavar=f"{'COMMAND':15}")
        at = len(words)
        for name in dict.fromkeys(it[at] for it in _known() if it[:at] == words):
            inner = *words, name
            about = GROUPS[name] if is_group(inner) else find(inner).description.partition("\n")[0]
            add = partial(below.add_parser, name, help=about.removesuffix("."))
            _ = parser_for(inner, add, is_whole=True) if is_whole else add()
    return parser


def _wrapped(text: str) -> str:
    import shutil  # noqa: PLC0415 - help alone needs them
    import textwrap  # noqa: PLC0415

    width = max(shutil.get_terminal_size().columns - 2, 20)
    return "\n\n".join(textwrap.fill(" ".join(it.split()), width) for it in text.split("\n\n"))


def _unknown(given: str, valid: Sequence[str]) -> InngestError:
    """Return the error for a word that is no command, or an option that there is not."""
    if key := _KEY.match(given):  # the value of which is not repeated
        message = f"{key[0]}: keys are never options, which other users of the machine can read"
        hint = f"Set INNGEST_{key[1].upper()}_KEY in the environment."
        return ProblemError(Problem(Code.USAGE, message, hint=hint))
    option = given.partition("=")[0] if given.startswith("-") else ""
    message = f"unknown {'option' if option else 'command'} {option or given!r}"
    field = option.lstrip("-").replace("-", "_")
    return InvalidArgumentError(
        message + did_you_mean(option or given, valid), argument=field or None
    )
