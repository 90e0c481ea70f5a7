"""Acts on many events or runs: select, act, report on each, resume.

reported         a job with a report row per run or input, which a later call resumes
report_file      the file of such a report, written before each request
selected_runs    jobs on runs selected by ids, a filter or a report
cancel           cancels runs
replay           replays runs, none twice
invoke           invokes a function for each input
resend           sends stored events again
copies           which stored events are copies of others
"""
