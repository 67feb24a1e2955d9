"""What the parts of the benchmark share: services, rows, and how much of everything."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from bench import peer as dachs
from bench.errors import BenchError
from bench.peer import Peer
from bench.service import Home, Running
from bench.sources import EVENTS_YAML, events, sky


@dataclass(frozen=True, slots=True)
class Plan:
    """How much is measured.

    Attributes
    ----------
    sizes
        Rows of the catalogues that show growth, the smallest first.
    repeats
        How often each download is fetched.
    asks
        How often each small query is asked.
    seconds
        How long each load lasts.
    years
        Of solar wind for the detection.
    with_dachs
        Whether DaCHS is measured.
    """

    sizes: tuple[int, ...] = (100_000, 1_000_000, 10_000_000)
    repeats: int = 3
    asks: int = 40
    seconds: int = 5
    years: int = 25
    with_dachs: bool = True


QUICK = Plan(sizes=(100_000, 1_000_000), repeats=2, asks=15, seconds=3, years=25)


@dataclass
class Stage:
    """Where the parts are measured; made once, removed in the end.

    Parameters
    ----------
    plan
        How much is measured.
    """

    plan: Plan
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="epntap-bench-")))
    _home: Home | None = None
    _published: set[str] = field(default_factory=set)
    _peer: Peer | BenchError | None = None

    @property
    def home(self) -> Home:
        """The home of the service."""
        if self._home is None:
            self._home = Home(self.folder)
            self.folder.chmod(0o755)
        return self._home

    def with_empty_database(self) -> Home:
        """Return the home with a database that is set up."""
        with self.home.opened():
            return self.home

    def with_events(self) -> Home:
        """Return the home with the catalogue ``bench`` in it, as DaCHS has it."""
        if "bench" not in self._published:
            self.home.command("publish", str(EVENTS_YAML), str(events()))
            self._published.add("bench")
        return self.home

    def sky_name(self, rows: int) -> str:
        """Return the name of the catalogue of so many rows."""
        return f"sky{rows}"

    def sky_files(self, rows: int) -> tuple[Path, Path]:
        """Return description and rows of a catalogue of so many rows."""
        name = self.sky_name(rows)
        made = self.folder / f"{name}.yaml", self.folder / f"{name}.csv"
        return made if made[1].exists() else sky(self.folder, name, rows)

    def with_sky(self, rows: int) -> str:
        """Publish a catalogue of so many rows unless it is there, and return its name."""
        name = self.sky_name(rows)
        if name not in self._published:
            description, path = self.sky_files(rows)
            self.home.command("publish", str(description), str(path))
            self._published.add(name)
            path.unlink()
        return name

    def has_sky(self, rows: int) -> bool:
        """Tell whether a catalogue of so many rows is published."""
        return self.sky_name(rows) in self._published

    def note_sky(self, rows: int) -> None:
        """Say that a catalogue of so many rows is published."""
        self._published.add(self.sky_name(rows))

    @contextmanager
    def both(self, *arguments: str) -> Iterator[tuple[Running, Peer | None]]:
        """Serve the events, and bring DaCHS up if it can be, while the block runs."""
        peer = self.peer_or_none()
        with self.with_events().serving(*arguments) as ours:
            yield ours, peer

    def peer(self) -> Peer:
        """Return the DaCHS that runs beside.

        Raises
        ------
        BenchError
            If there is none; the message says why.
        """
        if self._peer is None:
            try:
                if not self.plan.with_dachs:
                    raise BenchError("DaCHS was left out")
                self._peer = dachs.start()
            except BenchError as error:
                self._peer = error
        if isinstance(self._peer, BenchError):
            raise self._peer
        return self._peer

    def peer_or_none(self) -> Peer | None:
        """Return the DaCHS that runs beside, if there is one."""
        try:
            return self.peer()
        except BenchError:
            return None

    @property
    def peer_remark(self) -> str:
        """Its version, or why there is none."""
        try:
            return f"DaCHS {self.peer().version}"
        except BenchError as error:
            return str(error)

    def close(self) -> None:
        """Stop what was started, and remove what was made."""
        if isinstance(self._peer, Peer):
            dachs.stop()
        if self._home is not None:
            self._home.remove()
        shutil.rmtree(self.folder, ignore_errors=True)
