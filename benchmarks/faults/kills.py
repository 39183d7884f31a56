"""kill -9 on training runs at random moments: what is resumed is the run that was never killed, to the bit."""

from __future__ import annotations

import random
import shutil
import time
from pathlib import Path

from files_to_try import picture
from kills_to_try import differences

from benchmarks.faults.commands import PATIENCE, TINY, begin, ended, train_to_the_end, train_words

STEPS = 60
KILLS = 3
"""Of each run; the second while it starts."""
SETTINGS = {
    "plain": (),
    "prepared set": ("data=folder:{}",),
    "importance sampling": ("importance=true", "data=folder:{}"),
    "bf16": ("precision=bf16", "importance=true", "data=folder:{}"),
    "fp16": ("precision=fp16", "data=folder:{}"),
}


def cases() -> list[str]:
    """Two runs of each kind."""
    return [f"{name} {seed}" for seed in range(2) for name in SETTINGS]


def run(case: str, work: Path) -> tuple[str, int]:
    """Kill a run, again and again, resume it, and compare it with one that was never killed."""
    name = case.rpartition(" ")[0]
    rng = random.Random(case)
    settings = [*TINY, f"steps={STEPS}", *(one.format(_pictures(work)) for one in SETTINGS[name] if "{}" in one)]
    settings += [one for one in SETTINGS[name] if "{}" not in one]
    whole, killed = work / f"whole {name}", work / f"killed {case}"
    if not whole.exists():
        train_to_the_end(whole, settings)
    for number in range(KILLS):
        _kill(killed, settings, rng, starting=number == 1)
    train_to_the_end(killed, settings)
    wrong = differences(killed, whole)
    shutil.rmtree(killed)
    return f"different from the run that was not killed: {', '.join(wrong[:3])}" if wrong else "", KILLS


def _kill(out: Path, settings: list[str], rng: random.Random, *, starting: bool) -> None:
    """Start a run, and kill it at a random moment: while it starts, or after its first report."""
    process, log = begin(train_words(out, settings), out.with_name("killed.log")), out / "metrics.jsonl"
    before, end = log.stat().st_size if log.exists() else 0, time.monotonic() + PATIENCE
    while (
        not starting
        and process.is_alive()
        and not (log.exists() and log.stat().st_size > before)
        and time.monotonic() < end
    ):
        time.sleep(0.005)
    process.join(rng.uniform(0, 2))
    process.kill()
    process.join()


def _pictures(work: Path) -> Path:
    """A folder of pictures that is prepared."""
    folder = work / "pictures"
    if not folder.exists():
        folder.mkdir()
        for seed in range(40):
            (folder / f"{seed}.png").write_bytes(picture(seed))
        status, said = ended(["data", "prepare", str(folder)])
        if status:
            raise RuntimeError(said)
    return folder
