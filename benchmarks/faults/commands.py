"""Commands in a process of their own, and whether how they end is right."""

from __future__ import annotations

import multiprocessing
import os
import subprocess
import sys
from collections.abc import Sequence
from multiprocessing.process import BaseProcess
from pathlib import Path

from benchmarks.faults.child import run_child

ROOT = Path(__file__).resolve().parents[2]
PATIENCE = 300.0
"""Seconds after which a command counts as hanging."""
TINY = ("preset=tiny", "T=10", "batch=4", "warmup=20", "report_every=5", "sample_every=1000")
"""Settings of a run that trains some steps in a second."""


def ended(words: Sequence[str], module: str = "engine") -> tuple[int, str]:
    """Exit status and standard error of `python -m MODULE WORDS`, in one thread. Raises TimeoutExpired where it hangs."""
    env = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-m", module, *words]
    done = subprocess.run(
        command, env=env, capture_output=True, text=True, errors="replace", timeout=PATIENCE, check=False
    )
    return done.returncode, done.stderr


def begin(words: Sequence[str], log: Path, place: str = "", number: int = 0) -> BaseProcess:
    """Start a command of the engine in a process of its own, forked from one that has imported torch, which takes seconds.

    Args:
        words: its command line.
        log: what it says on standard error is written there.
        place, number: where it sends itself a signal, and which; see `benchmarks.faults.child`.
    """
    os.environ["OMP_NUM_THREADS"] = "1"  # so that runs can be compared to the bit
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(
        ["engine.cli", "engine.evaluation.drawing", "engine.runs.trainer", "engine.recipes.fork"]
    )
    process = context.Process(target=run_child, args=([*words], log, place, number))
    process.start()
    return process


def carried_out(words: Sequence[str], log: Path, place: str = "", number: int = 0) -> tuple[int, str]:
    """`begin` and `finish`; again where the process could not be made, and so wrote nothing at all."""
    for _attempt in range(3):
        log.unlink(missing_ok=True)
        process = begin(words, log, place, number)
        try:
            return finish(process, log)
        except FileNotFoundError:
            continue
    raise RuntimeError(f"no process for {' '.join(words)}: exit status {process.exitcode}")


def finish(process: BaseProcess, log: Path) -> tuple[int, str]:
    """Its exit status, and what it said. Raises TimeoutError where it hangs."""
    process.join(PATIENCE)
    if process.exitcode is None:
        process.kill()
        raise TimeoutError(f"no end after {PATIENCE:.0f} s")
    return process.exitcode, log.read_text(encoding="utf-8", errors="replace")


def train_to_the_end(out: Path, settings: Sequence[str]) -> None:
    """Train a run until it is done. Raises RuntimeError where it is not."""
    log = out.with_name(f"{out.name}.log")
    status, said = carried_out(train_words(out, settings), log)
    if status:
        raise RuntimeError(said)


def train_words(out: Path, settings: Sequence[str]) -> list[str]:
    """The command line that trains a run, or resumes it."""
    words = ["train", "--device", "cpu", "--save-every", "0.2", "--out", str(out)]
    return [*words, *(word for one in settings for word in ("--set", one))]


def problem_of(status: int, said: str, right: Sequence[int]) -> str:
    """What is wrong with how a command has ended; "" for nothing."""
    last = said.strip().splitlines()[-1] if said.strip() else ""
    if "Traceback" in said:
        return f"a traceback: {last}"
    if status not in right:
        return f"exit status {status}, not {' or '.join(map(str, right))}: {last}"
    if status and len(last.split()) < 3:
        return f"no sentence: {last!r}"
    return ""
