"""What happens to it: kills, signals, disks, forged files, odd input, a crowd. A case is handled, or something is lost.

Handled is an outcome that is right, or one sentence with the right exit status and nothing lost. A traceback, an error without
a sentence, a hang, and data that are lost or wrong are lost. Results are lines of JSON: a case that is in the file is not run
again, so that a campaign goes on where it was ended. docs/make_reliability.py makes a table of them.
"""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass
from importlib import import_module
from pathlib import Path

import torch

from benchmarks.figures import Figure

sys.path.append(str(Path(__file__).resolve().parents[2] / "tests"))  # it shares what the tests forge and break

KINDS = {
    "kills": "a training run is killed with kill -9 at a random moment, resumed, and compared to the bit",
    "signals": "SIGINT, SIGTERM and SIGHUP in every phase of the commands",
    "disks": "a disk that fills up or turns read-only, at each write of a command",
    "forged": "damaged checkpoints, run folders and uploads",
    "inputs": "generated recipes, links, API calls and command lines",
    "visitors": "forty visitors of one server, who draw without a pause",
}


@dataclass(frozen=True)
class Outcome:
    """One case."""

    kind: str
    case: str
    """Repeats it: `python -m benchmarks.faults KIND CASE`."""
    lost: str = ""
    """What was lost; empty where it was handled."""
    tried: int = 1
    """Faults in this case."""
    seconds: float = 0.0


Run = Callable[[str, Path], "str | tuple[str, int]"]
"""Of a case and a folder that all cases of a campaign share: what was lost, and how many faults were tried where not one."""


def measure(*, parts: Sequence[str], minutes: int, results_name: str) -> list[Figure]:
    """Run what is not in the file yet, until the time is over."""
    file, end = Path(results_name), time.monotonic() + 60 * minutes
    for outcome in campaign(parts, file, end):
        print(f"{outcome.kind} {outcome.case}: {outcome.lost or 'handled'} ({outcome.seconds:.1f} s)", flush=True)
    return [
        Figure(f"{kind}, of {tried:,}: {about}", (float(len(lost)),), "lost", "median", 0)
        for kind, about in KINDS.items()
        if (found := [one for one in read(file) if one.kind == kind])
        for tried, lost in [(sum(one.tried for one in found), [one for one in found if one.lost])]
    ]


def campaign(parts: Sequence[str], file: Path, end: float, most: int | None = None) -> Iterator[Outcome]:
    """Run the cases that the file does not have, and add them to it.

    Args:
        parts: the kinds.
        file: of results.
        end: of `time.monotonic`: no case is begun after it.
        most: cases of each kind, taken evenly; None for all.
    """
    torch.set_num_threads(1)  # several threads wait for each other where other work runs
    done = {(one.kind, one.case) for one in read(file)}
    with tempfile.TemporaryDirectory() as work:
        os.environ["DIFFUSION_PLAYGROUND_DATA"] = str(Path(work) / "data")
        os.environ["DIFFUSION_PLAYGROUND_RUNS"] = str(Path(work) / "runs")
        for kind in parts:
            module = import_module(f"benchmarks.faults.{kind}")
            cases: list[str] = module.cases()
            for case in cases[:: max(1, len(cases) // most)] if most else cases:
                if (kind, case) in done or time.monotonic() > end:
                    continue
                outcome = attempt(kind, case, module.run, Path(work))
                with file.open("a", encoding="utf-8") as results:
                    results.write(json.dumps(asdict(outcome), ensure_ascii=False) + "\n")
                yield outcome


def attempt(kind: str, case: str, run: Run, work: Path) -> Outcome:
    """Run one case."""
    began = time.monotonic()
    try:
        found = run(case, work)
    except Exception as error:
        found = f"{type(error).__name__}: {error}"
    lost, tried = found if isinstance(found, tuple) else (found, 1)
    return Outcome(kind, case, lost[:400], tried, round(time.monotonic() - began, 1))


def read(file: Path) -> list[Outcome]:
    """The results in a file; of a case that was run again the last."""
    try:
        lines = file.read_text(encoding="utf-8").splitlines()
    except FileNotFoundError:
        return []
    outcomes = [Outcome(**json.loads(line)) for line in lines]
    return list({(one.kind, one.case): one for one in outcomes}.values())
