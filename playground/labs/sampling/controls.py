"""The controls of the Sampling lab, for one setting or two of them on the same noise."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from pydantic import create_model, model_validator
from pydantic.fields import FieldInfo

from engine.recipes.sampling_fields import (
    MAX_SEED,
    Clip,
    SamplerName,
    SamplingFields,
    ScheduleName,
    SpacingName,
    Variance,
)
from playground.labs.shared import models
from playground.labs.shared.control_rules import ControlRules
from playground.labs.shared.controls import Controls, Field, checked, like, ui
from playground.labs.shared.text import GUIDANCE_SCALE

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

Available = Callable[[str], dict[str, str]]
"""Name and title of the models that can be chosen, given the chosen one."""
Side = Literal["A", "B"]

VARIANCE_TITLES = {"small": "β̃ (small)", "large": "β (large)", "learned": "learned", "zero": "none"}
SCHEDULE_TITLES = {"own": "the model's own", "linear": "linear", "cosine": "cosine", "sigmoid": "sigmoid"}
SPACING_TITLES = {"uniform": "uniform in t", "quadratic": "uniform in √t", "log-snr": "uniform in log-SNR"}
CLIP_TITLES = {"none": "none", "range": "clip to range", "quantile": "dynamic thresholding"}
GUIDANCE, MORE, SECOND = "Guidance details", "Schedule and clipping", "B: another setting on the same noise"
MOST_IMAGES = 64


def sampler_titles() -> dict[str, str]:
    """Name and title of every sampler."""
    from engine.samplers import SAMPLERS

    return {name: sampler.title for name, sampler in SAMPLERS.items()}


def spacing_titles() -> dict[str, str]:
    """Name and title of every timestep spacing."""
    from engine.schedule import SPACINGS

    return {name: SPACING_TITLES.get(name, name) for name in SPACINGS}


class SamplingSettings(Controls):
    """The settings of one side. In a comparison B has everything from the sampler on a second time."""

    model: str = like(
        SamplingFields,
        "model",
        title="Model",
        help="The denoising model: a trained network, or the exact denoiser of a data set.",
    )
    labels: Literal["each", "one", "none"] = Field(
        "each",
        title="Labels",
        description="Classes of the images: each class in turn, one class, or none, which samples unconditionally.",
        json_schema_extra=ui(titles={"each": "each in turn", "one": "one", "none": "none"}),
    )
    label: int = Field(
        3, ge=0, le=999, title="Class", description="The class of every image.", json_schema_extra=ui(slider=False)
    )
    count: int = Field(
        16,
        ge=1,
        le=MOST_IMAGES,
        title="Images",
        description="How many are sampled together. More take proportionally longer; 16 is usual.",
    )
    seed: int = Field(
        0,
        ge=0,
        le=MAX_SEED - MOST_IMAGES,
        title="Seed",
        description="Image k has the seed + k, and comes out the same in any batch.",
        json_schema_extra=ui(slider=False),
    )
    smoothing: float = like(
        SamplingFields,
        "smoothing",
        title="Smoothing (standard deviation)",
        help="The exact denoiser treats every training image as a Gaussian of this standard deviation. At 0 it reproduces "
        "training images only; larger values end further from all of them. Usual: 0 to 0.3.",
        step=0.05,
    )
    sampler: SamplerName = like(
        SamplingFields,
        "sampler",
        title="Sampler",
        help="DDPM adds fresh noise at every step; DDIM is deterministic at η = 0 and needs fewer steps; Heun and "
        "DPM-Solver++ follow the same trajectory as DDIM with a smaller error.",
    )
    steps: int = like(
        SamplingFields,
        "steps",
        title="Steps",
        help="From noise to image. More steps follow the trajectory more exactly and take longer: 20 to 50 are usual for "
        "DDIM, hundreds for DDPM.",
    )
    eta: float = like(
        SamplingFields,
        "eta",
        title="DDIM η",
        help="Scales the standard deviation of the noise that DDIM adds at each step: 0 adds none and is usual, 1 adds as "
        "much as DDPM.",
        step=0.05,
    )
    variance: Variance = like(
        SamplingFields,
        "variance",
        title="DDPM variance",
        help="Of the noise that DDPM adds at each step: β̃ is usual, β is larger, “learned” needs a model that predicts it. "
        "With none, DDPM still has another mean than DDIM.",
        titles=VARIANCE_TITLES,
    )
    scale: float = like(SamplingFields, "scale", title="Guidance scale", help=GUIDANCE_SCALE, step=0.25)
    scale_from: float = like(
        SamplingFields,
        "scale_from",
        title="Guidance interval start (1 − ᾱ)",
        help="Guidance acts only where the noise level 1 − ᾱ is at least this. Larger values leave the last, nearly clean "
        "steps unguided; 0 is usual.",
        step=0.05,
        group=GUIDANCE,
    )
    scale_to: float = like(
        SamplingFields,
        "scale_to",
        title="Guidance interval end (1 − ᾱ)",
        help="Guidance acts only where the noise level 1 − ᾱ is at most this; elsewhere the conditional prediction is used "
        "as it is. Smaller values leave the first steps unguided; 1 is usual.",
        step=0.05,
        group=GUIDANCE,
    )
    rescale: float = like(
        SamplingFields,
        "rescale",
        title="Guidance rescale",
        help="Guidance raises the contrast: 1 scales the standard deviation of x̂₀ back to that of the conditional "
        "prediction, 0 leaves it and is usual.",
        step=0.05,
        group=GUIDANCE,
    )
    classifier: str = like(
        SamplingFields,
        "classifier",
        title="Guiding classifier",
        help="A classifier of noisy images adds its gradient towards the label. Set the guidance scale to 0 for classifier "
        "guidance alone.",
        group=GUIDANCE,
    )
    classifier_scale: float = like(
        SamplingFields,
        "classifier_scale",
        title="Classifier guidance scale s",
        help="Multiplies the classifier's gradient: 1 is Bayes' rule, 0 has no effect, larger values guide more strongly.",
        step=0.25,
        group=GUIDANCE,
    )
    spacing: SpacingName = like(
        SamplingFields,
        "spacing",
        title="Timestep spacing",
        help="Where on the schedule the steps lie: uniform in t is usual; uniform in √t or in log-SNR puts more of them near "
        "the clean end.",
        group=MORE,
    )
    schedule: ScheduleName = like(
        SamplingFields,
        "schedule",
        title="Noise schedule",
        help="Of the sampling trajectory. It may be another than in training, since the model is conditioned on the noise "
        "level; the model's own is usual.",
        titles=SCHEDULE_TITLES,
        group=MORE,
    )
    T: int = like(
        SamplingFields,
        "T",
        title="Schedule length T",
        help="Timesteps of the noise schedule, where it is not the model's own. 1000 is usual.",
        group=MORE,
    )
    clip: Clip = like(
        SamplingFields,
        "clip",
        title="Clipping of x̂₀",
        help="Where x̂₀ leaves the range of images: clip it at every step, as Ho et al. do; scale it by its 99.5 % quantile, "
        "which strong guidance needs; or neither.",
        titles=CLIP_TITLES,
        group=MORE,
    )
    compare: bool = Field(
        False,
        title="Comparison A | B",
        description="Sample with a second setting, too, from the same noise.",
    )

    @model_validator(mode="before")
    @classmethod
    def _read_old_clip(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Early links have 0 or 1 for clipping."""
        old = {"0": "none", "1": "range"}
        return {name: old.get(value, value) if name == "clip" else value for name, value in values.items()}


