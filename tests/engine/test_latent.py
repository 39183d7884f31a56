"""The bound of one latent layer against closed forms, and the VAE that the loop trains."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import MultivariateNormal, Normal, kl_divergence

from engine.data.catalogue import load
from engine.data.pixels import to_unit
from engine.latent import DiagonalGaussian, kl_to_prior, latent_bound
from engine.likelihood import DENSITY
from engine.models import vae
from engine.models.vae import VAE, TrainedVAE, VAEConfig
from engine.sampling import SeededNoise
from engine.storage.checked_files import CheckpointError
from engine.training import loop
from engine.training.batch import draw
from engine.training.config import TrainConfig
from engine.training.held_out import HeldOutLoss

from runs_to_try import DATA, config_of

SIGMA = 0.3


@dataclass(frozen=True)
class Linear:
    """x = W z + mean + σ ε with z of N(0, I): Gaussian data whose entropy is known, and whose exact posterior too.

    W has orthogonal columns, so that the exact posterior has a variance for each number of z alone, as a VAE's has.
    """

    weight: Tensor
    mean: Tensor
    off: float = 0.0
    """The posterior's mean is off by this much."""

    @classmethod
    def of(cls, seed: int, numbers: int = 6, latent: int = 3) -> Linear:
        generator = torch.Generator().manual_seed(seed)
        columns = torch.linalg.qr(torch.randn(numbers, latent, generator=generator, dtype=torch.float64)).Q
        return cls(
            columns * torch.tensor([2.0, 1.0, 0.4], dtype=torch.float64),
            torch.randn(numbers, generator=generator).double(),
        )

    @property
    def law(self) -> MultivariateNormal:
        numbers = len(self.mean)
        return MultivariateNormal(self.mean, self.weight @ self.weight.T + SIGMA**2 * torch.eye(numbers).double())

    def encode(self, x: Tensor) -> DiagonalGaussian:
        precision = self.weight.square().sum(0) / SIGMA**2 + 1
        mean = ((x - self.mean) @ self.weight) / SIGMA**2 / precision + self.off
        return DiagonalGaussian(mean, -precision.log().expand_as(mean))

    def decode(self, z: Tensor) -> DiagonalGaussian:
        mean = z @ self.weight.T + self.mean
        return DiagonalGaussian(mean, torch.full_like(mean, 2 * math.log(SIGMA)))


def drawn(law: MultivariateNormal, count: int, seed: int) -> Tensor:
    noise = torch.randn(count, law.mean.numel(), generator=torch.Generator().manual_seed(seed)).double()
    return law.mean + noise @ law.scale_tril.T


def test_the_bound_reaches_log_p_of_every_point_where_the_posterior_is_exact() -> None:
    """With the exact posterior −log p(x | z) + log q(z | x) − log p(z) is −log p(x) for every z: so is its mean over z."""
    model = Linear.of(0)
    x = drawn(model.law, 20, 1)
    total = torch.zeros(20, dtype=torch.float64)
    # Antithetic draws of z: what is linear in the noise cancels, and the square is exact for noise of ±1.
    signs = torch.cartesian_prod(*[torch.tensor([-1.0, 1.0]).double()] * 3)
    for noise in signs:
        total += latent_bound(model, x, noise.expand(20, 3), DENSITY).total / len(signs)
    torch.testing.assert_close(total, -model.law.log_prob(x))


@pytest.mark.parametrize("off", [0.2, -0.5])
def test_the_bound_lies_above_the_entropy_by_the_kl_of_the_posteriors(off: float) -> None:
    exact = Linear.of(3)
    wrong = replace(exact, off=off)
    x = drawn(exact.law, 4000, 4)
    noise = torch.randn(4000, 3, generator=torch.Generator().manual_seed(5)).double()
    bound = latent_bound(wrong, x, noise, DENSITY).total
    error = float(bound.std() / math.sqrt(len(bound)))
    precision = exact.weight.square().sum(0) / SIGMA**2 + 1
    gap = float(0.5 * (off**2 * precision).sum())
    assert gap > 10 * error
    assert float(bound.mean()) == pytest.approx(float(exact.law.entropy()) + gap, abs=4 * error)


@settings(deadline=None, max_examples=30)
@given(st.floats(-3, 3), st.floats(-8, 4))
def test_the_kl_is_that_of_torch_distributions(mean: float, log_variance: float) -> None:
    posterior = DiagonalGaussian(torch.tensor([[mean, -mean]]).double(), torch.tensor([[log_variance, 0.0]]).double())
    normal = Normal(posterior.mean, (posterior.log_variance / 2).exp())
    wanted = kl_divergence(normal, Normal(torch.zeros(1, 2).double(), 1.0)).sum(1)
    torch.testing.assert_close(kl_to_prior(posterior), wanted)


