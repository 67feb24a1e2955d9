"""What a pipeline says when anybody may run it: which parameters it takes, and how far they go.

A pipeline that offers runs on request satisfies `RequestPipeline` besides `Pipeline`. The service
reads what clients send by the form, so a pipeline gets checked values and never their text; files
are given to it under a name that the service made.
"""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any, Literal, Protocol, runtime_checkable

from pipelines.contract import Catalogue, Progress, Span, silent
from pipelines.errors import PipelineError

#: The choice of a spacecraft that is simulated; `check_spacecraft` lets it pass without a service.
SIMULATION = "simulation"


@dataclass(frozen=True, slots=True)
class RequestParameter:
    """A parameter that a client may give.

    Attributes
    ----------
    name
        Lower case; clients write it in any case.
    kind
        ``float``, ``int``, ``choice`` (one of `choices`), or ``time`` (ISO 8601, UTC).
    description
        One sentence for people.
    default
        What it is when it is not given; without one it is absent then.
    unit
        VOUnit string of a number.
    low, high
        Bounds of a number, both allowed values.
    choices
        The values of a choice.
    """

    name: str
    kind: Literal["float", "int", "choice", "time"]
    description: str
    default: float | int | str | None = None
    unit: str = ""
    low: float | None = None
    high: float | None = None
    choices: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RequestForm:
    """What a request for a run may say.

    Attributes
    ----------
    parameters
        Those of the pipeline.
    longest_span
        Of the time span that may be asked for; without it none may.
    file_formats
        What a file may be: ``csv``, ``csv.gz``, ``votable``, ``fits``, ``png``. Empty: no files.
    file_description
        What has to be in the file, for people.
    file_bytes
        How long a file may be.
    queue
        The line that runs stand in, e.g. ``gpu``.
    needs
        Modules without which no run can work.
    """

    parameters: tuple[RequestParameter, ...] = ()
    longest_span: timedelta | None = None
    file_formats: tuple[str, ...] = ()
    file_description: str = ""
    file_bytes: int = 64 * 1024 * 1024
    queue: str = "default"
    needs: tuple[str, ...] = ()


@runtime_checkable
class RequestPipeline(Protocol):
    """What a pipeline has that offers runs on request."""

    @property
    def request(self) -> RequestForm:
        """What may be asked for."""

    def check_request(
        self, *, span: Span | None, has_file: bool, values: Mapping[str, Any]
    ) -> None:
        """Refuse a combination of values, each of which would do, before the job is begun.

        Raises
        ------
        PipelineError
            With what is missing or does not go together.
        """

    def request_source(
        self,
        *,
        span: Span | None,
        file: Path | None,
        values: Mapping[str, Any],
        progress: Progress = silent,
    ) -> tuple[Any, Mapping[str, Any]]:
        """Return the source that is asked for, open, and the options of ``run``.

        Parameters
        ----------
        span
            Time that is asked for.
        file
            What the client sent, if it did; its suffix tells which of the formats it is in.
        values
            Of the parameters, by name.

        Raises
        ------
        PipelineError
            If the source cannot be used.
        """

    def draw(self, source: Any, catalogue: Catalogue, path: Path) -> None:
        """Draw what was found in the source that `request_source` returned, as a PNG file."""


class OnRequest:
    """A pipeline whose runs on request are described in a module of their own.

    The module has ``FORM``, and the functions ``check_request``, ``request_source`` (which is given
    the margin of the pipeline besides) and ``draw`` of `RequestPipeline`. It is imported when it is
    needed, so that a pipeline that is only listed stays light.

    Attributes
    ----------
    request_module
        Name of the module.
    margin
        As `pipelines.contract.SpanPipeline` has it.
    """

    request_module: str
    margin: timedelta

    @property
    def request(self) -> RequestForm:
        """What may be asked for."""
        form: RequestForm = self._described().FORM
        return form

    def check_request(
        self, *, span: Span | None, has_file: bool, values: Mapping[str, Any]
    ) -> None:
        """Refuse what cannot work; see `RequestPipeline.check_request`."""
        self._described().check_request(span=span, has_file=has_file, values=values)

    def request_source(
        self,
        *,
        span: Span | None,
        file: Path | None,
        values: Mapping[str, Any],
        progress: Progress = silent,
    ) -> tuple[Any, Mapping[str, Any]]:
        """Return what is asked for; see `RequestPipeline.request_source`."""
        opened: tuple[Any, Mapping[str, Any]] = self._described().request_source(
            span=span, file=file, values=values, margin=self.margin, progress=progress
        )
        return opened

    def draw(self, source: Any, catalogue: Catalogue, path: Path) -> None:
        """Draw what was found; see `RequestPipeline.draw`."""
        self._described().draw(source, catalogue, path)

    def _described(self) -> Any:
        return importlib.import_module(self.request_module)


def check_spacecraft(
    names: Sequence[str], *, span: Span | None, has_file: bool, values: Mapping[str, Any]
) -> None:
    """Refuse a request that does not say who measured, or whose data cannot be fetched here.

    Parameters
    ----------
    names
        Of the spacecraft that may be asked for.
    span, has_file, values
        As for `RequestPipeline.check_request`; the value is called ``spacecraft``.

    Raises
    ------
    PipelineError
        If the spacecraft is missing, or its data would have to be fetched and cannot be.
    """
    craft = values.get("spacecraft")
    if craft is None:
        raise PipelineError(
            "nothing says who measured", hint=f"SPACECRAFT is one of {', '.join(names)}"
        )
    if has_file or span is None or craft == SIMULATION:
        return
    if importlib.util.find_spec("speasy") is None:
        raise PipelineError(
            f"this service cannot fetch data of {craft}: speasy is not installed",
            hint=f"send the measurements as FILE, or ask for SPACECRAFT={SIMULATION}",
        )
