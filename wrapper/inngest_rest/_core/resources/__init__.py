"""One module per resource of the API: its methods as plans, its responses as public models."""
