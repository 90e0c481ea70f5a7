"""`python -m inngest_rest.cli`, as `inngest-rest`."""

from inngest_rest.cli import main

main()
