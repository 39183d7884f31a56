"""The settings of sampling: names, types, ranges and defaults, declared once for recipes, labs, evaluation and the CLI.

No torch is imported here: a page declares its controls from these fields before torch is loaded. Names in a registry
(samplers, timestep spacings) are checked against it when a value is given.
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
    """The current names of True and False, which early recipes have."""
    return ("range" if value else "none") if isinstance(value, bool) else value


SamplerName = Annotated[str, one_of(_samplers, "sampler")]
SpacingName = Annotated[str, one_of(_spacings, "spacing")]
Steps = Annotated[int, Field(ge=1, le=1000)]
Share = Annotated[float, Field(ge=0, le=1)]
Scale = Annotated[float, Field(ge=0, le=20)]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Label = Annotated[int, Field(ge=-1, le=100_000)]
"""A class, or `engine.denoiser.NO_LABEL`."""
Clip = Annotated[ClipName, BeforeValidator(_clip)]


class SamplerFields(Settings):
    """How a sampler goes from noise to data: what recipes and evaluations have in common."""

    sampler: SamplerName = Field("ddim", title="Sampler", description="A name in engine.samplers.SAMPLERS.")
    steps: Steps = Field(50, title="Steps", description="More follow the trajectory more closely, and take longer.")
    spacing: SpacingName = Field(
        "uniform",
        title="Timestep spacing",
        description="Where the steps lie: a name in engine.schedule.SPACINGS.",
    )
    eta: Share = Field(
        0.0, title="η", description="Of DDIM: the standard deviation of each step's noise, as a share of DDPM's."
    )
    variance: Variance = Field(
        "small", title="Variance σ²", description="Of a step of DDPM: β̃ (small), β (large), the learned one, or none."
    )
    scale: Scale = Field(
        2.0,
        title="Guidance scale",
        description="1 is the conditional model without guidance, 0 the unconditional one; usually 2 to 8.",
    )

    @property
    def uses_eta(self) -> bool:
        """Whether eta makes a difference to this sampler."""
        from engine.samplers import SAMPLERS

        return "eta" in SAMPLERS[self.sampler].settings

    @property
    def uses_variance(self) -> bool:
        """Whether `variance` makes a difference to this sampler."""
        from engine.samplers import SAMPLERS

        return "variance" in SAMPLERS[self.sampler].settings


class SamplingFields(SamplerFields):
    """Everything that determines how a model is sampled; a `Recipe` adds one label and one seed for each image."""

    model: str = Field("digits", max_length=500, title="Model", description="See engine.registry.open_model.")
    smoothing: float = Field(
        0.0,
        ge=0,
        le=2,
        title="Smoothing",
        description="Of an exact denoiser: standard deviation of the Gaussian around each training image.",
    )
    scale_from: Share = Field(
        0.0,
        title="Guidance interval start 1 − ᾱ",
        description="Guidance works from this noise level; below it the scale is 1.",
    )
    scale_to: Share = Field(
        1.0,
        title="Guidance interval end 1 − ᾱ",
        description="Guidance works up to this noise level; above it the scale is 1.",
    )
    rescale: Share = Field(
        0.0,
        title="Guidance rescale φ",
        description="1 scales x̂₀ back to the standard deviation of the conditional one, 0 leaves it.",
    )
    classifier: str = Field(
        "", max_length=500, title="Classifier", description="One that guides too, see engine.registry.open_guide."
    )
    classifier_scale: Scale = Field(1.0, title="Classifier scale s", description="1 is Bayes' rule, 0 no guidance.")
    clip: Clip = Field(
        "range",
        title="Clipping of x̂₀",
        description="Clip to the range of the pixels, dynamic thresholding (quantile), or none.",
    )
    schedule: ScheduleName = Field("own", title="Noise schedule", description="“own” is the model's.")
    T: int = Field(
        1000,
        ge=1,
        le=1000,
        title="Schedule length T",
        description="Where the schedule is not the model's own.",
    )
