"""Job lists: work that clients start, watch, and fetch the results of (UWS 1.1).

`UwsRoutes` parses and answers, `JobService` decides, `storage` talks to the table of jobs,
`documents` writes the XML. A worker carries jobs out through `execution`. What one service does
differently from another is a `JobKind`; ``epntap.tap.asynchronous`` is that of TAP.
"""

from epntap.uws.handlers import UwsRoutes
from epntap.uws.jobs import Job, JobFailure, JobInput, JobResult, Pairs, Phase
from epntap.uws.service import Admission, JobKind, JobLimits, JobService
from epntap.uws.waiting import JobWatch

__all__ = [
    "Admission",
    "Job",
    "JobFailure",
    "JobInput",
    "JobKind",
    "JobLimits",
    "JobResult",
    "JobService",
    "JobWatch",
    "Pairs",
    "Phase",
    "UwsRoutes",
]
