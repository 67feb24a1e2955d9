"""From an order to the files that a client gets: catalogue, plot, provenance."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from epntap.catalogue import known_catalogues, read_catalogue
from epntap.errors import UserError
from epntap.plugins import NativeCatalogue, check_options
from epntap.provenance import run_of_provenance
from epntap.provenance.privacy import shown_parameters
from epntap.requests.offers import Offer, Unavailable, find_offer
from epntap.requests.order import Order, Output
from epntap.requests.values import FILE, SUFFIXES, read_values

#: Content types of the formats of `SUFFIXES`.
_MIMES = {
    "votable": "application/x-votable+xml",
    "csv": "text/csv; charset=utf-8; header=present",
    "parquet": "application/vnd.apache.parquet",
}


def make_outputs(order: Order) -> tuple[Output, ...]:
    """Run a pipeline in the current folder, and write what came of it there.

    Raises
    ------
    UserError
        If the pipeline is not installed, or cannot work with what it was given.
    """
    offer = find_offer(order.pipeline)
    if not isinstance(offer, Offer):
        reason = offer.reason if isinstance(offer, Unavailable) else "it takes no requests"
        raise UserError(f"{order.pipeline} cannot be run here: {reason}")
    pipeline = offer.pipeline
    asked = read_values(offer.form, order.parameters, [FILE] if order.file else [])
    source, options = pipeline.request_source(
        span=asked.span,
        file=Path(order.file) if order.file else None,
        values=asked.values,
        progress=_silent,
    )
    check_options(offer.name, pipeline.run, options)
    found = pipeline.run(source, progress=_silent, **options)
    outputs = [*_tables(offer, found, asked.format)]
    plot = Path("plot.png")
    pipeline.draw(source, found, plot)
    outputs.append(Output("plot", plot.name, "image/png"))
    record = Path("provenance.json")
    content = _provenance(order, found)
    record.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
    outputs.append(Output("provenance", record.name, "application/json"))
    return tuple(outputs)


def _tables(offer: Offer, found: NativeCatalogue, form: str) -> list[Output]:
    """Write the catalogue as it is wanted, and as CSV."""
    names = [f"catalogue{SUFFIXES[form]}", "catalogue.csv"]
    for name in dict.fromkeys(names):
        found.write(Path(name))
    if form == "votable":
        _complete(Path(names[0]), offer, found)
    return [
        Output("catalogue", names[0], _MIMES[form]),
        # The same file under the name that clients of TAP look for.
        Output("result", names[0], _MIMES[form]),
        Output("catalogue.csv", names[1], _MIMES["csv"]),
    ]


def _complete(path: Path, offer: Offer, found: NativeCatalogue) -> None:
    """Add to a VOTable what the description of the catalogue says, and who made it."""
    from astropy.io import votable
    from astropy.io.votable.tree import Info

    document = votable.parse(path)
    resource = document.resources[0]
    resource.type = "results"
    resource.description = f"{offer.title}: rows of a run on request"
    resource.infos.extend(
        Info(name=name, value=value)
        for name, value in (
            ("QUERY_STATUS", "OK"),
            ("pipeline", offer.name),
            ("pipeline_version", offer.version),
        )
    )
    (table,) = resource.tables
    table.name = offer.name
    ucds = _ucds(offer.name)
    for field in table.fields:
        field.ucd = ucds.get(field.name)
        if str(found.frame[field.name].dtype).startswith("datetime"):
            field.xtype = "timestamp"
    document.to_xml(str(path))


def _ucds(name: str) -> dict[str, str]:
    """Return the UCDs of native columns, where the catalogue of that name takes them over."""
    if name not in known_catalogues():
        return {}
    catalogue = read_catalogue(name)
    found: dict[str, set[str]] = {}
    for target, mapping in catalogue.mapping.items():
        ucd = catalogue.column(target).ucd
        # Where values are replaced, or a column serves for several things, it is something else.
        if mapping.column is not None and mapping.values is None and ucd:
            found.setdefault(mapping.column, set()).add(ucd)
    return {column: ucds.pop() for column, ucds in found.items() if len(ucds) == 1}


def _provenance(order: Order, found: NativeCatalogue) -> dict[str, Any]:
    """Return how the rows came about, in the words of the record of runs."""
    run = run_of_provenance(order.pipeline, "request", found.provenance.as_dict())
    return {
        "job": order.job_id,
        "request": shown_parameters(dict(order.parameters)),
        "pipeline": run.pipeline,
        "pipeline_version": run.pipeline_version,
        "weights_sha256": run.weights_sha256,
        "source": run.source,
        "source_sha256": run.source_sha256,
        "span_start": None if run.span_start is None else run.span_start.isoformat(),
        "span_stop": None if run.span_stop is None else run.span_stop.isoformat(),
        "parameters": dict(run.parameters),
        "created": run.started.isoformat(timespec="seconds"),
        "row_count": len(found.frame),
    }


def _silent(_description: str, _done: int, _total: int) -> None:
    """Report progress to nobody."""
