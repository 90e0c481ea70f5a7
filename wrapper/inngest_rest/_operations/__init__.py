"""Operations built on the calls of a client: checks, exports.

The methods of the clients import a module of it when they are called; the core imports none.

diagnosis     which server responds, and whether keys and settings match it
check         rules about a server and its runs
crons         which crons ran when they were planned, and when functions ran last
cron_times    the times that a server plans for a cron schedule
expected      which functions of an app are new, gone or changed
status        one verdict on whether work starts, succeeds and arrives
export        exports of runs or events to a file, resumed after a kill
"""