def test_the_kl_is_the_mean_of_log_q_minus_log_p_over_draws() -> None:
    posterior = DiagonalGaussian(torch.tensor([[0.7, -1.2]]).double(), torch.tensor([[-1.0, 0.5]]).double())
    z = posterior.sample(torch.randn(200_000, 2, generator=torch.Generator().manual_seed(0)).double())
    ratio = Normal(posterior.mean, (posterior.log_variance / 2).exp()).log_prob(z) - Normal(0.0, 1.0).log_prob(z)
    values = ratio.sum(1)
    assert float(kl_to_prior(posterior)) == pytest.approx(
        float(values.mean()), abs=4 * float(values.std()) / 200_000**0.5
    )


@pytest.mark.parametrize(
    ("size", "channels", "widths"), [(28, 1, (16, 32, 48)), (13, 3, (8, 16, 24, 32)), (4, 1, (8,))]
)
def test_what_comes_back_has_the_shape_of_the_picture(size: int, channels: int, widths: tuple[int, ...]) -> None:
    net = VAE(VAEConfig(size=size, channels=channels, latent=5, widths=widths))
    x = torch.rand(3, channels, size, size) * 2 - 1
    posterior, pixels = net(x, torch.randn(3, 5))
    assert posterior.mean.shape == posterior.log_variance.shape == (3, 5)
    assert pixels.mean.shape == pixels.log_variance.shape == x.shape


def test_gradients_stay_finite_however_wrong_it_is() -> None:
    net = VAE(VAEConfig(size=8, channels=1, latent=2, widths=(8, 8)))
    with torch.no_grad():
        net.conv_out.weight.mul_(1000)
    x = (torch.randint(0, 256, (16, 1, 8, 8), generator=torch.Generator().manual_seed(0)) / 127.5 - 1).float()
    bound = latent_bound(net, x, torch.randn(16, 2)).total.mean()
    bound.backward()
    assert bound.isfinite()
    assert all(bool(weight.grad.isfinite().all()) for weight in net.parameters() if weight.grad is not None)


# --- trained by the loop ----------------------------------------------------------------------------------------------

CONFIG = config_of(task="vae", latent=4, steps=60, batch=16, learning_rate=3e-3, report_every=10)


def test_the_loop_lowers_its_bound_on_pictures_it_has_not_seen() -> None:
    seen, unseen = DATA.only(np.arange(len(DATA)) < 48), DATA.only(np.arange(len(DATA)) >= 48)
    state, measure = loop.begin(CONFIG, seen), HeldOutLoss(CONFIG, unseen)
    before = measure(state.averaged())
    losses = [report.loss for report in loop.train(CONFIG, seen, state)]
    entropy = math.log2(40) + 1 / 64  # of each number, 40 levels alike; and one bit a picture says which side is bright
    after = measure(state.averaged())
    assert entropy < after < entropy + 1.0 < before
    assert losses[-1] < losses[0]


def test_the_same_config_gives_the_same_weights_and_an_interruption_changes_nothing() -> None:
    whole, halted = loop.begin(CONFIG, DATA), loop.begin(CONFIG, DATA)
    for _ in loop.train(CONFIG, DATA, whole):
        pass
    next(iter(loop.train(CONFIG, DATA, halted)))
    for _ in loop.train(CONFIG, DATA, halted):
        pass
    for name, weight in whole.average.items():
        torch.testing.assert_close(halted.average[name], weight, rtol=0, atol=0)


def test_the_loss_is_the_bound_in_bits_per_dimension() -> None:
    one = CONFIG.model_copy(update={"steps": 1, "batch": 4, "report_every": 1})
    state = loop.begin(one, DATA)
    model = state.averaged()
    batch = draw(one, len(DATA), 0, None)
    x0 = to_unit(DATA.images)[batch.chosen]
    noise = SeededNoise(batch.seeds.tolist(), x0.shape[1:], x0.device)().flatten(1)[:, :4]
    assert isinstance(model, TrainedVAE)
    with torch.no_grad():
        bound = latent_bound(model.net, x0, noise)
    report = next(iter(loop.train(one, DATA, state)))
    assert report.loss == pytest.approx(float(bound.total.mean()) / (x0[0].numel() * math.log(2)), rel=1e-4)


def test_the_one_that_ships_opens_and_costs_what_its_card_says() -> None:
    trained = vae.load("digits-vae")
    config = TrainConfig.model_validate(trained.card.training)
    held_out = HeldOutLoss(config, load("digits").held_out_part)(trained)
    assert (
        1.3 < held_out < 1.7
    )  # bits per dimension; eight would be a picture stored as it is, and the mean picture costs 3
    assert trained.shape == (1, 28, 28)


def test_what_is_no_vae_is_refused_in_a_sentence(tmp_path: Path) -> None:
    for name in ("digits", "digits-noisy-classifier"):
        with pytest.raises(CheckpointError, match="is no VAE"):
            vae.load(vae.VAES["digits-vae"].parent / name)
    with pytest.raises(CheckpointError):
        vae.load(tmp_path)
    with pytest.raises(ValueError, match="multiples of 8"):
        VAEConfig(size=28, channels=1, widths=(12,))
