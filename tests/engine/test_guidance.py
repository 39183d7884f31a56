"""Guidance held to closed forms: by a classifier, without one, in an interval, rescaled; and clipping by quantile."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.distributions import Categorical, Independent, MixtureSameFamily, Normal

from engine.denoiser import NO_LABEL, Clipped, QuantileClipped
from engine.guidance import ClassifierGuided, Guided
from engine.ideal import ExactClassifier, ExactDenoiser
from engine.process import Prediction
from engine.samplers import DDIM
from engine.sampling import sample
from engine.schedule import Level, NoiseSchedule

from laws import SAMPLERS, fresh, gaussian, law_of_samples, levels, walk

CENTERS = torch.tensor([[-1.5, 0.0], [1.5, 0.9], [0.9, -1.6]], dtype=torch.float64)
LABELS = torch.tensor([0, 0, 1])
SHARES = torch.tensor([0.5, 0.3, 0.2], dtype=torch.float64)
SPREAD = 0.15
MIXTURE = ExactDenoiser(CENTERS, LABELS, std=SPREAD, prior=SHARES)
CLASSIFIER = ExactClassifier(MIXTURE, 2)
SCHEDULE = NoiseSchedule.cosine(100)
DRAWS = 20_000


def _points(count: int, seed: int = 0) -> Tensor:
    return 1.5 * torch.randn(count, 2, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def _density(level: Level, label: int | None = None) -> MixtureSameFamily:
    """The law of x_t, of all classes or of one, as another library writes it."""
    of = torch.ones(3, dtype=torch.bool) if label is None else label == LABELS
    spread = math.sqrt(float(level.alpha_bar) * SPREAD**2 + float(level.variance))
    means = float(level.alpha_bar) ** 0.5 * CENTERS[of]
    return MixtureSameFamily(Categorical(SHARES[of]), Independent(Normal(means, torch.full_like(means, spread)), 1))


def _x0_from(log_density: Tensor, x: Tensor, level: Level) -> Tensor:
    """Tweedie's formula: E[x_0 | x_t] = (x_t + (1 − ᾱ) ∇ log p(x_t)) / √ᾱ."""
    (score,) = torch.autograd.grad(log_density.sum(), x)
    return (x + level.variance * score) / level.alpha_bar.sqrt()


@pytest.mark.parametrize("t", [1, 10, 50, 90, 99])
@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0, 3.0])
@pytest.mark.parametrize("label", [0, 1])
def test_guided_mixtures_are_those_of_the_closed_form(t: int, scale: float, label: int) -> None:
    """With and without a classifier: the score of p(x_t) · p(y | x_t)^s, from densities that another library computes."""
    level, x = SCHEDULE.level(t), _points(40).requires_grad_()
    everything, wanted = _density(level).log_prob(x), _density(level, label).log_prob(x)
    expected = _x0_from(everything + scale * (wanted - everything), x, level)
    x, labels = x.detach(), torch.full((40,), label)
    for guided in (Guided(MIXTURE, scale), ClassifierGuided(Guided(MIXTURE, 0), CLASSIFIER, scale)):
        got = guided(x, level, labels)
        torch.testing.assert_close(got.x0, expected, rtol=1e-6, atol=1e-6)
        signal, sigma = level.scales(x)
        torch.testing.assert_close(signal * got.x0 + sigma * got.noise, x, rtol=0, atol=1e-9)


@pytest.mark.parametrize("name", ["ddpm small", "ddim 0", "ddim 1", "heun", "dpm++2m 0", "dpm++2m 1"])
def test_an_exact_classifier_gives_the_exact_distribution_of_the_class(name: str) -> None:
    """20,000 draws from a denoiser that knows no labels: only the modes of the class, in their shares, with their spread."""
    guided = ClassifierGuided(Guided(MIXTURE, 0), CLASSIFIER, 1.0)
    generator = torch.Generator().manual_seed(1)
    label = torch.zeros(DRAWS, dtype=torch.int64)
    start = torch.randn(DRAWS, 2, generator=generator).double()
    path = list(levels(SCHEDULE, 50))
    x = walk(lambda x, level, _=None: guided(x, level, label), path, SAMPLERS[name], start, fresh(generator))
    spread = (
        law_of_samples(gaussian(0.0, SPREAD), SCHEDULE, SAMPLERS[name], 50)[1] ** 0.5
    )  # what 50 steps make of a mode
    mode = torch.cdist(x, CENTERS).argmin(1)
    assert int((mode == 2).sum()) == 0
    for k, share in ((0, 0.625), (1, 0.375)):
        assert float((mode == k).double().mean()) == pytest.approx(
            share, abs=4 * (share * (1 - share) / DRAWS) ** 0.5 + 0.005
        )
        of_mode = x[mode == k]
        torch.testing.assert_close(of_mode.mean(0), CENTERS[k], rtol=0, atol=4 * SPREAD / len(of_mode) ** 0.5 + 0.02)
        assert float(of_mode.std(0).mean()) == pytest.approx(spread, rel=0.06)


