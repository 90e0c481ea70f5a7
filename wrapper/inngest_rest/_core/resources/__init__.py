"""The resources of the API: their methods as plans, their responses as public models.

by_document   calls that the document alone describes
routes        the operations that serve each method, in the order in which they are tried
fields        take values out of generated models, where any may be absent
rows          the fields of a record, read from JSON directly or from a generated model
filters       which runs, as callers write them: statuses, errors, conditions, queries
names         the app and the function that are meant, and whether they exist
windows       instants and windows of time, as callers write them
apps          apps and their functions: list, get, sync, invoke
last_runs     the last run of functions, and the next planned time of their crons
catalogue     all functions of a server, and which of them an event triggers
events        stored events
runs          single runs: get one, and say what else its id may be
run_lists     lists of runs, and why one is empty
run_filters   what a server filters runs by: the statuses of open ones, queries
run_acts      acts on one run: cancel, score, metadata
event_runs    the runs that an event started
run_rows      runs as v1 and v2 have them, and the model that each becomes
run_jobs      the queued jobs of a run
replays       one replay of a run, and the other runs of its chain
trace         the spans of a run, as a tree
polling       shared by the modules that poll: pauses, deadlines, listings of ended runs
wait          wait until a run has ended, or each of many
wait_event    wait for all runs of an event, perhaps one that is sent first
watch         report the changes of all runs
watch_state   the runs that a watch knows, and the changes of a run
"""
