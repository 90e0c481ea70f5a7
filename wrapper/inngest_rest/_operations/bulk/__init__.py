"""Bulk operations on events and runs: collect, act, pace, tally, stop, report, resume.

reported     a job with a report row per run or input, perhaps in a file
runs         jobs on runs selected by ids, filter or report: cancels them, replays none twice
invoke       invokes a function for each input
resend       sends stored events again
copies       which stored events are copies of others
"""
