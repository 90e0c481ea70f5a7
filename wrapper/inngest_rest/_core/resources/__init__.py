"""The resources of the API: their methods as plans, their responses as public models.

routes       which operations do the job of each method, in the order in which they are asked
fields       take values out of generated models, where any may be absent
filters      statuses, windows of time and functions, as callers write them
cloud        the account and what it has: Inngest Cloud alone has most of it
polling      what the next four share: pauses, deadlines, listings of ends
wait         wait until a run has ended
wait_many    wait until each of many runs has ended
watch        report the changes of all runs
follow       report the steps of a run
"""
