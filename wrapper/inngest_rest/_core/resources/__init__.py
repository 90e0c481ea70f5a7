"""One module per resource of the API: its methods as plans, v1's and v2's answers as our models."""
