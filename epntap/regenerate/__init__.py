"""Catalogues made again, on a schedule or by hand, in chunks that any number of workers take.

`plan` is what the YAML says, `chunks` and `keys` what a run consists of, `storage` the tables it is
kept in, `runs` the steps of a run, `tasks` what workers are given, `schedule` when it begins.
"""