@pytest.mark.parametrize("scale", [0.5, 2.0, 5.0])
def test_guiding_between_normal_distributions_of_one_spread_moves_the_mean(scale: float) -> None:
    """N(0, s²) guided towards N(m, s²) is N(scale · m, s²) exactly, since x̂0 is linear in the mean."""
    points = ExactDenoiser(torch.tensor([[0.6]]).double(), std=0.4)

    def either(x: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        plain, wanted = gaussian(0, 0.4)(x, level), points(x, level)
        if label is None:
            return plain
        pick = (label == NO_LABEL)[:, None]
        return Prediction(torch.where(pick, plain.x0, wanted.x0), torch.where(pick, plain.noise, wanted.noise))

    generator = torch.Generator().manual_seed(3)
    label = torch.zeros(DRAWS, dtype=torch.int64)
    start = torch.randn(DRAWS, 1, generator=generator).double()
    guided = Guided(either, scale)
    x = walk(
        lambda x, level, _=None: guided(x, level, label), levels(SCHEDULE, 100), DDIM(1.0), start, fresh(generator)
    )
    end = 0.4 / DRAWS**0.5
    assert float(x.mean()) == pytest.approx(scale * 0.6, abs=4 * end + 0.002)
    assert float(x.std()) == pytest.approx(0.4, rel=0.05)


# --- with a classifier ------------------------------------------------------------------------------------------------


def test_the_exact_classifier_is_bayes_rule() -> None:
    x, level = _points(30), SCHEDULE.level(40)
    shares = CLASSIFIER(x, level).softmax(1)
    torch.testing.assert_close(shares[:, 1], MIXTURE.weights(x, level)[:, 2])
    odds = (_density(level, 1).log_prob(x) + math.log(0.2)) - (_density(level, 0).log_prob(x) + math.log(0.8))
    torch.testing.assert_close(shares[:, 1], odds.sigmoid(), rtol=1e-8, atol=1e-10)
    with pytest.raises(ValueError, match="no classes"):
        ExactClassifier(ExactDenoiser(CENTERS), 2)


def test_both_guidances_add_up() -> None:
    """Half by labels and half by the classifier is the whole."""
    x, level, label = _points(20), SCHEDULE.level(60), torch.zeros(20, dtype=torch.int64)
    both = ClassifierGuided(Guided(MIXTURE, 0.5), CLASSIFIER, 0.5)(x, level, label)
    torch.testing.assert_close(both.x0, MIXTURE(x, level, label).x0, rtol=1e-8, atol=1e-8)


def test_pictures_without_a_label_are_left_alone() -> None:
    x, level = _points(4), SCHEDULE.level(60)
    plain, guided = Guided(MIXTURE, 0), ClassifierGuided(Guided(MIXTURE, 0), CLASSIFIER, 3.0)
    label = torch.tensor([0, NO_LABEL, 1, NO_LABEL])
    got, untouched = guided(x, level, label), plain(x, level)
    assert torch.equal(got.x0[[1, 3]], untouched.x0[[1, 3]])
    assert not torch.isclose(got.x0[[0, 2]], untouched.x0[[0, 2]]).any()
    for asked in (None, torch.full((4,), NO_LABEL)):
        assert torch.equal(guided(x, level, asked).x0, untouched.x0)
    assert torch.equal(ClassifierGuided(plain, CLASSIFIER, 0.0)(x, level, label).x0, untouched.x0)


def test_each_picture_may_have_its_own_level() -> None:
    x, label = _points(3), torch.tensor([0, 1, 0])
    guided, t = ClassifierGuided(Guided(MIXTURE, 0), CLASSIFIER, 2.0), torch.tensor([5, 50, 95])
    together = guided(x, SCHEDULE.level(t), label).x0
    for k in range(3):
        alone = guided(x[k : k + 1], SCHEDULE.level(int(t[k])), label[k : k + 1]).x0
        torch.testing.assert_close(together[k : k + 1], alone)


def test_gradients_work_where_sampling_has_switched_them_off_and_leave_no_graph() -> None:
    guided = ClassifierGuided(Guided(MIXTURE, 0), CLASSIFIER, 1.0)
    label = torch.tensor([1, 1])
    for frame in sample(guided, SCHEDULE, DDIM(), shape=(2,), steps=20, seeds=(0, 1), label=label):
        assert not any(part.requires_grad for part in (frame.x, frame.x0, frame.noise))
    assert torch.equal(torch.cdist(frame.x.double(), CENTERS).argmin(1), torch.tensor([2, 2]))


def test_from_pure_noise_the_classifier_says_nothing() -> None:
    level = SCHEDULE.with_zero_terminal_snr().level(100)
    x, label = _points(5), torch.zeros(5, dtype=torch.int64)
    got = ClassifierGuided(Guided(MIXTURE, 0), CLASSIFIER, 4.0)(x, level, label)
    torch.testing.assert_close(got.x0, MIXTURE(x, level).x0)
    torch.testing.assert_close(got.noise, MIXTURE(x, level).noise)


# --- interval and rescaling -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("t", [1, 20, 50, 80, 100])
def test_guidance_works_in_its_interval_only(t: int) -> None:
    level, x, label = SCHEDULE.level(t), _points(6), torch.zeros(6, dtype=torch.int64)
    noise = float(level.variance)
    inside, plain = Guided(MIXTURE, 4.0)(x, level, label), MIXTURE(x, level, label)
    for low, high in ((0.0, 1.0), (noise, noise), (noise, 1.0), (0.0, noise)):
        assert torch.equal(Guided(MIXTURE, 4.0, (low, high))(x, level, label).x0, inside.x0)
    for low, high in ((0.0, noise * (1 - 1e-9)), (min(1.0, noise * (1 + 1e-9) + 1e-12), 1.0)):
        if low > noise or high < noise:
            assert torch.equal(Guided(MIXTURE, 4.0, (low, high))(x, level, label).x0, plain.x0)


def test_an_interval_picks_among_the_pictures_of_a_batch() -> None:
    level, x, label = SCHEDULE.level(torch.tensor([5, 50, 95])), _points(3), torch.zeros(3, dtype=torch.int64)
    got = Guided(MIXTURE, 4.0, (0.2, 0.8))(x, level, label).x0
    torch.testing.assert_close(got[[0, 2]], MIXTURE(x, level, label).x0[[0, 2]])
    torch.testing.assert_close(got[1], Guided(MIXTURE, 4.0)(x, level, label).x0[1])
    assert not torch.isclose(got[1], MIXTURE(x, level, label).x0[1]).all()


def test_rescaling_brings_the_spread_back() -> None:
    """Lin et al. 2023, eqs. 15 and 16, for each picture by itself."""
    level, label = SCHEDULE.level(50), torch.arange(8) % 3
    data = ExactDenoiser(
        torch.randn(12, 5, 5, generator=torch.Generator().manual_seed(0)).double(), torch.arange(12) % 3
    )
    x = torch.randn(8, 5, 5, generator=torch.Generator().manual_seed(1), dtype=torch.float64)

    def spread(x0: Tensor) -> Tensor:
        return x0.flatten(1).std(1, correction=0)

    plain, loose = data(x, level, label), Guided(data, 5.0)(x, level, label)
    full, half = (Guided(data, 5.0, rescale=phi)(x, level, label) for phi in (1.0, 0.5))
    torch.testing.assert_close(spread(full.x0), spread(plain.x0))
    torch.testing.assert_close(half.x0, (full.x0 + loose.x0) / 2)
    torch.testing.assert_close(full.x0 / loose.x0, (spread(plain.x0) / spread(loose.x0))[:, None, None].expand(8, 5, 5))
    signal, sigma = level.scales(x)
    torch.testing.assert_close(signal * full.x0 + sigma * full.noise, x)


@pytest.mark.parametrize("wrong", [{"interval": (0.8, 0.2)}, {"interval": (-0.1, 1.0)}, {"rescale": 1.5}])
def test_settings_that_cannot_be(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="0"):
        Guided(MIXTURE, 2.0, **wrong)  # type: ignore[arg-type]


def test_guidance_leaves_the_learned_variance_of_the_class() -> None:
    def learned(x: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        assert label is not None
        return replace(MIXTURE(x, level, label), variance_mix=label.double()[:, None].expand_as(x))

    x, level, label = _points(3), SCHEDULE.level(50), torch.tensor([0, 1, 1])
    for guided in (Guided(learned, 3.0), Guided(learned, 3.0, rescale=0.5), ClassifierGuided(learned, CLASSIFIER, 2.0)):
        mix = guided(x, level, label).variance_mix
        assert mix is not None
        assert torch.equal(mix[:, 0], label.double())
    for clipped in (Clipped(learned), QuantileClipped(learned)):
        assert clipped(x, level, label).variance_mix is not None


# --- clipping by quantile ---------------------------------------------------------------------------------------------


@settings(deadline=None, max_examples=60)
@given(st.floats(0.05, 5), st.floats(0, 1), st.integers(1, 99))
def test_clipping_by_quantile(size: float, quantile: float, t: int) -> None:
    """Saharia et al. 2022, section 2.3: nothing beyond ±1 is left; what lies within is scaled, never turned round."""
    x0 = size * torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(t), dtype=torch.float64)
    x, level = torch.randn(3, 2, 4, 4, generator=torch.Generator().manual_seed(0)).double(), SCHEDULE.level(t)
    got = QuantileClipped(lambda x, level, label=None: Prediction(x0, x), quantile)(x, level)
    assert float(got.x0.abs().max()) <= 1 + 1e-12
    for k in range(3):
        limit = max(1.0, float(torch.quantile(x0[k].abs().flatten(), quantile)))
        torch.testing.assert_close(got.x0[k], x0[k].clamp(-limit, limit) / limit)
    signal, sigma = level.scales(x)
    torch.testing.assert_close(signal * got.x0 + sigma * got.noise, x)


def test_a_quantile_lies_between_0_and_1() -> None:
    with pytest.raises(ValueError, match="between 0 and 1"):
        QuantileClipped(MIXTURE, 1.1)
