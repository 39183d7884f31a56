"""From scratch to recognisable digits: the default settings here, and denoising-diffusion-pytorch at small ones of its own.

Who recognises them is the classifier that ships, which neither has to do with. Ours are drawn with a label and must be read as
it. Theirs have no label: whatever is read with much confidence counts, which is less to ask. Time is processor time of one
thread, of training alone; the pictures drawn on the way to look at are not counted. The two go one after the other: theirs is
given `FACTOR` times what ours took, or the limit.
"""

from __future__ import annotations

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from benchmarks.figures import Figure
from benchmarks.training_peers import trainer_of, trainer_steps, write_pictures
from engine import memory
from engine.data.catalogue import load
from engine.data.pixels import unit_of
from engine.data.prepared import for_training
from engine.denoiser import Clipped, NetDenoiser
from engine.guidance import Guided
from engine.models import classifier
from engine.models.classifier import Judge
from engine.samplers import SAMPLERS
from engine.sampling import sample
from engine.training.config import TrainConfig
from engine.training.loop import begin, train

JUDGE = Path(__file__).parents[1] / "assets/checkpoints/digits-classifier"
SURE = 0.9
SECONDS_GOAL, FACTOR = 120.0, 5.0
LOOK_EVERY = 50
"""Steps of training between two looks at what it draws."""
STEPS, SCALE = 10, 2.0
THEIR_NETWORK = {"dim": 32, "dim_mults": (1, 2, 4), "channels": 1}
THEIR_BATCH, THEIR_STEPS = 32, 50


@dataclass(frozen=True)
class Look:
    """What is drawn after so much training."""

    seconds: float
    steps: int
    named: float
    """Share that is read as what it was to be; NaN without labels."""
    sure: float
    """Share of which the judge is sure, whatever it reads."""


def measure(*, pictures: int, percent: int, limit: int) -> list[Figure]:
    """Train both until so many per cent are recognisable, or for so many seconds."""
    torch.set_num_threads(1)
    memory.keep_freed()
    judge, wanted = classifier.load(JUDGE), percent / 100
    digits = load("digits")
    real = unit_of(torch.tensor(digits.held_out_part.images))
    print(f"The judge is sure of {_confidence(judge, real)[0]:.1%} of real digits that it has not seen.", flush=True)

    ours = _until(_ours(judge, pictures), limit, lambda look: look.named >= wanted)
    theirs_limit = min(float(limit), FACTOR * ours.seconds)
    theirs = _until(_theirs(judge, pictures), theirs_limit, lambda look: look.sure >= wanted)
    reached = theirs.sure >= wanted
    title = f"From scratch to {percent} % recognisable digits"
    peer = "denoising-diffusion-pytorch" if reached else f"denoising-diffusion-pytorch, stopped at {theirs.sure:.0%}"
    return [
        Figure(f"{title}, default settings", (ours.seconds,), "s", "median", SECONDS_GOAL),
        Figure(f"{title}, {peer}", (theirs.seconds,), "s", "median"),
        Figure(
            f"The second ÷ the first{'' if reached else ', at least'}",
            (theirs.seconds / ours.seconds,),
            "×",
            "median",
            FACTOR,
            least=True,
        ),
    ]


def _until(looks: Iterator[Look], limit: float, enough: Callable[[Look], bool]) -> Look:
    look = Look(0.0, 0, 0.0, 0.0)
    for look in looks:
        print(
            f"  {look.steps} steps, {look.seconds:.0f} s: {look.named:.0%} as asked for, sure of {look.sure:.0%}",
            flush=True,
        )
        if look.seconds >= limit or enough(look):
            break
    return look


def _ours(judge: Judge, pictures: int) -> Iterator[Look]:
    """The defaults of a training run, drawn as they are best drawn in few steps (docs/results.md, section e)."""
    config = TrainConfig(report_every=LOOK_EVERY)
    data, labels = for_training(config), torch.arange(pictures) % 10
    state, seconds, began = begin(config, data), 0.0, time.process_time()
    for report in train(config, data, state):
        seconds += time.process_time() - began
        learned = state.averaged()
        assert isinstance(learned, NetDenoiser)
        *_, last = sample(
            Clipped(Guided(learned, SCALE)),
            learned.schedule,
            SAMPLERS["dpm++2m-sde"](),
            shape=(data.channels, data.size, data.size),
            steps=STEPS,
            seeds=range(pictures),
            label=labels,
        )
        sure, read = _confidence(judge, last.x)
        yield Look(seconds, report.step, float((read == labels).float().mean()), sure)
        began = time.process_time()


def _theirs(judge: Judge, pictures: int) -> Iterator[Look]:
    from denoising_diffusion_pytorch import Unet

    with tempfile.TemporaryDirectory() as place, _quietly():
        folder = write_pictures(Path(place) / "digits", 4000)
        torch.manual_seed(0)
        trainer = trainer_of(Unet(**THEIR_NETWORK), str(folder), THEIR_BATCH, sampling_timesteps=THEIR_STEPS)
        work, seconds, steps = trainer_steps(trainer, LOOK_EVERY), 0.0, 0
        while True:
            began = time.process_time()
            work()
            seconds, steps = seconds + time.process_time() - began, steps + LOOK_EVERY
            with torch.no_grad():
                drawn = trainer.ema.ema_model.eval().sample(batch_size=pictures)
            yield Look(seconds, steps, float("nan"), _confidence(judge, 2 * drawn - 1)[0])


@torch.no_grad()
def _confidence(judge: Judge, x: Tensor) -> tuple[float, Tensor]:
    """Of how many of these pictures in [−1, 1] the judge is sure, and what it reads in each."""
    most = judge.net(x.clamp(-1, 1)).softmax(1).max(1)
    return float((most.values >= SURE).float().mean()), most.indices


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Its bars of progress go nowhere."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield
