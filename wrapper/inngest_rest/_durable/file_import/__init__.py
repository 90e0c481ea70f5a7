"""Importing a file of events: resumable, with rejected lines kept beside it.

send_file     send the lines in batches, with progress kept in a checkpoint
rows          events of a program or of a table, each as a line
tables        rows of CSV or Parquet become events, as the columns say
csv_reader    rows of CSV, whole or not at all
lines         lines of a file, plain or gzip, or of standard input
"""
