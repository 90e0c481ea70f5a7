"""The asynchronous client, for asyncio: each method runs a plan of `inngest_rest._core`."""

from inngest_rest.aio.client import AsyncInngestClient

__all__ = ["AsyncInngestClient"]
