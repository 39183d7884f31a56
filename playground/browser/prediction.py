"""The prediction of a denoiser as instructions: network evaluations, guidance and clipping.

The coefficients come from calling each denoiser of `engine` around one that gives a part in each row of a batch.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from engine.denoiser import NO_LABEL, Clipped, Denoiser, NetDenoiser, QuantileClipped
from engine.guidance import ClassifierGuided, Guided
from engine.language import Message
from engine.models.noisy_classifier import TIME_SCALE, TrainedClassifier, noise_angle
from engine.process import Prediction
from engine.schedule import Level
from playground.browser.instructions import (
    Clamp,
    Evaluate,
    Form,
    Gradient,
    Guide,
    Labels,
    ProgramError,
    Rescale,
    Threshold,
    Writer,
    form,
)
from playground.browser.network import unsupported_network

INSIDE = 2.0
"""A guidance scale that no interval replaces by 1, and for which both predictions are needed."""


@dataclass(frozen=True)
class Predicted:
    """The registers of a prediction; `mix` is that of v of a learned variance, "" where there is none."""

    x0: str
    noise: str
    mix: str = ""


def write_prediction(writer: Writer, denoiser: Denoiser, x: str, level: Level, labels: Labels) -> Predicted:
    """Write the instructions of denoiser(x, level, label).

    Args:
        writer: of the step.
        denoiser: of `Recipe.denoiser`.
        x: the register of x_t.
        level: of x_t, shape ().
        labels: whether the pictures have labels.

    Raises:
        ProgramError: where the browser cannot evaluate it.
    """
    match denoiser:
        case NetDenoiser():
            return _evaluate(writer, denoiser, x, level, (labels,))[0]
        case Guided(denoiser=NetDenoiser()):
            return _guided(writer, denoiser, x, level, labels)
        case ClassifierGuided(classifier=TrainedClassifier() as classifier):
            if problem := unsupported_network(classifier.net, classifier.card.title):
                raise ProgramError(problem)
            return _classifier_guided(writer, denoiser, x, level, labels)
        case Clipped():
            inner = write_prediction(writer, denoiser.denoiser, x, level, labels)
            x0 = writer.fresh("x0")
            writer.add(Clamp(x0, inner.x0, denoiser.low, denoiser.high))
            return _with_x0(writer, replace(denoiser, low=-torch.inf, high=torch.inf), x0, x, level, inner.mix)
        case QuantileClipped():
            inner = write_prediction(writer, denoiser.denoiser, x, level, labels)
            x0 = writer.fresh("x0")
            writer.add(Threshold(x0, inner.x0, denoiser.quantile))
            return _with_x0(writer, denoiser, x0, x, level, inner.mix)
    raise ProgramError(no_network(type(getattr(denoiser, "classifier", denoiser)).__name__))


def no_network(kind: str) -> Message:
    """Why a denoiser or classifier that is no network is not evaluated in a browser, in one sentence."""
    return Message("The browser evaluates no {kind}: it is evaluated on the server.", kind=kind)


class _Recorder(nn.Module):
    """In a network's place: keeps the time that it is given."""

    def forward(self, x: Tensor, timestep: Tensor, classes: Tensor | None) -> Tensor:
        self.time = float(timestep[0])
        return x


def _evaluate(
    writer: Writer, denoiser: NetDenoiser, x: str, level: Level, labels: tuple[Labels, ...]
) -> list[Predicted]:
    """Evaluations of the network, and how each is read."""
    recorder = _Recorder()
    replace(denoiser, net=recorder, classes=0, has_null_class=True).output(torch.zeros(1, 1), level)
    outputs = tuple(writer.fresh("output") for _ in labels)
    writer.add(Evaluate(outputs, x, recorder.time, labels))
    units = torch.eye(2, dtype=torch.float64)[..., None]  # x_t, and the output of the network
    output = torch.cat([units[1], torch.zeros(2, 1)], dim=1) if denoiser.learned_variance else units[1]
    read = denoiser.read(output, units[0], level)
    predicted = []
    for name in outputs:
        x0 = writer.sum("x0", form([x, name], read.x0))
        noise = writer.sum("noise", form([x, name], read.noise))
        mix = writer.sum("mix", *_mix(denoiser, f"{name} variance", level)) if denoiser.learned_variance else ""
        predicted.append(Predicted(x0, noise, mix))
    return predicted


