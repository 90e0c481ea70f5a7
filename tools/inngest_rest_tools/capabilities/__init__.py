"""What programs show of each capability, one module each: its records have a `Form` there.

They are found by name, so that a capability leaves with its module. None of them imports the types
that it shows, which are slow to load.
"""
