"""One module per resource of the API: its methods as plans, its responses as public models.

routes       which operations do the job of each method, in the order in which they are asked
fields       take values out of generated models, where any may be absent
filters      statuses, windows of time and functions, as callers write them
account      the account, its environments and its keys
analytics    Insights, experiments and sessions, which Inngest Cloud derives from runs
wait, watch  wait until runs have ended; report their changes
"""
