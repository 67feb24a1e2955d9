"""The benchmark behind ``make bench``: this service beside DaCHS and the limit of PostgreSQL.

Figures are ratios wherever that is possible, of things that were measured in turns in one run, so
that they mean the same on a busy machine and on a fast one.
"""
