"""The settings of sampling: names, types, ranges and defaults, declared once for recipes, labs, evaluation and the CLI.

No torch is imported here: a page declares its controls from these fields before the engine has been loaded. Names in a
registry (samplers, timestep spacings) are checked against it when a value is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from engine.settings import Settings

MAX_SEED = 2**53 - 1
"""Above this, the numbers of JSON and of browsers are no longer exact."""

Variance = Literal["small", "large", "learned", "zero"]
ScheduleName = Literal["own", "linear", "cosine", "sigmoid"]
ClipName = Literal["range", "quantile", "none"]


def one_of(registry: Callable[[], Iterable[str]], what: str) -> AfterValidator:
    """A check that a name is in a registry, which is read at each check: names that are added later count too."""

    def check(name: str) -> str:
        known = list(registry())
        if name not in known:
            raise PydanticCustomError("unknown", f"there is no {what} “{name[:40]}”, but {', '.join(known)}")
        return name

    return AfterValidator(check)


def _samplers() -> Iterable[str]:
    from engine.samplers import SAMPLERS

    return SAMPLERS


def _spacings() -> Iterable[str]:
    from engine.schedule import SPACINGS

    return SPACINGS


def _clip(value: object) -> object:
    """True and False, which early recipes have, as the names of now."""
    return ("range" if value else "none") if isinstance(value, bool) else value


SamplerName = Annotated[str, one_of(_samplers, "sampler")]
SpacingName = Annotated[
    str, one_of(_spacings, "spacing"), Field(description="Timestep spacing: where on the schedule the steps lie.")
]
Steps = Annotated[int, Field(ge=1, le=1000)]
Eta = Annotated[float, Field(ge=0, le=1, description="Of DDIM: share of DDPM's noise that is added again.")]
Clip = Annotated[ClipName, BeforeValidator(_clip)]


class SamplingFields(Settings):
    """Everything that determines how a model is sampled; a `Recipe` adds one label and one seed for each image."""

    model: str = Field("digits", max_length=500, description="See engine.registry.open_model.")
    smoothing: float = Field(
        0.0, ge=0, le=2, description="Of an ideal denoiser: spread around each picture, as a standard deviation."
    )
    sampler: SamplerName = "ddim"
    steps: Steps = 50
    spacing: SpacingName = "uniform"
    eta: Eta = 0.0
    variance: Variance = Field("small", description="Of DDPM: β̃, β, the learned one, or none.")
    scale: float = Field(
        2.0, ge=0, le=20, description="Guidance: 1 is the plain conditional model, 0 ignores the label."
    )
    scale_from: float = Field(0.0, ge=0, le=1, description="Guidance works from this noise level 1 − ᾱ")
    scale_to: float = Field(1.0, ge=0, le=1, description="up to this one.")
    rescale: float = Field(0.0, ge=0, le=1, description="How much of the contrast that guidance adds is taken back.")
    classifier: str = Field("", max_length=500, description="One that guides too, see engine.registry.open_guide.")
    classifier_scale: float = Field(1.0, ge=0, le=20, description="Its s: 1 is Bayes' rule, 0 no guidance.")
    clip: Clip = Field("range", description="x̂0 clipped to the range of pictures, thresholded dynamically, or neither.")
    schedule: ScheduleName = Field("own", description="'own' is the model's.")
    T: int = Field(1000, ge=1, le=1000, description="Of the schedule, where it is not the model's own.")
