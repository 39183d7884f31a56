"""How close is the trained network to the best possible one? Its x̂₀ against the exact denoiser's, by noise level."""

import torch

from engine.data.catalogue import load
from engine.data.pixels import to_unit
from engine.process import diffuse
from engine.registry import open_model

network, exact = open_model("digits"), open_model("ideal:digits")
held_out = load("digits").held_out_part
pictures, labels = to_unit(held_out.images[:50]), torch.tensor(held_out.labels[:50])
generator = torch.Generator().manual_seed(0)

print("     t   1 − ᾱ   error of the network   of the exact denoiser of the training set   between the two")
with torch.no_grad():
    for t in (50, 200, 400, 600, 800, 950):
        level = network.schedule.level(t)
        x_t = diffuse(pictures, level, torch.randn(pictures.shape, generator=generator))
        ours, best = network.denoiser(x_t, level, labels).x0, exact.denoiser(x_t, level, labels).x0
        errors = [float((a - b).square().mean()) for a, b in ((ours, pictures), (best, pictures), (ours, best))]
        print(f"{t:6}   {float(level.variance):.3f}   {errors[0]:20.4f}   {errors[1]:43.4f}   {errors[2]:15.4f}")
# On held-out digits the network is the better one at low noise: the exact denoiser knows its training pictures only.
