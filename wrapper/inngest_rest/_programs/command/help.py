"""What help says of a command, of a group, or of the program: a parser that prints it."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from functools import partial
from typing import TYPE_CHECKING

from attrs import frozen

from inngest_rest._programs.command.answer_file import BROKEN_PIPE
from inngest_rest._programs.command.command_line import PROGRAM
from inngest_rest._programs.command.commands import (
    GROUPS,
    all_words,
    find,
    is_group,
    summary_of,
)
from inngest_rest._programs.command.options import OPTIONS
from inngest_rest._programs.problems import EXIT_STATUS, Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest._programs.command.arguments import Argument

DESCRIPTION = """\
Send events to Inngest; list, inspect, wait for, cancel and replay runs. Unofficial.

Keys come from the environment: INNGEST_EVENT_KEY for sending, INNGEST_SIGNING_KEY or
INNGEST_API_KEY for the rest. A dev server (--dev) needs none.

Where text or JSON is typed, @FILE stands for that of a file, and @- for standard input; @@ begins
a text with @.
"""


MEANINGS = {
    0: "done",
    **{
        EXIT_STATUS[code]: code.meaning for code in Code if code is not Code.RULE_BROKEN
    },
    BROKEN_PIPE: "the reader closed the output, as after `| head`",
}
"""What each exit status means."""

_ELSEWHERE = f"Options of every command, and each exit status: {PROGRAM} --help"
_MEANINGS_OF_CHECK = (
    "Exit status: 0 all rules hold, 1 one is broken, 2 it cannot tell (a rule is "
    "malformed, or the server or a key is at fault), 130 interrupted\n\n"
)


@frozen(kw_only=True)
class _Help:
    """What help says, from top to bottom."""

    usage: tuple[str, ...]
    description: str
    arguments: tuple[Argument, ...] = ()
    epilog: str


def parser_for(
    words: tuple[str, ...],
    make: Callable[..., argparse.ArgumentParser] = argparse.ArgumentParser,
    *,
    is_whole: bool = False,
) -> argparse.ArgumentParser:
    """Return a parser with what help says of a command, of a group, or of the program.

    One that is whole has parsers of all below it, with all options: for completion.
    """
    help = _help_of(words)
    parser = make(
        prog=" ".join([PROGRAM, *words]),
        usage=" ".join([PROGRAM, *help.usage, "[OPTIONS]"]),
        description=help.description,
        epilog=help.epilog,
        add_help=False,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    for argument in help.arguments:
        argument.add_to(parser)
    if not words or is_whole:
        group = (
            parser if words else parser.add_argument_group("options of every command")
        )
        for option in OPTIONS:
            option.add_to(group)
    if is_group(words):
        _add_commands(parser, words, is_whole=is_whole)
    return parser


def _help_of(words: tuple[str, ...]) -> _Help:
    if not words:
        return _Help(
            usage=("COMMAND",),
            description=_wrapped(DESCRIPTION),
            epilog="\n".join(["Exit status:", *map(_meaning, MEANINGS)]),
        )
    if is_group(words):
        return _Help(
            usage=(*words, "COMMAND"), description=GROUPS[words[0]], epilog=_ELSEWHERE
        )
    command = find(words)
    positions = [position.names[0].upper() for position in command.positions]
    examples = "\n".join(f"  {example}" for example in command.examples)
    meanings = _MEANINGS_OF_CHECK if command.name == "runs.check" else ""
    return _Help(
        usage=(*words, *positions),
        description=_wrapped(command.description),
        arguments=command.arguments,
        epilog=f"Examples:\n{examples}\n\n{meanings}{_ELSEWHERE}",
    )


def _meaning(status: int) -> str:
    return f"{status:5}  {MEANINGS[status]}"


def _add_commands(
    parser: argparse.ArgumentParser, words: tuple[str, ...], *, is_whole: bool
) -> None:
    """Add what is below a group, or below the program."""
    # As wide as a name below it and its indent, for which argparse leaves no room.
    below = parser.add_subparsers(title="commands", metavar=f"{'COMMAND':15}")
    depth = len(words)
    for name in dict.fromkeys(
        known[depth] for known in all_words() if known[:depth] == words
    ):
        inner = *words, name
        about = GROUPS[name] if is_group(inner) else summary_of(inner)
        add = partial(below.add_parser, name, help=about.removesuffix("."))
        if is_whole:
            parser_for(inner, add, is_whole=True)
        else:
            add()


def _wrapped(text: str) -> str:
    width = max(shutil.get_terminal_size().columns - 2, 20)
    paragraphs = text.split("\n\n")
    return "\n\n".join(
        textwrap.fill(" ".join(each.split()), width) for each in paragraphs
    )
