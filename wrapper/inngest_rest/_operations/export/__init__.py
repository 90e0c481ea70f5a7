"""Exports of runs or events to a file: each row once, however often the process is killed.

Rows are appended to a file; a state file records how much of it is final, and where the listing
continues. It is replaced once the rows up to there are on disk; anything that a kill left after
that point is overwritten. So the file is never copied, however large it is, and a partial row never
counts. Parquet, which cannot be appended to, is a folder of numbered files.

sources    the exported records: runs, perhaps with their events and traces, or events
job        the export itself: list, complete, write, save the state, continue after a kill
formats    the file or the folder, and its writer: JSON lines, CSV, Parquet
"""