GUIDED_BY_LABEL = ("scale", "scale_from", "scale_to", "rescale")
"""Settings that matter to a class-conditional model only."""
OF_EACH_SIDE = (
    *("smoothing", "sampler", "steps", "eta", "variance"),
    *GUIDED_BY_LABEL,
    *("classifier", "classifier_scale", "spacing", "schedule", "clip"),
)
"""Settings that B has separately."""


def _of_b(name: str) -> FieldInfo:
    field = copy(SamplingSettings.model_fields[name])
    hints = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else ui()
    field.title, field.description = f"{field.title}, B", "As for A."
    field.json_schema_extra = {"ui": {**hints["ui"], "group": SECOND}}  # type: ignore[dict-item]
    if name == "sampler":
        field.default = "ddpm"  # so that a comparison differs from the start
    return field


_fields_of_b: dict[str, Any] = {
    f"b_{name}": (SamplingSettings.model_fields[name].annotation, _of_b(name)) for name in OF_EACH_SIDE
}
SamplingControls: type[SamplingSettings] = create_model("SamplingControls", __base__=SamplingSettings, **_fields_of_b)
B_FIELDS = tuple(f"b_{name}" for name in OF_EACH_SIDE)


def is_ideal(controls: SamplingSettings) -> bool:
    """Whether the model is an ideal denoiser."""
    return controls.model.startswith("ideal:")