def _mix(denoiser: NetDenoiser, name: str, level: Level) -> tuple[Form, float]:
    """v of the learned variance as a sum: the weight of the output, and the constant."""
    output = torch.tensor([[0.0, 0.0], [0.0, 1.0]], dtype=torch.float64)
    mix = denoiser.read(output, torch.zeros(2, 1, dtype=torch.float64), level).variance_mix
    assert mix is not None
    return {name: float(mix[1] - mix[0])}, float(mix[0])


def _guided(writer: Writer, guided: Guided, x: str, level: Level, labels: Labels) -> Predicted:
    """Classifier-free guidance. Which evaluations it needs at this level, it says itself."""
    own = torch.zeros(1, dtype=torch.int64)
    asked: list[int] = []

    def recorded(x_t: Tensor, level: Level, label: Tensor | None = None) -> Prediction:
        asked.extend([NO_LABEL] * len(x_t) if label is None else label.tolist())
        return Prediction(x_t, x_t)

    one_for_all = not isinstance(guided.scale, Tensor)
    probe = replace(guided, denoiser=recorded, scale=guided.scale if one_for_all else INSIDE)
    probe(torch.ones(1, 1, dtype=torch.float64), level, own if labels == "own" else None)
    assert isinstance(guided.denoiser, NetDenoiser)
    kinds: tuple[Labels, ...] = tuple("none" if label == NO_LABEL else "own" for label in asked)
    evaluated = _evaluate(writer, guided.denoiser, x, level, kinds)
    if len(evaluated) == 1:
        return evaluated[0]
    cond, uncond = evaluated
    scale = float(guided.scale) if one_for_all else tuple(torch.as_tensor(guided.scale).double().tolist())
    x0 = writer.fresh("x0")
    writer.add(Guide(x0, cond.x0, uncond.x0, scale))
    if guided.rescale:
        rescaled = writer.fresh("x0")
        writer.add(Rescale(rescaled, x0, cond.x0, guided.rescale))
        return _with_x0(writer, Clipped(guided, -torch.inf, torch.inf), rescaled, x, level, cond.mix)
    noise = writer.fresh("noise")
    writer.add(Guide(noise, cond.noise, uncond.noise, scale))
    return Predicted(x0, noise, cond.mix)


def _classifier_guided(writer: Writer, guided: ClassifierGuided, x: str, level: Level, labels: Labels) -> Predicted:
    """The gradient of a classifier, added to the prediction."""
    inner = write_prediction(writer, guided.denoiser, x, level, labels)
    if labels == "none" or guided.scale == 0:
        return inner
    gradient = writer.fresh("gradient")
    signal, time = float(level.alpha_bar.sqrt()), TIME_SCALE * float(noise_angle(level))
    writer.add(Gradient(gradient, x, time, signal))
    x0, noise, score = torch.eye(3, dtype=torch.float64)[..., None]

    class Probe(ClassifierGuided):
        def gradient(self, x_t: Tensor, level: Level, label: Tensor) -> Tensor:
            return score

    probe = Probe(lambda *_: Prediction(x0, noise), guided.classifier, guided.scale)
    found = probe(torch.zeros_like(x0), level, torch.zeros(3, dtype=torch.int64))
    parts = [inner.x0, inner.noise, gradient]
    return Predicted(writer.sum("x0", form(parts, found.x0)), writer.sum("noise", form(parts, found.noise)), inner.mix)


def _with_x0(writer: Writer, clipping: Clipped | QuantileClipped, x0: str, x: str, level: Level, mix: str) -> Predicted:
    """x̂0 with the ε̂ that belongs to it, as a denoiser that leaves x̂0 of at most 1 as it is has it."""
    x_t, own = torch.eye(2, dtype=torch.float64)[..., None]
    found = replace(clipping, denoiser=lambda *_: Prediction(own, own))(x_t, level)
    return Predicted(x0, writer.sum("noise", form([x, x0], found.noise)), mix)
