"""What a model or a classifier is to those that use it: a network with its shape, its classes and its name."""

from __future__ import annotations

from dataclasses import dataclass

from engine.denoiser import Denoiser
from engine.guidance import NoisyClassifier
from engine.schedule import NoiseSchedule


class ModelError(ValueError):
    """A model that does not exist or cannot be opened; the message is one sentence for the reader."""


@dataclass(frozen=True, eq=False)
class Model:
    """A denoiser with what a sampler and a reader need to know about it."""

    name: str
    title: str
    denoiser: Denoiser
    shape: tuple[int, int, int]
    """Of one picture: channels, height, width."""
    class_names: tuple[str, ...]
    """Empty for an unconditional model."""
    schedule: NoiseSchedule
    """The one it was trained on; for an ideal denoiser, which was not trained, cosine with T = 1000."""
    data: str
    """The data set it was trained on; empty where that is unknown."""
    needs_label: bool = False
    """Whether each picture must have a class: the model has no unconditional class, so that it cannot be guided."""


@dataclass(frozen=True, eq=False)
class Guide:
    """A classifier of noisy pictures with what a sampler and a reader need to know about it."""

    title: str
    classifier: NoisyClassifier
    shape: tuple[int, int, int]
    """Of one picture: channels, height, width."""
    class_names: tuple[str, ...]

    def misfit(self, model: Model) -> str:
        """One sentence where it cannot guide that model; "" where it can. An unconditional model fits any classes."""
        if self.shape != model.shape:
            mine, theirs = (" × ".join(str(n) for n in shape) for shape in (self.shape, model.shape))
            return f"“{self.title}” classifies pictures of {mine}, “{model.title}” draws {theirs}: choose another classifier."
        if model.class_names and len(self.class_names) != len(model.class_names):
            return (
                f"“{self.title}” has {len(self.class_names)} classes, “{model.title}” has {len(model.class_names)}: "
                "choose another classifier."
            )
        return ""
