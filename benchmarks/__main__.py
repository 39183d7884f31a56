"""`python -m benchmarks NAME`: measures, prints a table, and writes every value to a file if asked. `--help` has the names."""

from __future__ import annotations

import argparse
import signal
from collections.abc import Callable
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from benchmarks.figures import load, machine, read_json, table, write_json


@dataclass(frozen=True)
class Benchmark:
    """One that goes by a name: its module has `measure`, which takes the arguments by their names.

    Args:
        about: what it measures.
        numbers: whole numbers that can be set: their defaults, and what they are.
        parts: names of its parts, of which some may be left out; empty for none.
        switches: what can be switched on, each with a sentence.
        texts: texts that can be set: their defaults, and what they are.
        module: where it has another name.
    """

    about: str
    numbers: dict[str, tuple[int, str]] = field(default_factory=dict)
    parts: tuple[str, ...] = ()
    switches: dict[str, str] = field(default_factory=dict)
    texts: dict[str, tuple[str, str]] = field(default_factory=dict)
    module: str = ""


NETWORK = {"model": ("digits", "a network with classes")}
CLASS = {
    "visitors": (40, "concurrent visitors"),
    "images": (16, "for each of them"),
    "steps": (20, "of DDIM"),
    "rounds": (5, "of all of them"),
}
BENCHMARKS = {
    "pages": Benchmark(
        "first page, signs of life, scrubbing, changed controls, Stop; needs Chromium",
        {"starts": (7, "starts of the program"), "changes": (30, "changes of each control")},
        ("first", "signs", "scrub", "change", "training", "stop"),
    ),
    "browser": Benchmark(
        "the network in a browser beside torch and onnxruntime-web, and a page of one file; needs Node, npm and Chromium",
        {"rounds": (15, "measurements of each")},
        ("evaluations", "workers", "page"),
        texts=NETWORK,
    ),
    "sampling": Benchmark(
        "against diffusers' pipelines and guidance in two calls, the bare network, the matrix product; how time grows",
        {
            "images": (16, "drawn together"),
            "steps": (50, "of each sampling"),
            "rounds": (5, "pairs of measurements"),
        },
        ("pipelines", "guided", "overhead", "matmul", "allocator", "growth", "large"),
        texts={"device": ("cpu", "where pipelines, guided and large compute: cpu or cuda")},
    ),
    "training": Benchmark(
        "images a second, two processes beside one, memory by the number of pictures (writes 2.5 GB for a while)",
        {"rounds": (3, "measurements of each speed")},
        ("speed", "loop", "peers", "processes", "memory", "large"),
        texts={"device": ("cpu", "where large trains: cpu or cuda")},
    ),
    "quality": Benchmark(
        "from scratch to recognisable digits, beside denoising-diffusion-pytorch",
        {
            "pictures": (100, "samples of each evaluation"),
            "percent": (90, "of them recognised"),
            "limit": (900, "seconds of training for each"),
        },
    ),
    "points": Benchmark(
        "how soon the network of the Points lab reaches the Bayes-optimal loss on each built-in set",
        {"points": (2000, "of each set")},
    ),
    "memory": Benchmark(
        "the stored frames of a long trajectory (of many training pictures: `training --only memory`)",
        {"images": (64, "drawn together"), "steps": (1000, "of the trajectory")},
    ),
    "report": Benchmark("the cheap ratios in a minute, for continuous integration"),
    "batching": Benchmark("concurrent visitors against one batch of all their pictures", CLASS, texts=NETWORK),
    "faults": Benchmark(
        "what happens to it: kills, signals, disks, forged files, odd input, a crowd; goes on where it was ended",
        {"minutes": (60, "after which no case is begun")},
        ("kills", "signals", "disks", "forged", "inputs", "visitors"),
        texts={"results": ("docs/reliability.jsonl", "the results: what is in it is not run again")},
    ),
    "class": Benchmark(
        "a class of students and their teacher over HTTP: answers, what the teacher sees, memory",
        {"students": (60, "students"), "minutes": (10, "that they work")},
        module="classroom",
    ),
    "visitors": Benchmark(
        "the same for visitors of the Gradio app, over HTTP, also while a network trains",
        CLASS,
        switches={
            "without_training": "leave out the rounds beside a training run",
            "browser": "instead: what is left for the server where their browsers sample (needs Chromium)",
        },
    ),
}


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks", description="How fast this is on the machine at hand."
    )
    commands = parser.add_subparsers(dest="name", required=True)
    for name, benchmark in BENCHMARKS.items():
        _add(commands.add_parser(name, help=benchmark.about, description=benchmark.about), benchmark)
    chosen = vars(parser.parse_args())
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # no server is left behind

    print(f"{machine()}. Load of the machine as it begins: {load():.1f}.", flush=True)
    name = chosen.pop("name")
    measure: Callable[..., Any] = import_module(f"benchmarks.{BENCHMARKS[name].module or name}").measure
    file: Path | None = chosen.pop("json")
    before: Path | None = chosen.pop("against")
    committed = read_json(before) if before else []
    figures = measure(**chosen)
    print(
        f"\n{table(figures, committed)}\n\nLoad: the mean number of runnable processes in the last minute, this one included."
    )
    if file:
        write_json(file, figures)


def _add(parser: argparse.ArgumentParser, benchmark: Benchmark) -> None:
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measured value to this file as well")
    parser.add_argument("--against", type=Path, metavar="FILE", help="show the medians of such a file beside them")
    if benchmark.parts:
        parser.add_argument(
            "--only",
            dest="parts",
            nargs="+",
            choices=benchmark.parts,
            default=benchmark.parts,
            help="leave the rest out",
        )
    for name, (default, about) in benchmark.numbers.items():
        parser.add_argument(f"--{name}", type=int, default=default, help=f"{about} (default: %(default)s)")
    for name, (default, about) in benchmark.texts.items():
        parser.add_argument(f"--{name}", dest=f"{name}_name", default=default, help=f"{about} (default: %(default)s)")
    for name, about in benchmark.switches.items():
        parser.add_argument(f"--{name.replace('_', '-')}", action="store_true", help=about)


if __name__ == "__main__":
    main()
