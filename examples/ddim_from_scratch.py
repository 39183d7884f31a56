"""DDIM in a dozen lines on the engine's denoiser, and the engine's own sampler beside it. Song et al. 2021, eq. 12."""

from itertools import pairwise

import torch

from engine.data.pixels import to_uint8
from engine.recipes.recipe import Recipe, save_png
from engine.registry import open_model
from engine.sampling import SeededNoise

recipe = Recipe(
    model="digits", sampler="ddim", eta=0, steps=20, scale=1, clip="none", labels=(3, 1, 4), seeds=(0, 1, 2)
)
model, labels = open_model("digits"), torch.tensor(recipe.labels)
schedule = model.schedule

x = SeededNoise(recipe.seeds, model.shape)()  # x_T ~ N(0, I), one seed a picture
times = schedule.timesteps(recipe.steps)  # T … 0
with torch.no_grad():
    for t, s in pairwise(times):
        prediction = model.denoiser(x, schedule.level(t), labels)
        alpha_bar = schedule.alpha_bar[s].float()
        x = alpha_bar.sqrt() * prediction.x0 + (1 - alpha_bar).sqrt() * prediction.noise

*_, last = recipe.frames()
print(f"largest difference from the engine's DDIM: {float((x - last.x).abs().max()):.1e}")
save_png("ddim.png", to_uint8(x), recipe)
