"""Importing a file of events: resumable, with rejected lines kept beside it."""
