"""`python -m benchmarks pages|sampler|training`: measures, prints a table, and writes every value to a file if asked."""

from __future__ import annotations

import argparse
import signal
from pathlib import Path

from benchmarks.figures import load, machine, table, write_json


def main() -> None:
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--json", type=Path, metavar="FILE", help="write every measured value to this file as well")
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="How fast this is on the machine at hand."
    )
    commands = parser.add_subparsers(dest="command", required=True)

    what = "first page, scrubbing, changed controls, Stop; needs Chromium"
    pages = commands.add_parser("pages", parents=[common], help=what)
    parts = ("first", "scrub", "change", "training", "stop")
    pages.add_argument("--only", nargs="+", choices=parts, default=parts, help="leave the rest out")
    pages.add_argument("--starts", type=int, default=7, help="starts of the program (default: %(default)s)")
    pages.add_argument("--changes", type=int, default=30, help="changes of each control (default: %(default)s)")

    what = "what the sampler costs on top of the network; milliseconds of a training step"
    sampler = commands.add_parser("sampler", parents=[common], help=what)
    sampler.add_argument("--model", default="digits", help="a network with classes (default: %(default)s)")
    sampler.add_argument("--images", type=int, default=16, help="drawn together (default: %(default)s)")
    sampler.add_argument("--steps", type=int, default=50, help="of each sampling (default: %(default)s)")
    sampler.add_argument("--walks", type=int, default=8, help="from noise to pictures (default: %(default)s)")

    what = "images a second, two processes beside one, memory by the number of pictures (writes 2.5 GB for a while)"
    training = commands.add_parser("training", parents=[common], help=what)
    kinds = ("speed", "processes", "memory")
    training.add_argument("--only", nargs="+", choices=kinds, default=kinds, help="leave the rest out")
    training.add_argument("--rounds", type=int, default=3, help="measurements of each speed (default: %(default)s)")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it leaves no server behind

    print(f"{machine()}. Load of the machine as it begins: {load():.1f}.", flush=True)
    if chosen.command == "pages":
        from benchmarks.pages import measure

        figures = measure(chosen.only, starts=chosen.starts, changes=chosen.changes)
    elif chosen.command == "training":
        from benchmarks.training import measure as measure_training

        figures = measure_training(chosen.only, rounds=chosen.rounds)
    else:
        from benchmarks.sampler import measure as measure_sampler

        figures = measure_sampler(chosen.model, images=chosen.images, steps=chosen.steps, walks=chosen.walks)
    print(f"\n{table(figures)}\n\nLoad: programs that wanted to compute in the last minute, this one among them.")
    if chosen.json:
        write_json(chosen.json, figures)


if __name__ == "__main__":
    main()
