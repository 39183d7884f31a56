"""The numbers that lessons call right, each from the formulas of the papers and not by the code that the lessons use."""

from __future__ import annotations

import math
from pathlib import Path

import pytest
import torch

from engine.data.catalogue import load
from engine.data.pixels import to_unit
from engine.process import prediction_from_x0
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.samplers import DDIM, Ancestral
from playground.course.lesson import computed

ROOT = Path(__file__).parents[3]


def _linear(T: int, t: int, factor: float = 1.0) -> float:
    """ᾱ_t for β from 0.0001 to 0.02, Ho et al. 2020, section 4."""
    return math.prod(1 - factor * (1e-4 + (0.02 - 1e-4) * k / (T - 1)) for k in range(t))


def _cosine(T: int, t: int, s: float = 0.008) -> float:
    """ᾱ_t of Nichol & Dhariwal 2021, eq. 17, before t = T, where β is clipped."""

    def f(u: float) -> float:
        return math.cos((u + s) / (1 + s) * math.pi / 2) ** 2

    return f(t / T) / f(0)


def test_taking_a_picture_apart() -> None:
    said = computed()[1]
    assert said["half"] == min(range(1001), key=lambda t: abs(_linear(1000, t) - 0.5)) == 259
    assert _linear(1000, 500) < 0.1, "long before the middle most is noise"
    assert said["left_percent"] == pytest.approx(100 * math.sqrt(_linear(1000, 1000)))
    assert 0 < said["variance"] < 1, "so the curves of the lab cross before that t"


def test_how_fast() -> None:
    said = computed()[2]
    assert said["linear_half"] == pytest.approx(_linear(1000, 500))
    assert said["cosine_half"] == pytest.approx(_cosine(1000, 500))
    assert said["linear_even"] / 1000 == pytest.approx(0.26, abs=0.01), "nearly three quarters are left"
    assert (
        said["left"] == pytest.approx(_linear(50, 50)) == pytest.approx(0.60, abs=0.005)
    )  # facts of the engine's docs
    assert said["left_percent"] == pytest.approx(100 * math.sqrt(_linear(50, 50)))
    assert said["scaled_percent"] == pytest.approx(100 * math.sqrt(_linear(50, 50, 20)))


def test_what_the_offset_of_the_cosine_schedule_does() -> None:
    said = computed()[2]
    assert said["first_without"] == pytest.approx(1e6 * (1 - _cosine(1000, 1, 0)))
    assert said["first_with"] == pytest.approx(1e6 * (1 - _cosine(1000, 1)))
    assert said["first_wide"] == pytest.approx(1e6 * (1 - _cosine(1000, 1, 0.05)))
    assert _cosine(1000, 999) < _cosine(1000, 999, 0), "and near t = T it keeps nothing from getting small"


def test_what_could_be_underneath() -> None:
    said = computed()[3]
    data = to_unit(load("digits").training.images)
    recipe = Recipe(model="ideal:digits", sampler="ddim", steps=20, labels=(), seeds=tuple(range(16)))
    first = next(recipe.frames(open_model("ideal:digits")))
    assert first.t == 1000
    assert float((first.x0 - data.mean(0)).abs().max()) < 0.01, "the prediction from pure noise is the mean of the data"
    assert said["images"] == len(data)
    assert 2 > said["effective_700"] > 1
    assert said["images"] / 100 > said["effective_900"] > 10
    assert said["signal"] ** 2 == pytest.approx(_cosine(1000, 500)) == pytest.approx(1 - said["sigma"] ** 2)
    for name, t in (("error_900", 900), ("error_50", 50)):
        assert said[name] == pytest.approx(0.1 * math.sqrt(1 / _linear(1000, t) - 1))
    assert said["error_900"] / 2 == pytest.approx(3, abs=0.1), "three times the range"


def test_one_step_back() -> None:
    """The weights by eq. 7 of Ho et al. 2020 and eq. 12 of Song et al. 2021, from t to s = t − 20."""
    said = computed()[4]
    for step, t in ((25, 500), (45, 100)):
        a_t, a_s = _cosine(1000, t), _cosine(1000, t - 20)
        beta = 1 - a_t / a_s
        assert said[f"x0_{step}"] == pytest.approx(math.sqrt(a_s) * beta / (1 - a_t))
        assert said[f"x_{step}"] == pytest.approx(math.sqrt(1 - beta) * (1 - a_s) / (1 - a_t))
        assert said[f"noise_{step}"] == pytest.approx(math.sqrt((1 - a_s) / (1 - a_t) * beta))
    assert said["x_25"] > said["noise_25"] > said["x0_25"], "the order that the lesson calls right"
    a_t, a_s = _cosine(1000, 500), _cosine(1000, 480)
    keeps = math.sqrt((1 - a_s) / (1 - a_t))
    assert said["ddim_x_25"] == pytest.approx(keeps)
    assert said["ddim_x0_25"] == pytest.approx(math.sqrt(a_s) - keeps * math.sqrt(a_t))
    assert said["ddim_x_25"] > said["x_25"], "DDPM's mean is another one"
    schedule = open_model("digits").schedule
    assert (schedule.name, schedule.T) == ("cosine", 1000), "of the network in the Microscope"


