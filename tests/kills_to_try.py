"""What is lost when a training run is killed, again and again, at random moments? And does it come out as if it never had been?

    python tests/kills_to_try.py              20 × kill -9, then to the end; a few minutes
    python tests/kills_to_try.py --kills 3

Starts `python -m engine train`, kills it, starts it again, and so on; then compares every number of what came out with an
uninterrupted run. Exit status 1 if one of them differs. The tests do the same with fewer kills.
"""

from __future__ import annotations

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file

from engine.runs.folder import RunFolder
from engine.storage import checkpoints

ROOT = Path(__file__).resolve().parents[1]
SETTINGS = ("T=50", "batch=4", "warmup=20", "report_every=5", "sample_every=100", "importance=true")


@dataclass(frozen=True)
class Kill:
    """One kill -9, and what was there afterwards."""

    training: bool
    """Whether it had reported anything since it was started."""
    told: int
    """The last step that it reported, in all its lives."""
    kept: int
    """The step that it goes on from."""
    seconds: float
    """Since the checkpoint of that step was there; of training only, not of starting."""
    unfinished: int
    """Checkpoints that were being written."""


def environment() -> dict[str, str]:
    """Of a training in a process of its own: this engine, one thread."""
    return {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "PYTHONUNBUFFERED": "1"}


def command(out: Path, settings: Sequence[str], save_every: float) -> list[str]:
    """Trains in `out`."""
    words = [
        sys.executable,
        "-m",
        "engine",
        "train",
        "--out",
        str(out),
        "--device",
        "cpu",
        "--save-every",
        str(save_every),
    ]
    return [*words, *(word for setting in settings for word in ("--set", setting))]


def to_the_end(out: Path, settings: Sequence[str]) -> str:
    """Train until it is done; what it printed."""
    done = subprocess.run(
        command(out, settings, 5.0), env=environment(), capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def kill(
    out: Path, settings: Sequence[str], rng: random.Random, *, starting: bool, within: float, save_every: float
) -> Kill | None:
    """Start it and kill it at a random moment: `within` so many seconds of training, or while it starts, when it imports,
    loads, opens, sweeps and looks. None where it was done before."""
    log = out / "metrics.jsonl"
    before = log.stat().st_size if log.exists() else 0
    wait = rng.uniform(0, within) if not starting else rng.uniform(0, 6)
    with subprocess.Popen(
        command(out, settings, save_every), env=environment(), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    ) as process:
        began = None
        try:
            if not starting:
                while process.poll() is None and (not log.exists() or log.stat().st_size == before):
                    time.sleep(0.005)
            began = time.time()
            process.wait(timeout=wait)
            return None
        except subprocess.TimeoutExpired:
            process.kill()
            ended = time.time()
    folder = RunFolder.at(out)
    reports, kept = folder.read_metrics(), folder.checkpoint
    grown = log.exists() and log.stat().st_size > before
    step = int(kept.name.removeprefix("step-")) if kept.parent == folder.checkpoints else 0
    since = ended - max(began or ended, (kept / checkpoints.MANIFEST).stat().st_mtime if step else 0.0)
    unfinished = len(list(folder.checkpoints.glob(".step-*"))) if folder.checkpoints.exists() else 0
    return Kill(grown, reports[-1].step if reports else 0, step, max(0.0, since) if grown else 0.0, unfinished)


def differences(killed: Path, whole: Path) -> list[str]:
    """In what two finished runs differ, to the bit; speeds, which nobody can repeat, aside."""
    found = []
    a, b = RunFolder.at(killed), RunFolder.at(whole)
    one, other = [(r.step, r.loss, r.gradient_norm, r.learning_rate) for r in a.read_metrics()], b.read_metrics()
    if one != [(r.step, r.loss, r.gradient_norm, r.learning_rate) for r in other]:
        found.append("the log")
    for name in ("unet/diffusion_pytorch_model.safetensors", "resume/resume.safetensors"):
        first, second = load_file(a.checkpoint / name), load_file(b.checkpoint / name)
        if first.keys() != second.keys():
            found.append(f"the names in {name}")
        found += [f"{key} in {name}" for key in first if not torch.equal(first[key], second[key])]
    return found


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--steps", type=int, default=1500)
    parser.add_argument("--within", type=float, default=4.0, help="seconds of training before a kill, at most")
    parser.add_argument("--save-every", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=0)
    given = parser.parse_args()
    settings, rng = [*SETTINGS, f"steps={given.steps}"], random.Random(given.seed)
    with tempfile.TemporaryDirectory() as folder:
        killed, whole, kills = Path(folder) / "killed", Path(folder) / "whole", []
        print("kill  while     told  kept  steps lost  seconds lost  unfinished")
        for number in range(1, given.kills + 1):
            starting = rng.random() < 0.2
            seen = kill(killed, settings, rng, starting=starting, within=given.within, save_every=given.save_every)
            if seen is None:
                print("the run was done before it could be killed: take more --steps")
                break
            kills.append(seen)
            phase = "training" if seen.training else "starting"
            print(
                f"{number:4}  {phase}  {seen.told:4}  {seen.kept:4}  {seen.told - seen.kept:10}  {seen.seconds:12.2f}"
                f"  {seen.unfinished:10}",
                flush=True,
            )
        to_the_end(killed, settings)
        to_the_end(whole, settings)
        wrong = differences(killed, whole)
    steps, seconds = sorted(k.told - k.kept for k in kills), sorted(k.seconds for k in kills)
    middle = len(kills) // 2
    print(
        f"{len(kills)} kills: median {steps[middle]} steps ({seconds[middle]:.1f} s) lost, "
        f"at most {steps[-1]} ({seconds[-1]:.1f} s)"
    )
    print("different from the uninterrupted run: " + (", ".join(wrong) or "nothing, to the bit"))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
