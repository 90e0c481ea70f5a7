"""The v1 family: its guard, and one module per resource."""
