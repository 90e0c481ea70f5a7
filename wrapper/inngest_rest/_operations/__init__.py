"""Operations built on the calls of a client: explanations, checks, exports.

The methods of the clients import a module of it when they are called; the core imports none.

explain       the outcome of an event, or the state of a run: the evidence for `reasons`
reasons       rules that turn evidence into reasons, one per function
preview       what events would start, before they are sent
diagnosis     which server responds, and whether keys and settings match it
check         rules about a server and its runs
crons         which crons ran when they were planned, and when functions ran last
cron_times    the times that a server plans for a cron schedule
expected      which functions of an app are new, gone or changed
waiting       what open runs wait for, all at once
relatives     reading which runs belong to a run
run_evidence  reading what the rules about a run need
status        one verdict on whether work starts, succeeds and arrives
export        exports of runs or events to a file, resumed after a kill
"""
