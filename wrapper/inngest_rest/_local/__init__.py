"""What needs no server: checks, and what is evaluated and written here; private.

arguments    checks of arguments, and the error for one
arrow        records as Arrow tables
event_json   events become JSON: validated, with an id
event_names  names of events: those that servers refuse, and the vendor's convention
expressions  CEL expressions, evaluated here
faults       what a failure leaves, and whether to try again
files        files of our own, each replaced as a whole
functions    what a function says of itself: its name, what triggers it, its limits
limits       how much is sent at once
run_errors   the error of a run on one line, and without what varies
schedules    the times that a cron plans
"""
