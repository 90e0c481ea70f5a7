"""Which tests of this capability run where, with the reason."""

BOTH_CLIENTS = {
    "tests/buffer": "the buffers of both clients are written by hand",
}
LONG = {
    "tests/buffer/test_accounting_of_forks.py": "hundreds of steps of a state machine",
    "tests/buffer/test_exit_and_fork.py": "starts processes, one after the other",
    "tests/buffer/test_processes.py": "starts processes",
    "tests/buffer/test_outbox_kills.py": "30 processes killed",
    "tests/buffer/test_damaged_outbox.py": "draws damage at random",
}
