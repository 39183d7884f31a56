"""From scratch to recognisable digits: the default settings here, and denoising-diffusion-pytorch at small ones of its own.

Recognisable means that the shipped classifier, independent of both, assigns the requested label; the peer is therefore the
class-conditional form with guidance. Time is processor time of one thread, of training alone; drawing samples for the
evaluations is not counted. The two go one after the other: theirs is given `FACTOR` times what ours took, or the limit.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from benchmarks.figures import Figure
from engine.data.catalogue import load
from engine.data.pixels import unit_of
from engine.data.prepared import training_pictures
from engine.denoiser import Clipped, NetDenoiser
from engine.guidance import Guided
from engine.models import classifier
from engine.models.classifier import Judge
from engine.runtime import allocator
from engine.samplers import SAMPLERS
from engine.sampling import sample
from engine.training.config import TrainConfig
from engine.training.loop import train
from engine.training.state import begin

JUDGE = Path(__file__).parents[1] / "assets/checkpoints/digits-classifier"
SECONDS_GOAL, FACTOR = 120.0, 5.0
EVALUATE_EVERY, THEIR_EVALUATE_EVERY = 50, 200
"""Training steps between two evaluations."""
STEPS, SCALE = 10, 2.0
THEIR_NETWORK = {"dim": 32, "dim_mults": (1, 2, 4), "channels": 1, "num_classes": 10}
THEIR_BATCH, THEIR_STEPS = 32, 50
THEIR_RATE, THEIR_DECAY, THEIR_AVERAGED = 8e-5, 0.995, 10
"""The learning rate of its README; the averages of its Trainer, taken every so many steps."""


@dataclass(frozen=True)
class Evaluation:
    """The accuracy after so much training."""

    seconds: float
    steps: int
    accuracy: float
    """Share of the samples that the classifier reads as the requested label."""


def measure(*, pictures: int, percent: int, limit: int) -> list[Figure]:
    """Train both until so many per cent are recognisable, or for so many seconds."""
    torch.set_num_threads(1)
    allocator.keep_freed_memory()
    judge, wanted = classifier.load(JUDGE), percent / 100
    digits = load("digits").held_out_part
    real = _accuracy(judge, unit_of(torch.tensor(digits.images)), torch.tensor(digits.labels))
    print(f"Accuracy of the classifier on held-out digits: {real:.1%}.", flush=True)

    ours = _until(_ours(judge, pictures), limit, wanted)
    theirs = _until(_theirs(judge, pictures), min(float(limit), FACTOR * ours.seconds), wanted)
    reached = theirs.accuracy >= wanted
    title = f"From scratch to {percent} % recognisable digits"
    peer = (
        "denoising-diffusion-pytorch" if reached else f"denoising-diffusion-pytorch, stopped at {theirs.accuracy:.0%}"
    )
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


def _until(evaluations: Iterator[Evaluation], limit: float, wanted: float) -> Evaluation:
    evaluation = Evaluation(0.0, 0, 0.0)
    for evaluation in evaluations:
        print(f"  {evaluation.steps} steps, {evaluation.seconds:.0f} s: accuracy {evaluation.accuracy:.0%}", flush=True)
        if evaluation.seconds >= limit or evaluation.accuracy >= wanted:
            break
    return evaluation


def _ours(judge: Judge, pictures: int) -> Iterator[Evaluation]:
    """The defaults of a training run, drawn as they are best drawn in few steps (docs/results.md, section e)."""
    config = TrainConfig(report_every=EVALUATE_EVERY)
    data, labels = training_pictures(config), torch.arange(pictures) % 10
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
        yield Evaluation(seconds, report.step, _accuracy(judge, last.x, labels))
        began = time.process_time()


def _theirs(judge: Judge, pictures: int) -> Iterator[Evaluation]:
    """Its network with classes and guidance, in a loop like that of its Trainer, which knows no classes."""
    from denoising_diffusion_pytorch.classifier_free_guidance import GaussianDiffusion, Unet
    from ema_pytorch import EMA

    torch.manual_seed(0)
    digits, labels = load("digits").training, torch.arange(pictures) % 10
    x, y = torch.from_numpy(digits.images).movedim(-1, 1).float() / 255, torch.from_numpy(digits.labels).long()
    diffusion: Any = GaussianDiffusion(Unet(**THEIR_NETWORK), image_size=x.shape[-1], sampling_timesteps=THEIR_STEPS)
    optimizer = torch.optim.Adam(diffusion.parameters(), lr=THEIR_RATE, betas=(0.9, 0.99))
    averaged: Any = EMA(diffusion, beta=THEIR_DECAY, update_every=THEIR_AVERAGED)
    seconds, began = 0.0, time.process_time()
    for step in count(1):
        rows = torch.randint(len(x), (THEIR_BATCH,))
        diffusion(x[rows], classes=y[rows]).backward()
        torch.nn.utils.clip_grad_norm_(diffusion.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad()
        averaged.update()
        if step % THEIR_EVALUATE_EVERY == 0:
            seconds += time.process_time() - began
            with torch.no_grad(), _quietly():
                drawn = averaged.ema_model.eval().sample(labels, cond_scale=SCALE)
            yield Evaluation(seconds, step, _accuracy(judge, 2 * drawn - 1, labels))
            began = time.process_time()


@torch.no_grad()
def _accuracy(judge: Judge, x: Tensor, labels: Tensor) -> float:
    """The share of these pictures in [−1, 1] that the judge reads as their labels say."""
    return int((judge.net(x.clamp(-1, 1)).argmax(1) == labels).sum()) / len(x)


@contextlib.contextmanager
def _quietly() -> Iterator[None]:
    """Its bars of progress go nowhere."""
    with open(os.devnull, "w") as nowhere, contextlib.redirect_stderr(nowhere):
        yield
