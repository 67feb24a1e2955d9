"""Runs on request: ``/run/<pipeline>`` takes a time span or a file and gives a catalogue.

`values` reads what clients ask for, `jobs` is a `JobKind` of ``epntap.uws``, `task` and `running`
are what the worker does with such a job: it has a child process run the pipeline (`process`,
`child`), in a folder of its own (`folders`). `routes` mounts it, `descriptor` tells programs of it.

Nothing is imported here: the child process needs only its part.
"""
