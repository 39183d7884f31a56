"""Diversity within a class, and how sure it is."""

from __future__ import annotations

import math

import pytest
import torch

from engine.evaluation.metrics import diversity


def draws(seed: int, seeds: int = 8, classes: int = 3, width: int = 4) -> torch.Tensor:
    return torch.randn(seeds, classes, width, generator=torch.Generator().manual_seed(seed))


def test_it_is_the_mean_over_all_pairs_of_a_class() -> None:
    x = draws(0)
    pairs = [float((x[i, c] - x[j, c]).norm()) for c in range(3) for i in range(8) for j in range(i)]
    assert diversity(x).value == pytest.approx(sum(pairs) / len(pairs), rel=1e-6)


def test_classes_that_lie_apart_are_not_variety() -> None:
    x = draws(1)
    far = x + 1000 * torch.arange(3.0)[None, :, None]
    assert diversity(far).value == pytest.approx(diversity(x).value, rel=1e-3)
    assert diversity(torch.zeros(4, 3, 2)).value == 0


def test_it_does_not_depend_on_how_many_there_are() -> None:
    # Of two points of N(0, I) in 4 dimensions the mean distance is 2 Γ(5/2) / Γ(2).
    expected = 2 * math.gamma(2.5) / math.gamma(2)
    for seeds in (3, 12):
        found = torch.tensor([diversity(draws(k, seeds)).value for k in range(150)])
        assert float(found.mean()) == pytest.approx(expected, abs=4 * float(found.std()) / 150**0.5)


@pytest.mark.parametrize("shared", [False, True], ids=["independent", "classes share their noise"])
def test_its_error_is_as_large_as_it_says(shared: bool) -> None:
    found = []
    for k in range(300):
        x = draws(k, 8)
        if shared:
            x = x[:, :1].expand(-1, 3, -1) + 0.1 * x
        found.append(diversity(x))
    spread = float(torch.tensor([one.value for one in found]).var())
    said = float(torch.tensor([one.standard_error**2 for one in found]).mean())
    assert 0.75 < said / spread < 1.6  # a jackknife errs on the careful side (Efron & Stein 1981)


@pytest.mark.parametrize("shape", [(2, 3, 4), (8, 3), (8,)])
def test_too_few_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="three pictures"):
        diversity(torch.zeros(shape))
