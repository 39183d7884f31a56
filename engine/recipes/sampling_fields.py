"""The settings of sampling: names, types, ranges, defaults and words, declared once for recipes, labs, evaluation and the CLI.

No torch is imported here: a page declares its controls from these fields before torch is loaded. Names in a registry
(samplers, timestep spacings) are checked against it when a value is given.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field
from pydantic_core import PydanticCustomError

from engine.language import N_
from engine.settings import Settings

MAX_SEED = 2**53 - 1
"""Above this, the numbers of JSON and of browsers are no longer exact."""

Variance = Literal["small", "large", "learned", "zero"]
ScheduleName = Literal["own", "linear", "cosine", "sigmoid"]
ClipName = Literal["range", "quantile", "none"]

VARIANCE_TITLES = {"small": "β̃ (small)", "large": "β (large)", "learned": "learned", "zero": "none"}
SCHEDULE_TITLES = {"own": "the model's own", "linear": "linear", "cosine": "cosine", "sigmoid": "sigmoid"}
CLIP_TITLES = {"none": "none", "range": "clip to range", "quantile": "dynamic thresholding"}


def _ui(**hints: Any) -> dict[str, Any]:
    """How a control is drawn: the step of its slider, or the titles of its choices."""
    return {"ui": hints}


def one_of(registry: Callable[[], Iterable[str]], what: str) -> AfterValidator:
    """A check that a name is in a registry, which is read at each check: names that are added later count too."""

    def check(name: str) -> str:
        known = list(registry())
        if name not in known:
            raise PydanticCustomError(
                "unknown",
                "there is no {what} “{name}”, but {known}",
                {"what": what, "name": name[:40], "known": ", ".join(known)},
            )
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


SamplerName = Annotated[str, one_of(_samplers, N_("sampler"))]
SpacingName = Annotated[str, one_of(_spacings, N_("spacing"))]
Steps = Annotated[int, Field(ge=1, le=1000)]
Share = Annotated[float, Field(ge=0, le=1, json_schema_extra=_ui(step=0.05))]
Scale = Annotated[float, Field(ge=0, le=20, json_schema_extra=_ui(step=0.25))]
Seed = Annotated[int, Field(ge=0, le=MAX_SEED)]
Label = Annotated[int, Field(ge=-1, le=100_000)]
"""A class, or `engine.denoiser.NO_LABEL`."""
Clip = Annotated[ClipName, BeforeValidator(_clip)]


class SamplerFields(Settings):
    """How a sampler goes from noise to data: what recipes and evaluations have in common."""

    sampler: SamplerName = Field(
        "ddim",
        title="Sampler",
        description="DDPM adds fresh noise at every step; DDIM is deterministic at η = 0 and needs fewer steps; Heun and "
        "DPM-Solver++ follow the same trajectory as DDIM with a smaller error.",
    )
    steps: Steps = Field(
        50,
        title="Steps",
        description="From noise to data. More steps follow the trajectory more exactly and take longer: 20 to 50 are usual "
        "for DDIM, hundreds for DDPM.",
    )
    spacing: SpacingName = Field(
        "uniform",
        title="Timestep spacing",
        description="Where on the schedule the steps lie: uniform in t is usual; uniform in √t or in log-SNR puts more of "
        "them near the clean end.",
    )
    eta: Share = Field(
        0.0,
        title="DDIM η",
        description="Scales the standard deviation of the noise that DDIM adds at each step: 0 adds none and is usual, 1 adds "
        "as much as DDPM.",
    )
    variance: Variance = Field(
        "small",
        title="DDPM variance",
        description="Of the noise that DDPM adds at each step: β̃ is usual, β is larger, “learned” needs a model that predicts "
        "it. With none, DDPM still has another mean than DDIM.",
        json_schema_extra=_ui(titles=VARIANCE_TITLES),
    )
    scale: Scale = Field(
        2.0,
        title="Guidance scale",
        description="1 is the conditional model without guidance, 0 the unconditional one; larger values follow the label "
        "more strongly and lose diversity. 2 is usual. The w of Ho & Salimans is this minus 1.",
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

    model: str = Field(
        "digits",
        max_length=500,
        title="Model",
        description="The denoising model: a trained network, or the exact denoiser of a data set.",
    )
    smoothing: float = Field(
        0.0,
        ge=0,
        le=2,
        title="Smoothing (standard deviation)",
        description="The exact denoiser treats every training example as a Gaussian of this standard deviation. At 0 it "
        "reproduces training examples only; larger values end further from all of them. Usual: 0 to 0.3.",
        json_schema_extra=_ui(step=0.05),
    )
    scale_from: Share = Field(
        0.0,
        title="Guidance interval start (1 − ᾱ)",
        description="Guidance acts only where the noise level 1 − ᾱ is at least this. Larger values leave the last, nearly "
        "clean steps unguided; 0 is usual.",
    )
    scale_to: Share = Field(
        1.0,
        title="Guidance interval end (1 − ᾱ)",
        description="Guidance acts only where the noise level 1 − ᾱ is at most this; elsewhere the conditional "
        "prediction is used as it is. Smaller values leave the first steps unguided; 1 is usual.",
    )
    rescale: Share = Field(
        0.0,
        title="Guidance rescale",
        description="Guidance raises the contrast: 1 scales the standard deviation of x̂₀ back to that of the conditional "
        "prediction, 0 leaves it and is usual.",
    )
    classifier: str = Field(
        "",
        max_length=500,
        title="Guiding classifier",
        description="A classifier of noisy images adds its gradient towards the label. Set the guidance scale to 0 for "
        "classifier guidance alone.",
    )
    classifier_scale: Scale = Field(
        1.0,
        title="Classifier guidance scale s",
        description="Multiplies the classifier's gradient: 1 is Bayes' rule, 0 has no effect, larger values guide more "
        "strongly.",
    )
    clip: Clip = Field(
        "range",
        title="Clipping of x̂₀",
        description="Where x̂₀ leaves the range of images: clip it at every step, as Ho et al. do; scale it by its 99.5 % "
        "quantile, which strong guidance needs; or neither.",
        json_schema_extra=_ui(titles=CLIP_TITLES),
    )
    schedule: ScheduleName = Field(
        "own",
        title="Noise schedule",
        description="Of the sampling trajectory. It may be another than in training, since the model is conditioned on the "
        "noise level; the model's own is usual.",
        json_schema_extra=_ui(titles=SCHEDULE_TITLES),
    )
    T: int = Field(
        1000,
        ge=1,
        le=1000,
        title="Schedule length T",
        description="Timesteps of the noise schedule, where it is not the model's own. 1000 is usual.",
    )
