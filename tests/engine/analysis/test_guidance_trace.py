"""Guidance taken apart: the identities between its two halves, for both kinds of guidance."""

from __future__ import annotations

import math

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from engine.analysis.guidance_trace import MEASURES, GuidanceEvaluation, GuidanceTrace, angle, rms, saturation
from engine.denoiser import Clipped
from engine.guidance import ClassifierGuided, Guided
from engine.ideal import ExactClassifier, ExactDenoiser
from engine.samplers import DDIM, Ancestral, Heun, Sampler
from engine.sampling import Frame, sample
from engine.schedule import NoiseSchedule

SCHEDULE = NoiseSchedule.cosine(100)


def mixture() -> ExactDenoiser:
    points = torch.tensor([[-1.0, 0.5], [0.6, -0.4], [1.0, 1.0], [0.0, -1.2]], dtype=torch.float64)
    return ExactDenoiser(points, torch.tensor([0, 1, 0, 1]), 0.3)


def guided(kind: str, scale: float) -> Guided | ClassifierGuided:
    if kind == "label":
        return Guided(mixture(), scale)
    return ClassifierGuided(Guided(mixture(), 0.0), ExactClassifier(mixture(), 2), scale)


def looks(denoiser: GuidanceTrace, sampler: Sampler, *, clip: bool = False) -> list[tuple[Frame, GuidanceEvaluation]]:
    label = torch.tensor([0, 1, 1, 0, 0])
    asked = Clipped(denoiser) if clip else denoiser
    found = []
    for frame in sample(asked, SCHEDULE, sampler, shape=(2,), steps=12, seeds=range(5), label=label):
        seen = denoiser.pop_first()
        if seen is not None:
            found.append((frame, seen))
    return found


@pytest.mark.parametrize("kind", ["label", "classifier"])
@pytest.mark.parametrize("scale", [0.0, 0.5, 1.0, 3.0, 7.5])
def test_the_guided_estimate_is_the_plain_one_and_s_times_the_difference(kind: str, scale: float) -> None:
    found = looks(GuidanceTrace(guided(kind, scale)), Ancestral())
    assert len(found) == 12
    for frame, (halves, answer) in found:
        for of in ("noise", "x0"):
            wanted, plain, mixed = (getattr(one, of) for one in (halves.cond, halves.uncond, answer))
            torch.testing.assert_close(mixed, plain + scale * (wanted - plain), rtol=1e-4, atol=1e-4)
        torch.testing.assert_close(frame.noise, answer.noise)
        # Both halves are of this very x_t: x_t = √ᾱ x̂0 + √(1−ᾱ) ε̂.
        signal, sigma = SCHEDULE.level(frame.t).scales(frame.x)
        for half in halves:
            torch.testing.assert_close(signal * half.x0 + sigma * half.noise, frame.x, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("kind", ["label", "classifier"])
@pytest.mark.parametrize("scale", [0.0, 1.0, 3.0])
@pytest.mark.parametrize("sampler", [DDIM(), Ancestral(), Heun()], ids=["ddim", "ddpm", "heun"])
def test_looking_changes_nothing(kind: str, scale: float, sampler: Sampler) -> None:
    label = torch.tensor([0, 1, 1, 0, 0])
    plain = sample(guided(kind, scale), SCHEDULE, sampler, shape=(2,), steps=12, seeds=range(5), label=label)
    for expected, (frame, seen) in zip(plain, looks(GuidanceTrace(guided(kind, scale)), sampler), strict=False):
        torch.testing.assert_close(frame.x, expected.x, rtol=1e-4, atol=1e-4)
        # Of Heun's two looks the one at x_t is taken, which is the frame's.
        torch.testing.assert_close(seen.guided.x0, expected.x0, rtol=1e-4, atol=1e-4)


def test_at_scale_1_guidance_adds_nothing_and_at_0_the_label_is_not_heard() -> None:
    for scale, half in ((1.0, "cond"), (0.0, "uncond")):
        for _, seen in looks(GuidanceTrace(guided("label", scale)), DDIM()):
            assert float(rms(seen.guided.noise - getattr(seen.pair, half).noise).max()) == 0


def test_by_bayes_rule_both_kinds_have_the_same_pair() -> None:
    by_label, by_classifier = (looks(GuidanceTrace(guided(kind, 3.0)), DDIM()) for kind in ("label", "classifier"))
    for (_, one), (_, other) in zip(by_label, by_classifier, strict=True):
        torch.testing.assert_close(one.pair.cond.noise, other.pair.cond.noise, rtol=1e-3, atol=1e-3)
        torch.testing.assert_close(one.pair.uncond.noise, other.pair.uncond.noise, rtol=1e-3, atol=1e-3)


def test_the_trace_holds_predictions_before_clipping() -> None:
    found = looks(GuidanceTrace(guided("label", 6.0)), DDIM(), clip=True)
    assert max(float(saturation(seen.guided.x0).max()) for _, seen in found) > 0
    assert all(float(frame.x0.abs().max()) <= 1 for frame, _ in found[:-1])


def test_without_labels_there_is_nothing_to_take_apart() -> None:
    with pytest.raises(ValueError, match="label"):
        GuidanceTrace(guided("label", 2.0))(torch.zeros(1, 2), SCHEDULE.level(50))


def test_the_first_evaluation_of_a_step_is_popped_once() -> None:
    apart = GuidanceTrace(guided("label", 2.0))
    apart(torch.zeros(1, 2), SCHEDULE.level(50), torch.tensor([0]))
    assert apart.pop_first() is not None
    assert apart.pop_first() is None


# --- measures ---------------------------------------------------------------------------------------------------------

VECTORS = st.lists(st.floats(-100, 100).filter(lambda v: v == 0 or abs(v) > 1e-3), min_size=3, max_size=3)


def vector(values: list[float]) -> Tensor:
    return torch.tensor([values], dtype=torch.float64)


@given(VECTORS.filter(any), VECTORS.filter(any))
def test_sizes_and_angle_obey_the_law_of_cosines(a: list[float], b: list[float]) -> None:
    u, v = vector(a), vector(b)
    cosine = math.cos(math.radians(float(angle(u, v))))
    expected = float(rms(u)) ** 2 + float(rms(v)) ** 2 - 2 * float(rms(u)) * float(rms(v)) * cosine
    scale = max(float(rms(u)), float(rms(v))) ** 2
    assert float(rms(u - v)) ** 2 == pytest.approx(expected, abs=1e-9 * scale)


@pytest.mark.parametrize("degrees", [0.0, 1e-6, 0.01, 1.0, 45.0, 90.0, 179.0, 180.0])
def test_small_angles_keep_their_digits(degrees: float) -> None:
    radians = math.radians(degrees)
    found = angle(vector([5.0, 0.0, 0.0]), vector([2 * math.cos(radians), 2 * math.sin(radians), 0.0]))
    assert float(found) == pytest.approx(degrees, rel=1e-6, abs=1e-9)


def test_there_is_no_angle_with_nothing() -> None:
    assert float(angle(vector([0.0, 0.0, 0.0]), vector([1.0, 0.0, 0.0]))) == 0


def test_saturation_is_the_share_beyond_the_range() -> None:
    x0 = torch.tensor([[[-1.5, 1.0], [0.0, 2.0]], [[0.1, 0.2], [0.3, -1.0]]])
    assert saturation(x0).tolist() == [0.5, 0.0]


def test_every_measure_is_one_number_an_image() -> None:
    for _, seen in looks(GuidanceTrace(guided("label", 3.0)), DDIM()):
        for measure in MEASURES.values():
            assert measure(seen).shape == (5,)
