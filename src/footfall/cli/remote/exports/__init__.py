"""Exports of other products as events: their formats, the mapping of names, and `footfall import`.

A file is read as records (`records`), each becomes an event of the tracking plan or a reason why not (`translation`),
by what is known of its product (`formats`) and what the user says (`mapping`). From there on it is `footfall send`:
cut into requests that are the same whenever they are made, sent once each, resumed where it was stopped.
"""
