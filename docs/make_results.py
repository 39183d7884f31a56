"""Makes docs/results.md, its figures and its data: python docs/make_results.py

Trains the small networks that are missing, measures what docs/results.jsonl does not hold yet, and writes the page. Each of
it can be interrupted and resumed by the same command; several processes may measure at a time.

    python docs/make_results.py            everything
    python docs/make_results.py --train    only train what is missing
    python docs/make_results.py --fill     only measure, with the networks that are there
    python docs/make_results.py --write    only write the page from what was measured
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from results_plan import HERE, RECIPES, STUDIES, Networks, Part, is_trained, plan

from engine.cli import main as engine
from engine.cli.common import ProgressLine
from engine.evaluation.drawing import Progress
from engine.evaluation.grid import GridProgress, run
from engine.evaluation.grid_bound import run_bounds
from engine.evaluation.results_file import ResultsFile

RESULTS = HERE / "results.jsonl"
NETWORKS = HERE.parent / "runs" / "studies"


def main(arguments: list[str] | None = None) -> int:
    """Do what is asked for; the exit status."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", type=Path, default=NETWORKS, help="where the small networks lie or will lie")
    parser.add_argument("--results", type=Path, default=RESULTS, help="the file of measurements")
    parser.add_argument("--out", type=Path, default=HERE, help="the folder for results.md and figures/")
    parser.add_argument("--only", nargs="+", metavar="LETTER", help="with --fill: only these sections, a … e")
    for step in ("train", "fill", "write"):
        parser.add_argument(f"--{step}", action="store_true", help="only this")
    args = parser.parse_args(arguments)
    everything = not (args.train or args.fill or args.write)
    if args.train or everything:
        for study in STUDIES:
            if status := train(study, args.networks / study):
                return status
    if args.fill or everything:
        fill([part for part in plan() if not args.only or part.title[0] in args.only], args.networks, args.results)
    if args.write or everything:
        from results_page import write  # here, for it needs Matplotlib, which measuring does not

        write(args.results, args.out)
    return 0


def train(study: str, folder: Path) -> int:
    """Train one of the small networks, or go on with it; the exit status."""
    if is_trained(study, folder):
        return 0
    print(f"training “{study}”", flush=True)
    return engine(["train", str(RECIPES / f"{study}.json"), "--out", str(folder)])


def fill(parts: list[Part], folder: Path, results: Path) -> None:
    """Measure what is missing, part by part; a part whose networks are missing is tried once more at the end."""
    networks, file = Networks(folder), ResultsFile(results)
    for attempt in (1, 2):
        waiting = []
        for part in parts:
            models = {name: network for name in sorted(part.models) if (network := networks.get(name))}
            if len(models) < len(part.models):
                waiting.append(part)
            # What the existing networks allow is measured first.
            print(f"— {part.title}", flush=True)
            line = ProgressLine()
            for event in run_bounds([cell for cell in part.bounds if cell.model in models], models, file):
                if isinstance(event, tuple):
                    cell, progress = event
                    _show(line, f"bits of {cell.model}, {cell.variance} variance", progress)
            for step in run([cell for cell in part.cells if cell.model in models], models, file):
                if isinstance(step, GridProgress):
                    text = f"cell {step.cell}/{step.cells}  {step.name}  {step.done / step.total:.0%} of this part"
                    line.show(text, step.seconds_left, last=step.done == step.total)
            line.end()
        if not waiting:
            break
        missing = sorted({n for part in waiting for n in part.models if networks.get(n) is None})
        if missing and attempt == 2:
            print(f"not trained yet, and so not measured: {', '.join(missing)}", file=sys.stderr)
        parts = waiting
    file.close()


def _show(line: ProgressLine, text: str, progress: Progress) -> None:
    line.show(
        f"{text}  {progress.done / progress.total:.0%}", progress.seconds_left, last=progress.done == progress.total
    )


if __name__ == "__main__":
    sys.exit(main())
