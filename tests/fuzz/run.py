"""Look for faults for some time: ``PYTHONPATH=tests python -m fuzz.run --seconds 600``.

A database of its own is started in a temporary folder and removed in the end. Every violation is
saved as two files, the smallest example and the message. The exit code is 1 if there is any.
"""

from __future__ import annotations

import argparse
import hashlib
import shutil
import sys
import tempfile
import time
from pathlib import Path

from epntap.database import Database
from epntap.settings import Settings

from .hunting import ATTACKS, Tally, hunt
from .target import ViolationError, target


def save(violation: ViolationError, folder: Path) -> Path:
    """Save what violated an invariant, and the message beside it; return the path."""
    example = violation.example
    content = example.encode("utf-8", "surrogatepass") if isinstance(example, str) else example
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / hashlib.sha256(content).hexdigest()[:16]
    path.write_bytes(content)
    path.with_suffix(".txt").write_text(f"{violation}\n", encoding="utf-8")
    return path


def table(tally: Tally) -> str:
    """Return the counts as Markdown."""
    lines = ["| attack | tried | no error for the user |", "|---|---:|---:|"]
    for attack in ATTACKS:
        tried, accepted = tally.tried[attack.name], tally.accepted[attack.name]
        lines.append(f"| {attack.name} | {tried:,} | {accepted:,} |")
    lines.append(f"| **all** | {tally.tried.total():,} | {tally.accepted.total():,} |")
    return "\n".join(lines)


def main(arguments: list[str] | None = None) -> int:
    """Attack for the time that is given, print what came of it, and return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m fuzz.run", description=__doc__)
    parser.add_argument("--seconds", type=float, default=600.0, help="time to spend")
    parser.add_argument("--seed", type=int, help="makes a run repeatable; default the time")
    parser.add_argument("--save", type=Path, default=Path("fuzz-findings"), help="folder")
    given = parser.parse_args(arguments)
    first_seed = int(time.time()) if given.seed is None else given.seed
    home = Path(tempfile.mkdtemp(prefix="epntap-fuzz-"))
    # As root the server runs as another user, who has to get in.
    home.chmod(0o755)
    settings = Settings(home=home)
    try:
        with Database.open(settings) as database, target(database, settings) as attacked:
            tally = hunt(attacked, given.seconds, first_seed=first_seed)
    finally:
        shutil.rmtree(home)
    print(table(tally))
    print(f"\nSeed {first_seed}, {len(tally.found)} violations")
    for violation in tally.found:
        print(f"\n{save(violation, given.save)}\n{violation}\n{violation.example!r}")
    return 1 if tally.found else 0


if __name__ == "__main__":
    sys.exit(main())
