"""What the worker tells the process that runs a pipeline, and what that answers: JSON files."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self

if TYPE_CHECKING:
    # The process needs nothing else of the service.
    from epntap.uws.jobs import Pairs

#: The order, beside the folder that the process works in.
ORDER_FILE = "order.json"

#: The answer, in that folder.
ANSWER_FILE = "answer.json"

#: More than any answer has: the file comes from where somebody's data were worked on.
_ANSWER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What the process may use up.

    Attributes
    ----------
    memory_bytes
        Of address space; 0 is no limit.
    cpu_seconds
        Of one core.
    file_bytes
        Of each file that it writes.
    """

    memory_bytes: int
    cpu_seconds: int
    file_bytes: int


@dataclass(frozen=True, slots=True)
class Order:
    """What is to be run.

    Attributes
    ----------
    job_id
        For which job.
    pipeline
        Which.
    parameters
        As the client wrote them; the process reads them again by the form.
    file
        Name of the client's file in the folder, made by us; ``None`` without one.
    limits
        What may be used up.
    """

    job_id: str
    pipeline: str
    parameters: Pairs
    file: str | None
    limits: Limits

    def write(self, path: Path) -> None:
        """Write it."""
        path.write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, path: Path) -> Self:
        """Read what `write` wrote."""
        given: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        parameters = tuple((name, value) for name, value in given.pop("parameters"))
        return cls(parameters=parameters, limits=Limits(**given.pop("limits")), **given)


@dataclass(frozen=True, slots=True)
class Output:
    """A file that the process made.

    Attributes
    ----------
    id
        Name of the result of the job.
    file
        Its name in the folder.
    mime
        Its content type.
    """

    id: str
    file: str
    mime: str


@dataclass(frozen=True, slots=True)
class Answer:
    """How a run ended: with outputs, or with an error for the client.

    Attributes
    ----------
    outputs
        In the order in which they are listed.
    error
        What is wrong with the data or the request.
    """

    outputs: tuple[Output, ...] = ()
    error: str | None = None

    def write(self, folder: Path) -> None:
        """Write it into the folder of the process."""
        (folder / ANSWER_FILE).write_text(json.dumps(asdict(self)), encoding="utf-8")

    @classmethod
    def read(cls, folder: Path) -> Self:
        """Read what `write` wrote.

        Raises
        ------
        ValueError
            If it is no answer.
        OSError
            If there is none.
        """
        with (folder / ANSWER_FILE).open("rb") as file:
            given = json.loads(file.read(_ANSWER_BYTES))
        outputs = tuple(Output(**each) for each in given["outputs"])
        for output in outputs:
            if Path(output.file).name != output.file:
                raise ValueError(f"{output.file!r} is not the name of a file in the folder")
        return cls(outputs, given["error"])
