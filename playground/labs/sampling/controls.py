"""The controls of the Sampling lab, for one setting or two of them on the same noise."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from copy import copy
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import create_model, model_validator
from pydantic.fields import FieldInfo

from engine.language import N_, _
from engine.recipes.sampling_fields import (
    MAX_SEED,
    VARIANCE_TITLES,
    Clip,
    SamplerName,
    SamplingFields,
    ScheduleName,
    SpacingName,
    Variance,
)
from playground.labs.shared import models
from playground.labs.shared.controls import ControlRules, Controls, checked, hints_of, like, seed_setting, setting, ui

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

Available = Callable[[str], dict[str, str]]
"""Name and title of the models that can be chosen, given the chosen one."""
Side = Literal["A", "B"]

SPACING_TITLES = {"uniform": N_("uniform in t"), "quadratic": N_("uniform in √t"), "log-snr": N_("uniform in log-SNR")}
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

    model: str = like(SamplingFields, "model")
    labels: Literal["each", "one", "none"] = setting(
        "each",
        "Labels",
        "Classes of the images: each class in turn, one class, or none, which samples unconditionally.",
        titles={"each": "each in turn"},
    )
    label: int = setting(3, "Class", "The class of every image.", ge=0, le=999, slider=False)
    count: int = setting(
        16,
        "Images",
        "How many are sampled together. More take proportionally longer; 16 is usual.",
        ge=1,
        le=MOST_IMAGES,
    )
    seed: int = seed_setting(
        "Image k has the seed + k, and comes out the same in any batch.", le=MAX_SEED - MOST_IMAGES
    )
    smoothing: float = like(SamplingFields, "smoothing")
    sampler: SamplerName = like(SamplingFields, "sampler")
    steps: int = like(SamplingFields, "steps")
    eta: float = like(SamplingFields, "eta")
    variance: Variance = like(SamplingFields, "variance")
    scale: float = like(SamplingFields, "scale")
    scale_from: float = like(SamplingFields, "scale_from", group=GUIDANCE)
    scale_to: float = like(SamplingFields, "scale_to", group=GUIDANCE)
    rescale: float = like(SamplingFields, "rescale", group=GUIDANCE)
    classifier: str = like(SamplingFields, "classifier", group=GUIDANCE)
    classifier_scale: float = like(SamplingFields, "classifier_scale", group=GUIDANCE)
    spacing: SpacingName = like(SamplingFields, "spacing", group=MORE)
    schedule: ScheduleName = like(SamplingFields, "schedule", group=MORE)
    T: int = like(SamplingFields, "T", group=MORE)
    clip: Clip = like(SamplingFields, "clip", group=MORE)
    compare: bool = setting(False, "Comparison A | B", "Sample with a second setting, too, from the same noise.")

    def after(self, before: Self) -> Self:
        """A comparison begins with a copy of A in B; what B was given before stays."""
        has_begun = self.compare and not before.compare
        values = self.model_dump()
        if not has_begun or any(values[name] != type(self).model_fields[name].default for name in B_FIELDS):
            return self
        return checked(self, **{f"b_{name}": values[name] for name in OF_EACH_SIDE})

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
    field.title, field.description = f"{field.title}, B", "As for A."
    field.json_schema_extra = ui(**{**hints_of(field), "group": SECOND})
    if name == "sampler":
        field.default = "ddpm"  # of links from before B began as a copy of A
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
        reasons["labels"] = _(
            "This model is unconditional. A classifier, under “{guidance}”, can guide it to classes.", guidance=GUIDANCE
        )
    if controls.schedule == "own" and not (controls.compare and getattr(controls, "b_schedule") != "own"):  # noqa: B009
        reasons["T"] = _("No effect now: the model's own schedule has its own T.")
    return reasons


def _without_effect(controls: SamplingSettings, prefix: str, classes: int) -> list[tuple[str, str]]:
    """The same for one side, by the names without its prefix."""
    from engine.samplers import SAMPLERS

    used = SAMPLERS[getattr(controls, prefix + "sampler")].settings
    reasons = [
        (name, _("No effect now: it belongs to {sampler}.", sampler=sampler))
        for name, sampler in (("eta", "DDIM"), ("variance", "DDPM"))
        if name not in used
    ]
    if controls.labels == "none":
        why = _("No effect now: guidance needs a label.")
        return [*reasons, *((name, why) for name in (*GUIDED_BY_LABEL, "classifier", "classifier_scale"))]
    if not classes:
        why = _("No effect now: this model is unconditional. A classifier can guide it.")
        return [*reasons, *((name, why) for name in GUIDED_BY_LABEL)]
    if getattr(controls, prefix + "scale") == 1:
        why = _("No effect now: at a guidance scale of 1 nothing is guided.")
        return [*reasons, *((name, why) for name in GUIDED_BY_LABEL[1:])]
    return reasons


LISTED = ("sampler", "spacing", "classifier", "variance")
NOT_LEARNED = N_("learned (not by this model)")


def choices(
    available: dict[str, str], classifiers: dict[str, str], class_names: tuple[str, ...] = (), learns: bool = True
) -> dict[str, dict[Any, str]]:
    """Options of the controls whose choices are known at run time only, for A and for B.

    class_names: of the model, where a class is to be chosen. learns: whether the model has a learned variance.
    """
    variances = VARIANCE_TITLES if learns else {**VARIANCE_TITLES, "learned": NOT_LEARNED}
    of_each = dict(zip(LISTED, (sampler_titles(), spacing_titles(), classifiers, variances), strict=True))
    of_class: dict[str, dict[Any, str]] = {"label": dict(enumerate(class_names))} if class_names else {}
    return {"model": available, **of_class, **of_each, **{f"b_{name}": titles for name, titles in of_each.items()}}


def choices_of(
    now: SamplingSettings, available: dict[str, str], classifiers: dict[str, str], visitor: Visitor
) -> dict[str, dict[Any, str]]:
    """The same for these settings."""
    names = models.class_names_of(now.model, now.classifier, visitor) if now.labels == "one" else ()
    return choices(available, classifiers, names, models.has_learned_variance(now.model, visitor))


def with_new_seed(controls: SamplingSettings) -> SamplingSettings:
    """The settings with other random draws."""
    return checked(controls, seed=secrets.randbelow(10**6))


def at_first(controls: SamplingSettings) -> dict[str, dict[Any, str]]:
    """The same while a page is built, before the engine has been loaded: what is chosen alone."""
    names = ("model", "label", *LISTED, *(f"b_{name}" for name in LISTED))
    return {name: {getattr(controls, name): ""} for name in names if name in type(controls).model_fields}


def rules(visitor: Visitor, available: Available) -> ControlRules[SamplingSettings]:
    """How the controls are drawn for this visitor."""
    classifiers = cache(lambda: models.classifier_choices(visitor))
    return ControlRules(
        hidden=hidden,
        disabled=lambda now: without_effect(now, models.classes_of(now.model, visitor)),
        options=lambda now: choices_of(now, available(now.model), classifiers(), visitor),
        bounds=visitor.bounds("sampling"),
        at_first=at_first,
    )


def with_model(controls: SamplingSettings, model: str, visitor: Visitor) -> SamplingSettings:
    """The settings with another model; one that is always class-conditional gets labels and no guidance."""
    if not models.needs_label(model, visitor):
        return checked(controls, model=model)
    labels = "each" if controls.labels == "none" else controls.labels
    return checked(controls, model=model, labels=labels, scale=1.0, b_scale=1.0)
