"""A file of events becomes batches: resumable, with rejected lines kept beside it."""
