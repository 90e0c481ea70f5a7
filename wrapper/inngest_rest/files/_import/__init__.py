"""Importing a file of events: resumable, with rejected lines kept beside it.

import_job        send the lines in batches, with progress kept in a checkpoint
checkpoint        how far an import is, in a file
options           the arguments of an import: the file, and the files beside it
encoder           lines of JSON become batches of events
rejected_lines    the files of rejected lines and of their reasons
rows              rows of a table, each as a line
tables            rows of CSV become events, as the columns say
csv_rows          rows of CSV, by the standard library
lines             lines of a file, plain or gzip, or of standard input
"""
