"""Who is let in, and how many at a time: the limits of the service and of each client."""

from __future__ import annotations

from epntap.admission.bodies import PatientBodies
from epntap.admission.budget import Budget
from epntap.admission.clients import client_key, client_of
from epntap.admission.gate import Gate, GateLimits, Pass
from epntap.admission.jobs import JobLimits, admit_job
from epntap.admission.patience import Patience
from epntap.admission.queries import QueryAdmission, Visit

__all__ = [
    "Budget",
    "Gate",
    "GateLimits",
    "JobLimits",
    "Pass",
    "Patience",
    "PatientBodies",
    "QueryAdmission",
    "Visit",
    "admit_job",
    "client_key",
    "client_of",
]
