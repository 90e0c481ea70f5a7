"""The asynchronous door (asyncio): thin methods that hand a plan to the driver, and nothing else.

`inngest_rest.client` is its twin; a test holds names, order, arguments and docstrings together.
"""

from inngest_rest.aio._client import AsyncInngestClient

__all__ = ["AsyncInngestClient"]
