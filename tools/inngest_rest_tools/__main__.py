"""`python -m inngest_rest_tools`, as `inngest-rest`."""

from inngest_rest_tools.command import main

main()