def test_the_right_variance_of_one_image_and_of_a_normal_distribution() -> None:
    """Of x_s given x_t: β̃ if x_0 is one image, β if it is N(0, 1), by the variances and covariance of x_s and x_t."""
    a_t, a_s = _cosine(1000, 500), _cosine(1000, 480)
    beta, small = 1 - a_t / a_s, (1 - a_s) / (1 - a_t) * (1 - a_t / a_s)
    for of_data, right in ((0.0, small), (1.0, beta)):
        var_s, var_t = a_s * of_data + 1 - a_s, a_t * of_data + 1 - a_t
        covariance = math.sqrt(1 - beta) * var_s
        assert var_s - covariance**2 / var_t == pytest.approx(right)


def test_how_many_steps() -> None:
    said = computed()[5]
    assert said["paper_ddim"] < said["paper_small"] < said["paper_large"]
    table = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for row, name in (("eta 0", "paper_ddim"), ("eta 1", "paper_small"), ("DDPM, larger variance", "paper_large")):
        assert f"| {row} | {said[name]:.2f} |" in table
    for row, name in (("eta 0", "ours_ddim"), ("eta 1", "ours_small")):
        assert f"| {row} | {said[name]:.2f} ± {said[f'{name}_error']:.2f} |" in table
    assert f"| DDPM, larger variance | {said['ours_large']:.2f} ±" in table
    apart = abs(said["ours_ddim"] - said["ours_small"])
    assert apart < 2 * math.hypot(said["ours_ddim_error"], said["ours_small_error"]), "they cannot be told apart"
    assert said["ours_large"] > 10 * said["ours_ddim"]


def test_ddpm_with_the_small_variance_has_the_steps_of_ddim_with_eta_1() -> None:
    """So the row "eta 1" is DDPM with β̃."""
    table, x = open_model("digits").schedule, torch.linspace(-2, 2, 9, dtype=torch.float64)[:, None]
    now, to = table.level(500), table.level(400)
    known = prediction_from_x0(x / 3, x, now)
    steps = [one.step(lambda *_: known, x, now, to, lambda: x**2)[0] for one in (DDIM(1), Ancestral("small"))]
    torch.testing.assert_close(*steps)


def test_the_starting_noise_decides_the_image_of_ddim_and_not_that_of_ddpm() -> None:
    said = computed()[5]
    assert said["ddim_apart"] < 0.25 * said["unrelated"]
    assert said["ddpm_apart"] > 0.75 * said["unrelated"]
    assert 10 < said["heun_10"] <= 20


def test_guidance_and_its_price() -> None:
    said = computed()[6]
    table = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    for scale in (1, 8):
        row = f"| {scale} | {said[f'accuracy_{scale}']:.1f}% ["
        assert row in table
        assert f"{said[f'recall_{scale}'] / 100:.3f} ±" in table.split(row)[1].splitlines()[0]
    assert said["w"] == 3 - 1, "facts of the report: w is s − 1"
    assert said["guided"] == pytest.approx((1 + said["w"]) * 0.5 - said["w"] * 0.2)
    assert said["twice"] == 2 * 20


def test_teach_one() -> None:
    said = computed()[7]
    images = to_unit(load("digits").training.images)
    assert said["nothing"] == pytest.approx(1), "the variance of N(0, 1)"
    assert said["nothing_x0"] == pytest.approx(float(images.square().mean()), rel=1e-4)
    assert 0 < said["floor"] < 0.01
    assert said["averaged"] == pytest.approx(sum(0.99**k for k in range(10_000)))


def test_what_a_picture_costs() -> None:
    said = computed()[8]
    assert said["clean"] > 50 > said["noisy"], "most of the bits are those of the first few of 1000 terms"
    assert said["difference"] == pytest.approx(said["linear"] - said["cosine"])
    assert said["difference"] > 4 * said["difference_error"], "cosine is cheaper here"
    assert said["vae"] < said["total"]
    assert 2 ** said["stored"] == 16
    whole = (ROOT / "docs" / "results.md").read_text(encoding="utf-8")
    assert "| digits | 1.673 ±" in whole, "the same order of size on all held-out digits"
    assert said["cosine"] == pytest.approx(1.673, abs=0.2)
