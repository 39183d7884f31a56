"""Every classifier that can guide a sampler, by name: ideal ones, what ships, what was trained here."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

from engine.guidance import NoisyClassifier
from engine.ideal import ExactClassifier, ExactDenoiser
from engine.models.noisy_classifier import RUN, open_classifier
from engine.registry import IDEAL, Model, ModelError, open_model
from engine.storage.checked_files import CheckpointError


@dataclass(frozen=True, eq=False)
class Guide:
    """A classifier of noisy pictures with what one needs to know about it."""

    title: str
    classifier: NoisyClassifier
    shape: tuple[int, int, int]
    """Of one picture: channels, height, width."""
    class_names: tuple[str, ...]

    def misfit(self, model: Model) -> str:
        """One sentence where it cannot guide that model; "" where it can, as one that knows no classes itself."""
        if self.shape != model.shape:
            mine, theirs = (" × ".join(str(n) for n in shape) for shape in (self.shape, model.shape))
            return (
                f"“{self.title}” reads pictures of {mine}, “{model.title}” draws {theirs}: choose another classifier."
            )
        if model.class_names and len(self.class_names) != len(model.class_names):
            return (
                f"“{self.title}” tells {len(self.class_names)} classes apart, “{model.title}” knows "
                f"{len(model.class_names)}: choose another classifier."
            )
        return ""


def open_guide(name: str) -> Guide:
    """The classifier that goes by this name.

    Args:
        name: "ideal:DATA" for p(y | x_t) of those training pictures, a name in `NOISY_CLASSIFIERS`, "run:ID", or a folder.

    Raises:
        ModelError: with one clear sentence.
    """
    if name.startswith(IDEAL):
        model = open_model(name)
        assert isinstance(model.denoiser, ExactDenoiser)
        title = f"Exact classifier of {name.removeprefix(IDEAL)}"
        return Guide(title, ExactClassifier(model.denoiser, len(model.class_names)), model.shape, model.class_names)
    try:
        # What a run has learned changes while it goes on; everything else is opened once.
        return _opened(name) if name.startswith(RUN) else _kept(name)
    except CheckpointError as error:
        raise ModelError(str(error)) from error


def _opened(name: str) -> Guide:
    trained = open_classifier(name)
    return Guide(trained.card.title or name, trained, trained.shape, trained.class_names)


@lru_cache(maxsize=8)
def _kept(name: str) -> Guide:
    return _opened(name)
