"""The blocking door: thin methods that hand a plan to the driver, and nothing else.

`inngest_rest.aio` is its twin; a test holds names, order, arguments and docstrings together.
"""

from inngest_rest.client._client import InngestClient

__all__ = ["InngestClient"]
