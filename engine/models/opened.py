"""An opened model or classifier: the denoiser or classifier with its picture shape, class names and title."""

from __future__ import annotations

from dataclasses import dataclass

from engine.denoiser import Denoiser
from engine.guidance import NoisyClassifier
from engine.language import Message
from engine.schedule import NoiseSchedule


class ModelError(ValueError):
    """A model that does not exist or cannot be opened; the message is one sentence for the reader."""


def channels_problem(channels: int) -> Message | str:
    """Why a model of so many channels is not opened, in one sentence; "" where it is. Whatever shows pictures counts on it."""
    if channels in (1, 3):
        return ""
    guess = Message(" (4 are those of latents, or of colour with transparency)") if channels == 4 else ""
    return Message(
        "This model draws pictures of {channels} channels{guess}: only grey pictures (1) and colour (3) can be shown here.",
        channels=channels,
        guess=guess,
    )


@dataclass(frozen=True, eq=False)
class Model:
    """An opened model: a denoiser with its metadata."""

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
    """An opened classifier of noisy pictures for classifier guidance, with its metadata."""

    title: str
    classifier: NoisyClassifier
    shape: tuple[int, int, int]
    """Of one picture: channels, height, width."""
    class_names: tuple[str, ...]

    def misfit(self, model: Model) -> Message | str:
        """Why it cannot guide that model, in one sentence; "" where it can. An unconditional model may have any classes."""
        if self.shape != model.shape:
            mine, theirs = (" × ".join(str(n) for n in shape) for shape in (self.shape, model.shape))
            return Message(
                "“{title}” classifies pictures of {mine}, “{model}” draws {theirs}: choose another classifier.",
                title=self.title,
                mine=mine,
                model=model.title,
                theirs=theirs,
            )
        if model.class_names and len(self.class_names) != len(model.class_names):
            return Message(
                "“{title}” has {mine} classes, “{model}” has {theirs}: choose another classifier.",
                title=self.title,
                mine=len(self.class_names),
                model=model.title,
                theirs=len(model.class_names),
            )
        return ""
