"""`python -m benchmarks pages|sampler|batching|visitors`: measures, prints a table, and writes every value to a file."""

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

    what = "many visitors at once against one batch of all their pictures"
    batching = commands.add_parser("batching", parents=[common], help=what)
    batching.add_argument("--model", default="digits", help="(default: %(default)s)")
    batching.add_argument("--visitors", type=int, default=40, help="at once (default: %(default)s)")
    batching.add_argument("--images", type=int, default=16, help="for each of them (default: %(default)s)")
    batching.add_argument("--steps", type=int, default=20, help="of DDIM (default: %(default)s)")
    batching.add_argument("--rounds", type=int, default=5, help="of all of them (default: %(default)s)")

    what = "a class on one link: as many visitors of the Gradio app, over HTTP, against one batch of all their pictures"
    visitors = commands.add_parser("visitors", parents=[common], help=what)
    visitors.add_argument("--visitors", type=int, default=40, help="at once (default: %(default)s)")
    visitors.add_argument("--images", type=int, default=16, help="for each of them (default: %(default)s)")
    visitors.add_argument("--steps", type=int, default=20, help="of DDIM (default: %(default)s)")
    visitors.add_argument("--rounds", type=int, default=5, help="of all of them (default: %(default)s)")
    visitors.add_argument("--no-training", action="store_true", help="leave out the rounds beside a training run")
    chosen = parser.parse_args()
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # whoever ends it leaves no server behind

    print(f"{machine()}. Load of the machine as it begins: {load():.1f}.", flush=True)
    if chosen.command == "pages":
        from benchmarks.pages import measure

        figures = measure(chosen.only, starts=chosen.starts, changes=chosen.changes)
    elif chosen.command == "batching":
        from benchmarks.batching import measure as measure_batching

        figures = measure_batching(
            chosen.model, visitors=chosen.visitors, images=chosen.images, steps=chosen.steps, rounds=chosen.rounds
        )
    elif chosen.command == "visitors":
        from benchmarks.visitors import measure as measure_visitors

        figures = measure_visitors(
            visitors=chosen.visitors,
            images=chosen.images,
            steps=chosen.steps,
            rounds=chosen.rounds,
            training=not chosen.no_training,
        )
    else:
        from benchmarks.sampler import measure as measure_sampler

        figures = measure_sampler(chosen.model, images=chosen.images, steps=chosen.steps, walks=chosen.walks)
    print(f"\n{table(figures)}\n\nLoad: programs that wanted to compute in the last minute, this one among them.")
    if chosen.json:
        write_json(chosen.json, figures)


if __name__ == "__main__":
    main()
