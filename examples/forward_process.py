"""The forward process: one jump to t and t Markov steps give the same distribution. Ho et al. 2020, eq. 2 and 4."""

import torch

from engine.data.catalogue import load
from engine.data.pixels import to_unit
from engine.process import diffuse, markov_step
from engine.schedule import NoiseSchedule

schedule, t = NoiseSchedule.linear(1000), 259  # where half of the variance is noise
digit = to_unit(load("digits").images[:1])
pictures = digit.expand(2000, -1, -1, -1)  # the same digit, 2,000 times

jumped = diffuse(pictures, schedule.level(t), torch.randn(pictures.shape))
walked = pictures
for s in range(t):
    walked = markov_step(walked, schedule.level(s), schedule.level(s + 1), torch.randn(pictures.shape))

print(f"ᾱ at t = {t}: {schedule.alpha_bar[t]:.3f}")
for name, x in (("one jump", jumped), (f"{t} steps", walked)):
    signal = schedule.alpha_bar[t].sqrt() * digit[0]
    error, variance = float((x.mean(0) - signal).abs().mean()), float(x.var(0).mean())
    print(
        f"{name:>10}: mean off √ᾱ x₀ by {error:.3f}, variance {variance:.3f} (1 − ᾱ = {1 - schedule.alpha_bar[t]:.3f})"
    )
