"""The command line: each command calls one function of the service."""

from __future__ import annotations

import logging
import sys
from pathlib import Path
from typing import Annotated, Optional

import typer

from epntap import __version__
from epntap.commands import options
from epntap.errors import UserError

app = typer.Typer(
    name="epntap",
    help="Publish catalogues of planetary science and heliophysics as EPN-TAP services.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

schedule_app = typer.Typer(rich_markup_mode=None)
app.add_typer(schedule_app, name="schedule")

Port = Annotated[Optional[int], typer.Option(help="Port to serve on.")]  # noqa: UP045
Host = Annotated[Optional[str], typer.Option(help="Address to serve on.")]  # noqa: UP045
Name = Annotated[str, typer.Argument(help="Name of the catalogue.")]


def main() -> None:
    """Run the command line; errors of the user's become one line each."""
    logging.basicConfig(level=logging.WARNING, format="%(levelname)s: %(message)s")
    try:
        app(standalone_mode=True)
    except UserError as error:
        from epntap.commands.messages import report_error

        report_error(error)
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        # The reader of our output, e.g. `head`, has seen enough.
        sys.stderr.close()
        sys.exit(0)


def _version(value: bool) -> None:
    if value:
        typer.echo(f"epntap {__version__}")
        raise typer.Exit


@app.callback()
def _main(
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Show the version.")
    ] = False,
) -> None: ...


@app.command()
def demo(port: Port = None, host: Host = None) -> None:
    """Detect ICMEs in a simulated year of solar wind, publish them, and serve."""
    from epntap.commands.serving import run_demo

    run_demo(port=port, host=host)


@app.command()
def serve(
    port: Port = None,
    host: Host = None,
    workers: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, max=64, help="Processes that serve, for as many cores."),
    ] = None,
) -> None:
    """Serve what is published."""
    from epntap.commands.serving import run_server

    run_server(port=port, host=host, processes=workers)


@app.command()
def worker(
    queue: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option("--queue", "-q", help="Line to serve, repeatable; else: default."),
    ] = None,
    concurrency: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=1, help="Pieces of work that are done at the same time."),
    ] = None,
) -> None:
    """Work at what stands in line: jobs, regeneration; as many, on as many machines, as wanted."""
    from epntap.commands.working import run_worker

    run_worker(queues=queue or (), concurrency=concurrency)


@app.command()
def publish(
    catalogue: Annotated[str, typer.Argument(help="YAML file, or name of a known catalogue.")],
    file: Annotated[Path, typer.Argument(help="CSV, ECSV, VOTable, FITS or Parquet file.")],
    drop_invalid: Annotated[
        bool, typer.Option("--drop-invalid", help="Publish the rows that hold; list the others.")
    ] = False,
    products: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(help="Folder of the files that rows name; that of FILE when not given."),
    ] = None,
) -> None:
    """Publish a file as the new version of a catalogue."""
    from epntap.commands.publishing import publish_file

    publish_file(catalogue, file, drop_invalid=drop_invalid, products=products)


@app.command("list")
def list_() -> None:
    """List the published catalogues."""
    from epntap.commands.publishing import show_catalogues

    show_catalogues()


@app.command()
def runs(
    catalogue: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="Name of the catalogue; all of them when not given."),
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="Runs that are shown, the latest first.")] = 20,
    json: Annotated[bool, typer.Option("--json", help="Print them as JSON.")] = False,
) -> None:
    """Show the runs that made the catalogues, or tried to."""
    from epntap.commands.runs import show_runs

    show_runs(catalogue, limit=limit, as_json=json)


@app.command()
def regenerate(
    catalogue: Annotated[str, typer.Argument(help="Name of a catalogue, or YAML file.")],
    source: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--input", "-i", help="File or source to read instead of the plan's."),
    ] = None,
    start: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--from", help="Look again at the time from here, UTC; the rest stays."),
    ] = None,
    stop: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option("--to", help="Look again at the time until here, UTC; the rest stays."),
    ] = None,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Tell what would change, and store nothing.")
    ] = False,
    queue: Annotated[bool, typer.Option("--queue", help="Leave it to the workers.")] = False,
    wait: Annotated[
        bool, typer.Option("--wait/--no-wait", help="With --queue: wait for the end.")
    ] = True,
    cancel: Annotated[
        bool, typer.Option("--cancel", help="End the run that is under way, and do nothing else.")
    ] = False,
) -> None:
    """Make a catalogue again, as 'regenerate' of its YAML says; only what changed is computed."""
    from epntap.commands.regenerating import cancel_run, regenerate_catalogue

    if cancel:
        cancel_run(catalogue)
        return
    if dry_run and queue:
        raise UserError("--dry-run is done here, without --queue")
    if not regenerate_catalogue(
        catalogue, source=source, start=start, stop=stop, dry_run=dry_run, queue=queue, wait=wait
    ):
        raise typer.Exit(1)


@schedule_app.callback(invoke_without_command=True)
def schedule(context: typer.Context) -> None:
    """Show when catalogues are made again; leave one alone, or take it up again."""
    from epntap.commands.regenerating import show_schedule

    if context.invoked_subcommand is None:
        show_schedule()


@schedule_app.command("pause")
def schedule_pause(name: Name) -> None:
    """Leave a catalogue alone until 'resume'."""
    from epntap.commands.regenerating import pause_schedule

    pause_schedule(name, paused=True)


@schedule_app.command("resume")
def schedule_resume(name: Name) -> None:
    """Make a catalogue again as its schedule says, from now on."""
    from epntap.commands.regenerating import pause_schedule

    pause_schedule(name, paused=False)