def hidden(controls: SamplingSettings) -> set[str]:
    """Names of controls that do not apply to these settings."""
    names = set() if controls.labels == "one" else {"label"}
    for prefix in ("", "b_"):
        names |= set() if is_ideal(controls) else {prefix + "smoothing"}
        names |= set() if getattr(controls, prefix + "classifier") else {prefix + "classifier_scale"}
    return names | (set() if controls.compare else set(B_FIELDS))


def without_effect(controls: SamplingSettings, classes: int) -> dict[str, str]:
    """Controls that change nothing with these settings, each with the reason.

    Args:
        controls: the settings.
        classes: number of classes of the model itself.
    """
    reasons: dict[str, str] = {}
    for prefix in ("", "b_"):
        reasons |= {prefix + name: why for name, why in _without_effect(controls, prefix, classes)}
    if not classes and not controls.classifier:
        reasons["labels"] = f"This model is unconditional. A classifier, under “{GUIDANCE}”, can guide it to classes."
    if controls.schedule == "own" and not (controls.compare and getattr(controls, "b_schedule") != "own"):  # noqa: B009
        reasons["T"] = "No effect now: the model's own schedule has its own T."
    return reasons


def _without_effect(controls: SamplingSettings, prefix: str, classes: int) -> list[tuple[str, str]]:
    """The same for one side, by the names without its prefix."""
    from engine.samplers import SAMPLERS

    used = SAMPLERS[getattr(controls, prefix + "sampler")].settings
    reasons = [
        (name, f"No effect now: it belongs to {sampler}.")
        for name, sampler in (("eta", "DDIM"), ("variance", "DDPM"))
        if name not in used
    ]
    if controls.labels == "none":
        why = "No effect now: guidance needs a label."
        return [*reasons, *((name, why) for name in (*GUIDED_BY_LABEL, "classifier", "classifier_scale"))]
    if not classes:
        why = "No effect now: this model is unconditional. A classifier can guide it."
        return [*reasons, *((name, why) for name in GUIDED_BY_LABEL)]
    if getattr(controls, prefix + "scale") == 1:
        why = "No effect now: at a guidance scale of 1 nothing is guided."
        return [*reasons, *((name, why) for name in GUIDED_BY_LABEL[1:])]
    return reasons


LISTED = ("sampler", "spacing", "classifier")


def choices(available: dict[str, str], classifiers: dict[str, str]) -> dict[str, dict[str, str]]:
    """Options of the controls whose choices are known at run time only, for A and for B."""
    of_each = dict(zip(LISTED, (sampler_titles(), spacing_titles(), classifiers), strict=True))
    return {"model": available, **of_each, **{f"b_{name}": titles for name, titles in of_each.items()}}


def at_first(controls: SamplingSettings) -> dict[str, dict[Any, str]]:
    """The same while a page is built, before the engine has been loaded: what is chosen alone."""
    names = ("model", *LISTED, *(f"b_{name}" for name in LISTED))
    return {name: {getattr(controls, name): ""} for name in names if name in type(controls).model_fields}


def rules(visitor: Visitor, available: Available) -> ControlRules[SamplingSettings]:
    """How the controls are drawn for this visitor."""
    classifiers = cache(lambda: models.classifier_choices(visitor))
    return ControlRules(
        hidden=hidden,
        disabled=lambda now: without_effect(now, models.classes_of(now.model, visitor)),
        options=lambda now: choices(available(now.model), classifiers()),
        bounds=visitor.bounds("sampling"),
        at_first=at_first,
    )


def with_model(controls: SamplingSettings, model: str, visitor: Visitor) -> SamplingSettings:
    """The settings with another model; one that is always class-conditional gets labels and no guidance."""
    if not models.needs_label(model, visitor):
        return checked(controls, model=model)
    labels = "each" if controls.labels == "none" else controls.labels
    return checked(controls, model=model, labels=labels, scale=1.0, b_scale=1.0)


def with_classifier(controls: SamplingSettings, classifier: str, model: str) -> SamplingSettings:
    """The settings in which a classifier alone guides a model, so that its effect is seen."""
    return checked(controls, model=model, labels="each", scale=0.0, classifier=classifier)
