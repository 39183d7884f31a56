"""Train a small U-Net on digits for a minute, watching the loss, and sample from its EMA weights."""

import sys
import time

import torch

from engine.data.catalogue import load
from engine.data.pixels import to_uint8
from engine.recipes.recipe import Recipe, save_png
from engine.samplers import DDIM
from engine.sampling import sample
from engine.training.config import TrainConfig
from engine.training.loop import train
from engine.training.state import begin

seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 60
config, data = TrainConfig(steps=100_000, ema_decay=0.99, warmup=50), load("digits")
state, started = begin(config, data), time.monotonic()
for report in train(config, data, state):  # a generator: leaving the loop ends the training
    print(f"\rstep {report.step}: loss {report.loss:.3f}, {report.images_per_second:.0f} images/s", end="", flush=True)
    if time.monotonic() - started > seconds:
        break

recipe = Recipe(labels=tuple(range(10)), seeds=tuple(range(10)))
labels = torch.tensor(recipe.labels)
*_, last = sample(
    state.denoiser, config.noise_schedule(), DDIM(), shape=(1, 28, 28), steps=50, seeds=recipe.seeds, label=labels
)
save_png("digits.png", to_uint8(last.x), recipe)
print("\nten digits: digits.png")
