"""What training minimises: the papers' weightings, the hybrid loss, and where t is drawn."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
import torch
from torch import Tensor

from engine.data.pixels import to_unit
from engine.denoiser import NetDenoiser
from engine.interop import pretrained
from engine.likelihood import bound_term
from engine.process import TARGETS, Prediction, Target, diffuse, posterior
from engine.runs.folder import RunFolder
from engine.runs.record import RunRecord, new_id
from engine.sampling import SeededNoise
from engine.schedule import SCHEDULES, NoiseSchedule
from engine.training import resume
from engine.training.batch import draw
from engine.training.bayes_optimal import bayes_optimal_loss
from engine.training.config import TrainConfig
from engine.training.importance import LOSSES_PER_T, LossHistory
from engine.training.loop import train
from engine.training.objective import DenoisingLoss, Noised, weights, x0_error_ratio
from engine.training.report import Report
from engine.training.state import TrainState, begin

from runs_to_try import DATA, config_of, same, weights_of

SCHEDULE = NoiseSchedule.cosine(100)
SNR = (SCHEDULE.alpha_bar / (1 - SCHEDULE.alpha_bar))[1:]


def _batch(state: TrainState, t: Tensor, seed: int = 0) -> Noised:
    generator = torch.Generator().manual_seed(seed)
    x0 = to_unit(DATA.images)[: len(t)]
    noise, level = torch.randn(x0.shape, generator=generator), state.denoiser.schedule.level(t)
    return Noised(x0, torch.tensor(DATA.labels)[: len(t)], noise, t, level, diffuse(x0, level, noise))


# --- weights ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("target", list(TARGETS))
@pytest.mark.parametrize("schedule", list(SCHEDULES))
def test_errors_of_the_output_are_errors_of_x0_as_said(target: str, schedule: str) -> None:
    """Whatever the output, ‖x̂0 − x_0‖² is `x0_error_ratio` times ‖output − target‖²."""
    generator = torch.Generator().manual_seed(0)
    table, T = SCHEDULES[schedule](50), TARGETS[target]
    x0, noise, output = torch.randn((3, 40, 2, 2), generator=generator, dtype=torch.float64)
    t = torch.arange(1, 41)
    level = table.level(t)
    of_x0 = (T.read(output, diffuse(x0, level, noise), level).x0 - x0).square().flatten(1).sum(1)
    of_output = (output - T.of(x0, noise, level)).square().flatten(1).sum(1)
    factor = x0_error_ratio(T, (table.alpha_bar / (1 - table.alpha_bar))[t])
    assert torch.allclose(of_x0, factor * of_output, rtol=1e-6)


def _like(found: Tensor, expected: Tensor) -> None:
    """Equal up to a factor that makes the mean over t = 1 … T one."""
    assert found.shape == (SCHEDULE.T + 1,)
    assert found[0] == 0
    assert float(found[1:].mean()) == pytest.approx(1, abs=1e-12)
    assert torch.allclose(found[1:], expected / expected.mean(), rtol=1e-9)


@pytest.mark.parametrize("target", list(TARGETS))
def test_plain_weights_leave_the_targets_own_error_alone(target: str) -> None:
    assert torch.allclose(weights("plain", SCHEDULE, TARGETS[target])[1:], torch.ones(100, dtype=torch.float64))


def test_min_snr_weights_are_those_of_the_paper() -> None:
    """Hang et al. 2023, section 3.4 with γ = 5: min(SNR, γ) for x_0, min(SNR, γ) / SNR for ε, min(SNR, γ) / (SNR + 1) for v."""
    low = SNR.clamp(max=5)
    _like(weights("min-snr", SCHEDULE, TARGETS["clean"]), low)
    _like(weights("min-snr", SCHEDULE, TARGETS["noise"]), low / SNR)
    _like(weights("min-snr", SCHEDULE, TARGETS["velocity"]), low / (SNR + 1))


def test_bound_weights_are_those_of_the_paper() -> None:
    """Ho et al. 2020, eq. 12 with σ² = β: β² / 2σ²α(1 − ᾱ) for ε; and eqs. 7 and 8 for x_0."""
    beta, alpha, a = SCHEDULE.beta[1:], SCHEDULE.alpha[1:], SCHEDULE.alpha_bar
    _like(weights("bound", SCHEDULE, TARGETS["noise"]), beta**2 / (2 * beta * alpha * (1 - a[1:])))
    mean_weight = a[:-1].sqrt() * beta / (1 - a[1:])
    _like(weights("bound", SCHEDULE, TARGETS["clean"]), mean_weight**2 / (2 * beta))
    assert torch.isfinite(weights("bound", SCHEDULE, TARGETS["velocity"])).all()


@pytest.mark.parametrize("target", list(TARGETS))
def test_the_bounds_weights_make_the_bounds_terms(target: str) -> None:
    """A wrong output at t = 2 … T: L_{t−1} with σ² = β, by the bound itself, goes up by weight × error, times one number."""
    generator = torch.Generator().manual_seed(1)
    x0, noise, output = torch.randn((3, 99, 1, 4, 4), generator=generator, dtype=torch.float64)
    t = torch.arange(2, 101)
    level, of = SCHEDULE.level(t), TARGETS[target]
    x_t, wanted = diffuse(x0, level, noise), of.of(x0, noise, level)
    output = wanted + 0.1 * output
    wrong = bound_term(of.read(output, x_t, level), x0, x_t, SCHEDULE, t, "large")
    right = bound_term(Prediction(x0, noise), x0, x_t, SCHEDULE, t, "large")
    per_error = (wrong - right) / (output - wanted).square().flatten(1).sum(1)
    weight = weights("bound", SCHEDULE, of)[2:]
    assert torch.allclose(per_error / per_error[0], weight / weight[0], rtol=1e-6)


@pytest.mark.parametrize("weighting", ["min-snr", "bound"])
def test_the_floor_is_weighted_as_the_loss_is(weighting: str) -> None:
    clean, weight = TARGETS["clean"], weights(weighting, SCHEDULE, TARGETS["clean"])[1:]
    plain = bayes_optimal_loss(DATA, SCHEDULE, clean)
    weighted = bayes_optimal_loss(DATA, SCHEDULE, clean, weighting)
    for low, high, a, b in zip(
        weight.reshape(10, 10).amin(1), weight.reshape(10, 10).amax(1), plain.loss_by_level, weighted.loss_by_level,
        strict=True,
    ):  # fmt: skip
        assert float(low) * a * 0.999 - 1e-12 <= b <= float(high) * a * 1.001 + 1e-12


@pytest.mark.parametrize("weighting", ["min-snr", "bound"])
def test_a_weighted_loss_trains_a_tiny_network(weighting: str) -> None:
    config = config_of(weighting=weighting, target="velocity", steps=120, batch=16, report_every=30, learning_rate=3e-3)
    reports = list(train(config, DATA, begin(config, DATA)))
    assert reports[-1].loss < 0.8 * reports[0].loss
    assert all(report.bound is None for report in reports)


# --- zero terminal SNR ------------------------------------------------------------------------------------------------


def test_zero_terminal_snr_is_refused_where_the_noise_is_predicted() -> None:
    with pytest.raises(ValueError, match="knowing the noise says nothing"):
        TrainConfig(target="noise", zero_terminal_snr=True)
    TrainConfig(target="noise", zero_terminal_snr=True, task="classifier")


@pytest.mark.parametrize("target", ["clean", "velocity"])
@pytest.mark.parametrize("weighting", ["plain", "min-snr", "bound"])
def test_zero_terminal_snr_is_trained_on(target: str, weighting: str) -> None:
    config = config_of(
        target=target, zero_terminal_snr=True, weighting=weighting, T=10, batch=64, learned_variance=True
    )
    state = begin(config, DATA)
    assert state.denoiser.schedule.terminal_snr == 0
    timesteps: list[Tensor] = []
    state.net.register_forward_pre_hook(lambda module, args: timesteps.append(args[1]))
    reports = list(train(config, DATA, state))
    assert int(torch.cat(timesteps).round().max()) == 9
    assert all(math.isfinite(report.loss) and math.isfinite(report.bound or 0) for report in reports)


# --- the hybrid loss --------------------------------------------------------------------------------------------------


def _hybrid(**changed: object) -> tuple[TrainState, DenoisingLoss, Noised]:
    config = config_of(learned_variance=True, T=50, **changed)
    state = begin(config, DATA)
    objective = DenoisingLoss(
        state.denoiser, weights(config.weighting, state.denoiser.schedule, state.denoiser.target), config.vlb_weight
    )
    return state, objective, _batch(state, torch.tensor([1, 2, 10, 30, 49, 50]))


@pytest.mark.parametrize("target", list(TARGETS))
def test_the_bound_teaches_the_variance_and_nothing_else(target: str) -> None:
    """Nichol & Dhariwal 2021, section 3.1: no gradient of L_vlb reaches the mean."""
    state, objective, batch = _hybrid(target=target)
    outputs: list[Tensor] = []

    def keep(module: object, args: object, output: Tensor) -> None:
        output.retain_grad()
        outputs.append(output)

    state.net.conv_out.register_forward_hook(keep)  # type: ignore[union-attr, operator]
    losses = objective(batch)
    assert losses.bound is not None
    losses.bound.sum().backward()
    (output,) = outputs
    assert output.shape[1] == 2
    assert output.grad is not None
    assert bool((output.grad[:, :1] == 0).all())
    assert bool((output.grad[:, 1:] != 0).all())
    # And the squared error teaches the mean alone.
    outputs.clear()
    objective(batch).reported.sum().backward()
    assert outputs[0].grad is not None
    assert bool((outputs[0].grad[:, :1] != 0).any())
    assert bool((outputs[0].grad[:, 1:] == 0).all())


def test_the_bound_is_the_whole_sum_in_bits_per_dimension() -> None:
    """T · L_t: its mean over all t is Σ L_t, as `bound_term` has it, per number and in bits."""
    state, objective, _ = _hybrid()
    schedule = state.denoiser.schedule
    batch = _batch(state, torch.arange(1, 51))
    losses = objective(batch)
    assert losses.bound is not None
    prediction = state.denoiser(batch.x_t, batch.level, batch.label)
    nats = bound_term(prediction, batch.x0, batch.x_t, schedule, batch.t, "learned")
    assert losses.bound.mean().item() == pytest.approx(nats.sum().item() / (64 * math.log(2)), rel=1e-6)
    assert torch.allclose(losses.total, losses.reported + 0.001 * losses.bound)


def test_lambda_and_learning_the_variance_leave_the_error_alone() -> None:
    _, plain, batch = _hybrid(vlb_weight=0.0)
    _, heavy, _ = _hybrid(vlb_weight=1.0)
    assert torch.allclose(plain(batch).total, plain(batch).reported.double())
    assert torch.equal(plain(batch).reported, heavy(batch).reported)


def test_the_learned_variance_learns() -> None:
    """With a mean that stays as it is, the bound falls: after a while it is below that of either fixed variance."""
    config = config_of(
        learned_variance=True, vlb_weight=1.0, steps=60, batch=16, T=10, learning_rate=1e-2, report_every=20, warmup=5
    )
    state = begin(config, DATA)
    reports = list(train(config, DATA, state))
    bounds = [report.bound for report in reports]
    assert bounds[-1] is not None
    assert bounds[0] is not None
    assert bounds[-1] < bounds[0]
    denoiser, total = state.averaged(), dict.fromkeys(("learned", "small", "large"), 0.0)
    assert isinstance(denoiser, NetDenoiser)
    assert denoiser.learned_variance
    for seed in range(5):
        batch = _batch(state, 1 + torch.arange(60) % 10, seed)
        prediction = denoiser(batch.x_t, batch.level, batch.label)
        for variance in total:
            terms = bound_term(prediction, batch.x0, batch.x_t, denoiser.schedule, batch.t, variance)  # type: ignore[arg-type]
            total[variance] += float(terms.sum())
    assert total["learned"] < min(total["small"], total["large"])


def test_a_saved_network_with_a_learned_variance_opens_as_one(tmp_path: Path) -> None:
    config = config_of(learned_variance=True, target="velocity", zero_terminal_snr=True, steps=2)
    state = begin(config, DATA)
    list(train(config, DATA, state))
    folder = RunFolder(tmp_path, new_id())
    folder.write_record(RunRecord(config=config))
    folder.write_state(DATA, config, state)
    opened, kept = pretrained.load(folder.checkpoint).denoiser, state.averaged()
    assert isinstance(kept, NetDenoiser)
    assert opened.learned_variance
    assert opened.schedule.terminal_snr == 0
    batch = _batch(state, torch.tensor([1, 25, 50]))
    expected, found = (one(batch.x_t, batch.level, batch.label) for one in (kept, opened))
    for name in ("x0", "noise", "variance_mix"):
        assert torch.allclose(getattr(expected, name), getattr(found, name), atol=1e-5)


# --- importance sampling ----------------------------------------------------------------------------------------------


def _warm(T: int = 12) -> LossHistory:
    history, generator = LossHistory(T), torch.Generator().manual_seed(0)
    for _ in range(LOSSES_PER_T + 3):
        history.add(torch.arange(1, T + 1), torch.rand(T, generator=generator) * torch.arange(1, T + 1))
    return history


def test_t_is_drawn_evenly_until_every_t_has_enough_losses() -> None:
    history = LossHistory(5)
    for k in range(LOSSES_PER_T):
        assert not history.is_warm
        assert history.probabilities().tolist() == [0.2] * 5
        history.add(torch.tensor([1, 2, 3, 4]), torch.tensor([1.0, 2.0, 3.0, 4.0]))
        assert torch.equal(history.draw(7, torch.Generator().manual_seed(k))[1], torch.ones(7, dtype=torch.float64))
    assert not history.is_warm
    for _ in range(LOSSES_PER_T):
        history.add(torch.tensor([5]), torch.tensor([5.0]))
    assert history.is_warm
    assert history.probabilities().tolist() == pytest.approx([k / 15 for k in range(1, 6)], abs=1e-3)


def test_probabilities_are_those_of_the_paper() -> None:
    """Eq. 18: p_t ∝ √E[L_t²] over the last ten losses of each t; older ones are forgotten."""
    history = LossHistory(3)
    losses_by_t = torch.tensor([[9.0, 9.0, 9.0]] * 4 + [[1.0, 2.0, 0.0], [3.0, 2.0, 0.5]] * 5)
    for row in losses_by_t:
        history.add(torch.tensor([1, 2, 3]), row)
    expected = losses_by_t[4:].square().mean(0).sqrt()
    assert torch.allclose(history.probabilities(), (expected / expected.sum()).double(), atol=1e-3)


def test_importance_sampling_leaves_the_expected_loss_as_it_is() -> None:
    """Σ p_t · w_t · L_t is the plain mean of L_t, by enumeration of every t."""
    history, T = _warm(), 12
    p = history.probabilities()
    assert float(p.sum()) == pytest.approx(1, abs=1e-12)
    t, weight = history.draw(20_000, torch.Generator().manual_seed(1))
    of_t = torch.zeros(T, dtype=torch.float64)
    of_t[t - 1] = weight
    assert (of_t > 0).all()
    losses = torch.rand(T, dtype=torch.float64)
    assert float((p * of_t * losses).sum()) == pytest.approx(float(losses.mean()), rel=1e-12)
    drawn = torch.bincount(t - 1, minlength=T).double() / len(t)
    assert (drawn - p).abs().max() < 4 * (0.25 / 20_000) ** 0.5
    # What it is for: the same mean with less chance, where the losses are like those that it knows.
    known = history.losses.square().mean(1).sqrt()
    assert float((known[t - 1] * weight).std()) < 0.1 * float(known.std())


def test_a_run_draws_by_importance_and_reports_what_even_draws_would() -> None:
    config = config_of(T=10, importance=True, steps=24, batch=24, report_every=24, learning_rate=1e-7, warmup=0)
    state = begin(config, DATA)
    (report,) = train(config, DATA, state)
    assert state.history is not None
    assert state.history.is_warm
    even = config.model_copy(update={"importance": False})
    (expected,) = train(even, DATA, begin(even, DATA))
    assert report.loss == pytest.approx(expected.loss, rel=0.1)


def test_what_is_drawn_often_counts_less_in_the_gradient(monkeypatch: pytest.MonkeyPatch) -> None:
    norms, losses = [], []
    config = config_of(importance=True, steps=1, report_every=1, batch=16, clip_norm=1000)
    for counts in (1.0, 0.25):

        def draw(self: object, count: int, generator: torch.Generator, counts: float = counts) -> tuple[Tensor, Tensor]:
            return torch.arange(1, count + 1), torch.full((count,), counts, dtype=torch.float64)

        monkeypatch.setattr(LossHistory, "draw", draw)
        (report,) = train(config, DATA, begin(config, DATA))
        norms.append(report.gradient_norm)
        losses.append(report.loss)
    assert norms[1] == pytest.approx(0.25 * norms[0], rel=1e-4)
    assert losses[1] == pytest.approx(losses[0])  # a report is about the pictures, however they were drawn


def test_resumed_with_importance_and_learned_variance_bit_for_bit(tmp_path: Path) -> None:
    config = config_of(T=10, importance=True, learned_variance=True, batch=32, steps=12, report_every=4)
    whole = begin(config, DATA)
    expected = [(r.step, r.loss, r.bound) for r in train(config, DATA, whole)]
    first, got = begin(config, DATA), []
    for r in train(config, DATA, first):
        got.append((r.step, r.loss, r.bound))
        if r.step == 8:
            break
    assert first.history is not None
    assert first.history.is_warm
    resume.save(tmp_path, first)
    second = begin(config, DATA)
    resume.load(tmp_path, second)
    got += [(r.step, r.loss, r.bound) for r in train(config, DATA, second)]
    assert got == expected
    assert same(weights_of(second), weights_of(whole))
    # A state without those losses is not one of this run.
    other = begin(config.model_copy(update={"importance": False}), DATA)
    resume.save(tmp_path, other)
    with pytest.raises(resume.ResumeError):
        resume.load(tmp_path, begin(config, DATA))


@pytest.mark.parametrize(
    ("losses", "counts"),
    [
        (torch.zeros(5, LOSSES_PER_T), torch.zeros(4)),
        (torch.zeros(LOSSES_PER_T), torch.zeros(5)),
        (torch.full((5, LOSSES_PER_T), math.nan), torch.zeros(5)),
        (torch.zeros(5, LOSSES_PER_T), torch.full((5,), -1)),
    ],
)
def test_losses_that_cannot_be_are_not_taken_over(losses: Tensor, counts: Tensor) -> None:
    with pytest.raises(ValueError, match=r"\.$"):
        LossHistory(5).restore(losses, counts)


# --- what was written before there was any of this --------------------------------------------------------------------


def test_earlier_runs_and_recipes_open(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, new_id())
    folder.write_record(RunRecord(config=TrainConfig(target="velocity")))
    file = folder.path / "run.json"
    record = json.loads(file.read_text())
    for name in ("task", "weighting", "learned_variance", "vlb_weight", "importance", "zero_terminal_snr"):
        del record["config"][name]
    file.write_text(json.dumps(record))
    found = folder.read_record()
    assert found is not None
    assert found.config == TrainConfig(target="velocity")
    line = {"step": 3, "steps": 9, "loss": 0.5, "loss_by_level": [0.5] * 10, "learning_rate": 1e-3}
    line |= {"gradient_norm": 1.0, "images_per_second": 9.0}
    (folder.path / "metrics.jsonl").write_text(json.dumps(line) + "\n")
    assert folder.read_metrics() == [] or isinstance(folder.read_metrics()[0], Report)
    assert [(r.step, r.bound) for r in folder.read_metrics()] == [(3, None)]
    for recipe in (Path(__file__).parents[3] / "assets" / "recipes").glob("*.json"):
        TrainConfig.model_validate_json(recipe.read_bytes())


def test_plain_is_what_it_was() -> None:
    """With weights as they come the loss is the mean squared error of the noise, of the very batch that was drawn."""
    config = config_of(steps=1, report_every=1, batch=16)
    state = begin(config, DATA)
    drawn = draw(config, len(DATA.images), 0, None)
    noise = SeededNoise(drawn.seeds.tolist(), (1, 8, 8))()
    label = torch.tensor(DATA.labels)[drawn.chosen].masked_fill(drawn.label_dropped, -1)
    x0, level = to_unit(DATA.images)[drawn.chosen], state.denoiser.schedule.level(drawn.t)
    error = (state.denoiser.output(diffuse(x0, level, noise), level, label) - noise).square().mean()
    (report,) = train(config, DATA, state)
    assert report.loss == pytest.approx(float(error.detach()), rel=1e-6)


def test_targets_that_are_not_known_are_refused() -> None:
    class Other:
        def of(self, x0: Tensor, noise: Tensor, level: object) -> Tensor:
            return x0

    target: Target = Other()  # type: ignore[assignment]
    with pytest.raises(ValueError, match="Other"):
        x0_error_ratio(target, torch.ones(3))


def test_the_posterior_is_the_one_that_the_weights_speak_of() -> None:
    """√ᾱ_{t−1} β_t / (1 − ᾱ_t) is how much x_0 counts in μ̃."""
    now, to = SCHEDULE.level(40), SCHEDULE.level(39)
    one, none = torch.ones(1, 1, dtype=torch.float64), torch.zeros(1, 1, dtype=torch.float64)
    counts = posterior(none, one, now, to).mean
    expected = SCHEDULE.alpha_bar[39] ** 0.5 * SCHEDULE.beta[40] / (1 - SCHEDULE.alpha_bar[40])
    assert float(counts) == pytest.approx(float(expected), rel=1e-9)
