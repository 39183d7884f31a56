"""Ctrl-C, kill and a terminal that goes, in every phase of the commands: one line, the right exit status, nothing lost."""

from __future__ import annotations

import json
import shutil
import signal
from pathlib import Path

from faults import contents, leftovers
from files_to_try import picture
from kills_to_try import differences

from benchmarks.faults.commands import TINY, carried_out, ended, problem_of, train_to_the_end, train_words

SETTINGS = [*TINY, "steps=40", "importance=true"]
TRAIN = tuple(train_words(Path("{}/run"), SETTINGS))
SAMPLE = ("sample", "{}/recipe.json", "--out", "{}/good.png")
EVALUATE = ("evaluate", "--model", "digits", "--samples", "10", "--steps", "3", "--json", "{}/found.json")
PHASES = {
    "sampling": ("engine.denoiser:NetDenoiser.output", SAMPLE),
    "imports of train": ("import:engine.runs.trainer", TRAIN),
    "imports of sample": ("import:engine.recipes.fork", SAMPLE),
    "imports of evaluate": ("import:engine.evaluation.evaluate", EVALUATE),
    "preflight": ("engine.training.preflight:preflight", TRAIN),
    "training": ("engine.runs.history:RunWriter.log", TRAIN),
    "saving": ("engine.storage.checkpoints:write", TRAIN),
    "preparing": ("engine.data.writing:Writer.add", ("data", "prepare", "{}/pictures")),
    "evaluating": ("engine.denoiser:NetDenoiser.output", EVALUATE),
    "exporting": ("engine.runs.archive:export", ("export", "{}/run", "--out", "{}/out")),
}
SIGNALS = ("SIGINT", "SIGTERM", "SIGHUP")


def cases() -> list[str]:
    """Each signal in each phase."""
    return [f"{name} {phase}" for phase in PHASES for name in SIGNALS]


def run(case: str, work: Path) -> str:
    """Send it, and look at what is left; a training run is then finished, and compared to the bit."""
    name, _, phase = case.partition(" ")
    number, (place, words) = int(getattr(signal, name)), PHASES[phase]
    folder = work / case
    folder.mkdir()
    (folder / "recipe.json").write_text(json.dumps({"model": "digits", "steps": 5, "seeds": [1]}))
    (folder / "good.png").write_bytes(picture(1))
    (folder / "pictures").mkdir()
    for seed in range(40):
        (folder / "pictures" / f"{seed}.png").write_bytes(picture(seed))
    if phase == "exporting":
        shutil.copytree(_whole(work), folder / "run")
    before = contents(folder)
    filled = [word.replace("{}", str(folder)) for word in words]
    if place.startswith("import:"):
        status, said = ended([str(number), place, *filled], "benchmarks.faults.child")
    else:
        log = work / "signal.log"
        status, said = carried_out(filled, log, place, number)
    if problem := problem_of(status, said, [128 + number]):
        return problem
    after = contents(folder)
    if changed := [file for file in before if after.get(file) != before[file]]:
        return f"changed: {changed[:3]}"
    if left := leftovers(folder) + leftovers(work / "data"):
        return f"left behind: {left[:3]}"
    if words is TRAIN:
        train_to_the_end(folder / "run", SETTINGS)
        if wrong := differences(folder / "run", _whole(work)):
            return f"different from the run that was not ended: {wrong[:3]}"
    shutil.rmtree(folder)
    return ""


def _whole(work: Path) -> Path:
    whole = work / "whole run of signals"
    if not whole.exists():
        train_to_the_end(whole, SETTINGS)
    return whole
