"""DDIM inversion: up to the noise and back, and where the noise must be."""

from __future__ import annotations

import math
from itertools import pairwise

import pytest
import torch

from engine.ideal import ExactDenoiser
from engine.inversion import invert
from engine.samplers import DDIM
from engine.sampling import sample
from engine.schedule import NoiseSchedule

from laws import gaussian

SCHEDULE = NoiseSchedule.cosine(1000)


@pytest.mark.parametrize("spacing", ["uniform", "quadratic"])
def test_the_noise_is_where_the_path_begins(spacing: str) -> None:
    """On N(m, s²) the path keeps (x_t − √ᾱ m) / √(ᾱ s² + 1 − ᾱ): a picture's place in the data is its place in the noise."""
    x0 = torch.linspace(-1, 2, 7).double()[:, None]
    *_, top = invert(gaussian(0.4, 0.6), SCHEDULE, x0, steps=1000, spacing=spacing)
    a = float(SCHEDULE.alpha_bar[-1])
    expected = a**0.5 * 0.4 + (x0 - 0.4) / 0.6 * math.sqrt(a * 0.36 + 1 - a)
    torch.testing.assert_close(top.x, expected, rtol=0, atol=0.02)


def test_there_and_back_again_with_an_error_of_order_1_over_steps() -> None:
    mixture = ExactDenoiser(torch.tensor([[-1.0, 0.3], [0.8, 0.9], [0.5, -1.2]]).double(), std=0.3)
    x0 = torch.tensor([[-0.9, 0.5], [0.7, 0.6], [0.2, -1.0], [0.1, 0.2]]).double()
    errors = []
    for steps in (125, 250, 500, 1000):
        *_, top = invert(mixture, SCHEDULE, x0, steps=steps)
        *_, end = sample(mixture, SCHEDULE, DDIM(), shape=(2,), steps=steps, seeds=range(4), start=(top.x, 1000))
        errors.append(float((end.x - x0).abs().max()))
    assert errors[-1] < 0.02
    assert all(1.6 < a / b < 2.5 for a, b in pairwise(errors)), errors


def test_frames_go_from_the_picture_to_the_noise() -> None:
    exact, x0 = gaussian(0.4, 0.6), torch.tensor([[0.3], [1.0]]).double().requires_grad_()
    frames = list(invert(exact, SCHEDULE, x0, steps=10))
    assert [frame.t for frame in frames] == list(range(0, 1001, 100))
    assert [frame.step for frame in frames] == list(range(11))
    assert torch.equal(frames[0].x, x0)
    assert torch.equal(frames[0].x0, x0)
    for frame in frames:
        assert not frame.noise.requires_grad
        signal, sigma = SCHEDULE.level(frame.t).scales(x0)
        if frame.t:
            torch.testing.assert_close(signal * frame.x0 + sigma * frame.noise, frame.x)
    with pytest.raises(ValueError, match="1 to 1000 steps"):
        next(invert(exact, SCHEDULE, x0, steps=1001))
