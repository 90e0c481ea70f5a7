"""The help of a command, of a group, or of the program: a parser that prints it."""

from __future__ import annotations

import argparse
import shutil
import textwrap
from functools import partial
from typing import TYPE_CHECKING, Any

from attrs import frozen

from inngest_rest_tools.command.answer_file import BROKEN_PIPE
from inngest_rest_tools.command.command_line import PROGRAM
from inngest_rest_tools.command.commands import (
    GROUPS,
    all_words,
    find,
    is_group,
    summary_of,
    summary_of_group,
)
from inngest_rest_tools.command.options import OPTIONS
from inngest_rest_tools.problems import EXIT_STATUS, Code

if TYPE_CHECKING:
    from collections.abc import Callable

    from inngest_rest_tools.command.arguments import Argument

DESCRIPTION = """\
Send events to Inngest; list, inspect, wait for, cancel and replay runs. Unofficial.

Keys come from the environment: INNGEST_EVENT_KEY for sending, INNGEST_SIGNING_KEY or
INNGEST_API_KEY for the rest. A dev server (--dev) needs none.

Where text or JSON is typed, @FILE stands for that of a file, and @- for standard input; @@ begins
a text with @.
"""


MEANINGS = {0: "done"}
"""The meaning of each exit status."""
for _code in Code:
    MEANINGS[EXIT_STATUS[_code]] = _code.meaning
MEANINGS[BROKEN_PIPE] = "the reader closed the output, as after `| head`"

_ELSEWHERE = f"Options of every command, and each exit status: {PROGRAM} --help"


@frozen(kw_only=True)
class _Help:
    """The parts of a help text, from top to bottom."""

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
    """Return a parser with the help of a command, of a group, or of the program.

    For completion, `is_whole` adds the parsers of all commands below it, with all options.
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
    if not words:
        group = parser.add_argument_group("options of every command")
        _add_global_options(group)
    elif is_whole:
        _add_global_options(parser)
    if is_group(words):
        _add_commands(parser, words, is_whole=is_whole)
    return parser


def _add_global_options(parser: Any) -> None:
    for option in OPTIONS:
        option.add_to(parser)


def _help_of(words: tuple[str, ...]) -> _Help:
    if not words:
        statuses = [f"{status:5}  {meaning}" for status, meaning in MEANINGS.items()]
        return _Help(
            usage=("COMMAND",),
            description=_wrapped(DESCRIPTION),
            epilog="\n".join(["Exit status:", *statuses]),
        )
    if is_group(words):
        return _Help(
            usage=(*words, "COMMAND"),
            description=GROUPS[words[0]],
            epilog=_ELSEWHERE,
        )
    command = find(words)
    positions = [position.names[0].upper() for position in command.positions]
    examples = "\n".join(f"  {example}" for example in command.examples)
    return _Help(
        usage=(*words, *positions),
        description=_wrapped(command.description),
        arguments=command.arguments,
        epilog=f"Examples:\n{examples}\n\n{_ELSEWHERE}",
    )


def _add_commands(
    parser: argparse.ArgumentParser, words: tuple[str, ...], *, is_whole: bool
) -> None:
    """Add the commands of a group, or the groups and commands of the program."""
    # As wide as a name below it and its indent, for which argparse leaves no room.
    below = parser.add_subparsers(title="commands", metavar=f"{'COMMAND':15}")
    depth = len(words)
    below_these = [known for known in all_words() if known[:depth] == words]
    names = dict.fromkeys(known[depth] for known in below_these)
    for name in names:
        inner = (*words, name)
        about = summary_of_group(name) if is_group(inner) else summary_of(inner)
        add = partial(below.add_parser, name, help=about.removesuffix("."))
        if is_whole:
            parser_for(inner, add, is_whole=True)
        else:
            add()


def _wrapped(text: str) -> str:
    width = max(shutil.get_terminal_size().columns - 2, 20)
    paragraphs: list[str] = []
    for paragraph in text.split("\n\n"):
        on_one_line = " ".join(paragraph.split())
        paragraphs.append(textwrap.fill(on_one_line, width))
    return "\n\n".join(paragraphs)
