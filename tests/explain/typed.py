"""The types of explanations. Never run: mypy and pyright check it."""
# pyright: strict, reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import assert_type

from inngest_rest import AsyncInngestClient, Explanation, InngestClient, RunExplanation
from inngest_rest.explanation import Reason


def explaining(client: InngestClient) -> None:
    assert_type(client.events.explain("e"), Explanation)
    assert_type(client.events.explain("own", name="a").reasons, tuple[Reason, ...])
    assert_type(client.runs.explain("r"), RunExplanation)


async def explaining_asynchronously(client: AsyncInngestClient) -> None:
    assert_type(await client.runs.explain("r"), RunExplanation)
    assert_type(await client.events.explain("e"), Explanation)
