"""Operations built on the calls of a client: exports and diagnoses.

The methods of the clients import a module of it when they are called; the core imports none.

diagnosis     which server responds, and whether keys and settings match it
export        exports of runs or events to a file, resumed after a kill
"""
