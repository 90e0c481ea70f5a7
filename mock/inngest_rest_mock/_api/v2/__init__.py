"""The v2 family: its guard, and one module per resource."""
