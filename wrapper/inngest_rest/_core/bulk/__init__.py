"""Bulk operations on events and runs: collect, act, pace, tally, stop, report, resume.

job        the job that all of these are, and its pace
send_many  sends batches of events
reported   a job that has a row for each run or input
runs       a job on runs, which ids, a filter or a report select; cancels them
replay     replays runs, none twice
invoke     invokes a function for each input
"""
