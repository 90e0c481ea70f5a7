"""The command that holds a server to the OpenAPI document, for a user's CI."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import evolve

from inngest_rest_tools.command.arguments import Argument, flag
from inngest_rest_tools.command.commands import command
from inngest_rest_tools.parameter import refused
from inngest_rest_tools.problems import (
    EXIT_STATUS,
    Code,
    Problem,
    ProblemError,
    advice,
)

if TYPE_CHECKING:
    from inngest_rest import InngestClient
    from inngest_rest_tools.command.arguments import Typed
    from inngest_rest_tools.command.options import Options
    from inngest_rest_tools.command.renderer import Renderer


@command(
    "contract",
    arguments=(
        Argument(
            names=("--url",),
            help="Base URL of the server or proxy; else as --base-url.",
        ),
        flag(
            "--acts",
            help="Also send events, cancel runs and all else: on a server of its own.",
        ),
        flag(
            "--unknown-fields",
            help="Also print fields of responses that the document lacks.",
        ),
        Argument(
            names=("--release",),
            help="Release of a server that does not state it: 1.43.",
        ),
        Argument(
            names=("--max-examples",),
            type=int,
            help="Random requests per operation, beside systematic ones. By default 10.",
        ),
        Argument(
            names=("--timeout",),
            type=float,
            help="Seconds in which requests are made up. By default 300.",
        ),
    ),
    examples=(
        "contract --url http://127.0.0.1:8288",
        "contract --dev --acts --unknown-fields --json",
    ),
)
def contract(renderer: Renderer, options: Options, typed: Typed) -> int:
    """Hold a server, or a proxy to one, to the OpenAPI document of this package.

    Some hundred requests are sent, of which each response has to have a documented status, content
    type and body. Only reads, unless --acts is given. Keys come from the environment or a profile.

    The exit status is 0 if all is as documented, 13 if something is not, and 14 if nothing can be
    said: the time ran out, no request succeeded, operations refused every one, or the server failed
    before the first. Requires the extra `contract`.
    """
    if not options.named:
        renderer.format = "table"  # text, unless another format is asked for
    timeout = typed.get("timeout", 300.0)
    examples = typed.get("max_examples", 10)
    if not timeout > 0:
        raise refused("timeout", "this must be more than 0")
    if examples < 1:
        raise refused("max_examples", "this must be at least 1")
    if "url" in typed:
        options = evolve(options, base_url=typed["url"])
    with _client(options) as client:
        _check_protection(client, options, acts="acts" in typed)
        return _hold(renderer, client, typed, examples, timeout)


def _client(options: Options) -> InngestClient:
    """Return the client; without a key or a profile, one in dev mode, which needs none."""
    from inngest_rest_tools.command.execute import client_of  # noqa: PLC0415 - not for help
    from inngest_rest_tools.contract.holding import has_key  # noqa: PLC0415 - not for help

    client = client_of(options)
    if has_key(client) or client.profile is not None:
        return client
    client.close()
    return client_of(evolve(options, dev=True))


def _hold(
    renderer: Renderer,
    client: InngestClient,
    typed: Typed,
    examples: int,
    timeout: float,
) -> int:
    from inngest_rest_tools.contract.holding import hold  # noqa: PLC0415 - one command needs it

    report = hold(
        client,
        release=typed.get("release"),
        acts="acts" in typed,
        unknown_fields="unknown_fields" in typed,
        max_examples=examples,
        timeout=timeout,
    )
    if renderer.format == "table":
        renderer.text(str(report))
    else:
        renderer.finish(data=report)
    if report.differences:
        return EXIT_STATUS[Code.BROKEN]
    return 0 if report.has_verdict else EXIT_STATUS[Code.NOT_JUDGED]


def _check_protection(client: InngestClient, options: Options, *, acts: bool) -> None:
    """Raise if `acts` would act on the server of a protected profile that is not confirmed."""
    profile = client.profile
    if not acts or profile is None or not profile.is_protected:
        return
    if options.confirm_profile == profile.name:
        return
    hint = advice(f"To act there all the same: --confirm-profile {profile.name}")
    message = f"profile {profile.name} is protected: --acts would act on its server"
    raise ProblemError(Problem(Code.CONFIRMATION_NEEDED, message, hint=hint))