@app.command()
def status(
    json: Annotated[bool, typer.Option("--json", help="Print it as JSON.")] = False,
) -> None:
    """Show how everything stands; exits with 1 if a last regeneration failed or was refused."""
    from epntap.commands.regenerating import show_status

    if not show_status(as_json=json):
        raise typer.Exit(1)


@app.command()
def rollback(name: Name) -> None:
    """Make the previous version of a catalogue current again."""
    from epntap.commands.publishing import roll_back

    roll_back(name)


@app.command()
def drop(
    name: Name, yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False
) -> None:
    """Remove a catalogue and all its versions."""
    from epntap.commands.publishing import drop_catalogue

    if not yes:
        typer.confirm(f"Remove {name} and all its versions?", abort=True)
    drop_catalogue(name)


@app.command()
def check(
    catalogue: Annotated[str, typer.Argument(help="YAML file, or name of a known catalogue.")],
) -> None:
    """Check the description of a catalogue, example queries included."""
    from epntap.commands.publishing import check_description

    check_description(catalogue)


@app.command()
def query(
    adql: Annotated[str, typer.Argument(help="The query, or - to read it from standard input.")],
    url: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="TAP URL of a service, instead of the local database."),
    ] = None,
    format: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(
            "--format", "-f", help="votable, csv, fits, parquet, json, ...; default: a table."
        ),
    ] = None,
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", help="File to write."),
    ] = None,
    maxrec: Annotated[
        Optional[int],  # noqa: UP045
        typer.Option(min=0, help="Rows that the result may have."),
    ] = None,
) -> None:
    """Ask the local database, or a TAP service, in ADQL."""
    from epntap.commands.querying import ask

    ask(
        sys.stdin.read() if adql == "-" else adql,
        url=url,
        format_name=format,
        output=output,
        maxrec=maxrec,
    )


@app.command()
def validate(
    schema: Annotated[
        Optional[str],  # noqa: UP045
        typer.Argument(help="Schema to check; all of the service when not given."),
    ] = None,
    url: Annotated[
        Optional[str],  # noqa: UP045
        typer.Option(help="TAP URL of any EPN-TAP service, instead of the local database."),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="Print the findings as JSON.")] = False,
    check_links: Annotated[
        int, typer.Option(min=0, help="Links of each column that are requested.")
    ] = 0,
    examples: Annotated[int, typer.Option(min=1, help="Rows named with a finding.")] = 5,
    rows: Annotated[int, typer.Option(min=1, help="Rows that are read at most.")] = 1_000_000,
) -> None:
    """Check an EPN-TAP service, this one or another, against the standard."""
    from epntap.commands.validating import validate_service

    if not validate_service(
        schema, url=url, as_json=json, links=check_links, examples=examples, rows=rows
    ):
        raise typer.Exit(1)


@app.command("import-rd")
def import_rd(
    descriptor: Annotated[Path, typer.Argument(help="Resource descriptor of DaCHS (q.rd).")],
    output: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--output", "-o", help="YAML file to write."),
    ] = None,
) -> None:
    """Translate a DaCHS resource descriptor into the YAML of a catalogue."""
    from epntap.commands.importing import import_descriptor

    import_descriptor(descriptor, output)


@app.command()
def run(
    pipeline: options.PipelineName,
    input_: options.Input,
    output: options.CatalogueOutput = None,
    publish: Annotated[bool, typer.Option("--publish", help="Publish the result.")] = False,
    spacecraft: options.Spacecraft = None,
    option: options.Options = None,
) -> None:
    """Run a pipeline's detector on data."""
    from epntap.commands.science import run_pipeline

    run_pipeline(
        pipeline, input_, output=output, publish=publish, options=options.read(option, spacecraft)
    )


@app.command()
def train(
    pipeline: options.PipelineName,
    input_: options.TrainingInputs = None,
    labels: options.TrainingLabels = None,
    data: options.TrainingData = None,
    output: options.WeightsOutput = None,
    seed: Annotated[int, typer.Option(help="Seed of everything random.")] = 0,
    spacecraft: options.Spacecraft = None,
    option: options.Options = None,
) -> None:
    """Train a pipeline's detector."""
    from epntap.commands.science import train_pipeline

    given = options.read(option, spacecraft)
    train_pipeline(
        pipeline, input_ or [], labels or [], output, data=data, seed=seed, options=given
    )


@app.command()
def evaluate(
    pipeline: options.PipelineName,
    input_: options.Input,
    labels: Annotated[Path, typer.Option("--labels", "-l", help="Events that are known.")],
    json: Annotated[bool, typer.Option("--json", help="Print the scores as JSON.")] = False,
    spacecraft: options.Spacecraft = None,
    option: options.Options = None,
) -> None:
    """Score a pipeline's detections against known events."""
    from epntap.commands.science import evaluate_pipeline

    evaluate_pipeline(
        pipeline, input_, labels, as_json=json, options=options.read(option, spacecraft)
    )


@app.command("label-next")
def label_next(
    pipeline: options.PipelineName,
    input_: options.Input,
    count: Annotated[int, typer.Option(min=1, help="How many are proposed at most.")] = 5,
    output: options.FormOutput = None,
    labels: options.FilledForm = None,
    store: options.LabelStore = Path("labels"),
    option: options.Options = None,
) -> None:
    """Propose what to label next, or take the labels back."""
    from epntap.commands.labelling import propose_or_take

    given = options.read(option)
    propose_or_take(pipeline, input_, store, count=count, output=output, form=labels, options=given)


if __name__ == "__main__":
    main()
