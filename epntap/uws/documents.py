"""The documents of a job list (UWS 1.1, section 2.2.1 and its schema).

What it needs is large: it is imported late, see `epntap.imports`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Any

from pydantic_xml import BaseXmlModel, element
from vo_models.uws.models import (
    NSMAP,
    ErrorSummary,
    Jobs,
    JobSummary,
    Parameter,
    ResultReference,
    Results,
    ShortJobDescription,
)
from vo_models.uws.types import ErrorType, ExecutionPhase, UWSVersion
from vo_models.xlink import XlinkType

from epntap.uws.jobs import Job, JobReference, JobResult, Pairs

#: Everything but the Char of XML 1.0, section 2.2.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class _Parameters(BaseXmlModel, tag="parameters", ns="uws", nsmap=NSMAP):
    """Parameters of any names, in their order."""

    parameter: list[Parameter] = element(tag="parameter", default_factory=list)


class _Job(JobSummary[_Parameters], tag="job", ns="uws", nsmap=NSMAP):
    """A job with such parameters."""


def job_document(job: Job, url: str) -> bytes:
    """Return all about a job.

    Parameters
    ----------
    url
        Of the job; those of its results begin with it.
    """
    # What is set to None is written as nil; what is not set is left out.
    given: dict[str, Any] = {
        "job_id": job.job_id,
        "owner_id": job.owner_id,
        "phase": ExecutionPhase(job.phase.value),
        "quote": _utc(job.quote),
        "creation_time": _utc(job.created),
        "start_time": _utc(job.started),
        "end_time": _utc(job.ended),
        "execution_duration": job.execution_seconds,
        "destruction": _utc(job.destruction),
        "parameters": _parameters(job.parameters),
        "results": _results(job.results, url),
        "version": UWSVersion.V1_1,
    }
    if job.run_id is not None:
        given["run_id"] = _clean(job.run_id)
    if job.error is not None:
        given["error_summary"] = ErrorSummary(
            message=_clean(job.error.message),
            type=ErrorType.TRANSIENT if job.error.transient else ErrorType.FATAL,
            has_detail=True,
        )
    return _xml(_Job(**given))


def list_document(references: Iterable[JobReference], url: str) -> bytes:
    """Return a list of jobs.

    Parameters
    ----------
    url
        Of the list; those of the jobs begin with it.
    """
    jobs = []
    for one in references:
        given: dict[str, Any] = {
            "job_id": one.job_id,
            "phase": ExecutionPhase(one.phase.value),
            "owner_id": one.owner_id,
            "creation_time": _utc(one.created),
            "type": XlinkType.SIMPLE,
            "href": f"{url}/{one.job_id}",
        }
        if one.run_id is not None:
            given["run_id"] = _clean(one.run_id)
        jobs.append(ShortJobDescription(**given))
    return _xml(Jobs(jobref=jobs, version=UWSVersion.V1_1))


def parameters_document(parameters: Pairs) -> bytes:
    """Return the parameters of a job."""
    return _xml(_parameters(parameters))


def results_document(results: Sequence[JobResult], url: str) -> bytes:
    """Return the list of the results of a job at a URL."""
    return _xml(_results(results, url))


def _parameters(parameters: Pairs) -> Any:
    return _Parameters(
        parameter=[Parameter(id=_clean(name), value=_clean(value)) for name, value in parameters]
    )


def _results(results: Sequence[JobResult], url: str) -> Any:
    return Results(
        results=[
            ResultReference(
                id=one.id,
                type=XlinkType.SIMPLE,
                href=f"{url}/results/{one.id}",
                size=one.size,
                mime_type=one.mime,
            )
            for one in results
        ]
    )


def _xml(model: Any) -> bytes:
    body = model.to_xml(skip_empty=False, exclude_unset=True)
    content = body.encode() if isinstance(body, str) else bytes(body)
    return b'<?xml version="1.0" encoding="UTF-8"?>\n' + content


def _utc(time: datetime | None) -> datetime | None:
    return None if time is None else time.astimezone(UTC)


def _clean(value: str) -> str:
    """Return a text without what XML cannot hold."""
    return _ILLEGAL.sub("", value)
