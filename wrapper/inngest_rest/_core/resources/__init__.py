"""The resources of the API: their methods as plans, their responses as public models.

routes        the operations that serve each method, in the order in which they are tried
fields        take values out of generated models, where any may be absent
causes        the error of a run on one line, and without what varies
rows          the fields of a record, read from JSON directly or from a generated model
filters       which runs, as callers write them: statuses, apps, functions, errors, conditions
windows       instants and windows of time, as callers write them
queries       conditions that the server evaluates: those that it would ignore are rejected
apps          apps and their functions: list, get, sync, invoke
catalogue     all functions of a server, and which of them an event triggers
flow_control  the limits in the configuration of a function
cancellations  bulk cancellations
sessions      runs grouped into sessions
cloud         the account and its resources, most of which only Inngest Cloud has
metrics       metrics of a server, in the text format of Prometheus
events        stored events
runs          runs: list, get, cancel
open_runs     the statuses of runs that have not ended, as far as a server filters by them
event_runs    the runs that an event started
run_rows      runs as v1 and v2 have them, and the model that each becomes
run_jobs      the queued jobs of a run
run_scores    scores of a run, or of one of its steps
signals       signals, which end the wait of a run
replays       one replay of a run, and the other runs of its chain
trace         the spans of a run, as a tree
polling       shared by the modules that poll: pauses, deadlines, listings of ended runs
wait          wait until a run has ended
wait_event    wait for all runs of an event, perhaps one that is sent first
wait_many     wait until each of many runs has ended
watch         report the changes of all runs
watch_state   the runs that a watch knows, and the changes of a run
"""
