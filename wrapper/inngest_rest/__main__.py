"""`python -m inngest_rest`, as `inngest-rest`."""

from inngest_rest._programs.command import main

main()
