"""Exports of runs or events to a file: each row once, however often the process is killed.

Rows are appended to a file; a state file has how much of it is final, and where the listing goes
on. It is replaced when the rows up to there are on disk; what a kill leaves behind that is written
over. So the file is never copied, however large it is, and half a row never counts as one.
Parquet, to which nothing can be appended, is a folder of numbered files.

sources    what is exported: runs, perhaps with their events and traces, or events
job        the export itself: list, complete, write, save the state, go on after a kill
formats    the file or the folder, and how it is written: JSON lines, CSV, Parquet
"""
