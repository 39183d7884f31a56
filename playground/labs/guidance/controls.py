"""The controls of the Guidance lab: one of four views, and the recipe that it examines."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator

from engine.language import _
from engine.recipes.sampling_fields import Clip, SamplerName, ScheduleName, SpacingName
from playground.labs.sampling import controls as sampling
from playground.labs.sampling.controls import SamplingSettings
from playground.labs.shared import models, ranges
from playground.labs.shared.controls import ControlRules, Controls, Problem, checked, like, setting

if TYPE_CHECKING:
    from engine.recipes.recipe import Recipe
    from playground.policy.visitor import Visitor

View = Literal["sweep", "trace", "tradeoff", "density"]
VIEWS: dict[View, str] = {"sweep": "Sweep", "trace": "Trace", "tradeoff": "Trade-off", "density": "2-D density"}
AXES: dict[str, str] = {
    "scale": "guidance scale",
    "steps": "number of steps",
    "eta": "η",
    "label": "class",
    "seed": "seed",
    "sampler": "sampler",
    "scale_from": "guidance interval start",
    "scale_to": "guidance interval end",
    "rescale": "guidance rescale",
    "clip": "clipping",
    "spacing": "timestep spacing",
    "schedule": "noise schedule",
    "classifier": "classifier",
    "classifier_scale": "classifier scale",
}
"""The settings of a recipe that can be swept, with their titles."""
Axis = Literal[
    "scale", "steps", "eta", "label", "seed", "sampler", "scale_from", "scale_to", "rescale", "clip", "spacing",
    "schedule", "classifier", "classifier_scale",
]  # fmt: skip
Values = Annotated[str, AfterValidator(ranges.check_syntax)]
BESIDE = {"none": "nothing", "interval": "a guidance interval", "classifier": "classifier guidance"}


class GuidanceControls(Controls):
    """All settings of the lab; each view has its own."""

    view: View = setting(
        "sweep",
        "View",
        "Sweep: a grid over two settings. Trace: both predictions at every step. Trade-off: accuracy "
        "against diversity by guidance scale. 2-D density: the density that guidance samples from.",
        titles=VIEWS,
    )
    across: Axis = setting("scale", "Columns", "The setting that changes from left to right.", titles=AXES)
    across_values: Values = setting(
        "0,1,2,4,8",
        "Column values",
        "start:stop:step with the stop included, such as 0:8:1; or 1,2,4; or names, such as ddim,ddpm. Empty for "
        "usual ones.",
        max_length=ranges.MOST_LETTERS,
    )
    down: Axis = setting("label", "Rows", "The setting that changes from top to bottom.", titles=AXES)
    down_values: Values = setting(
        "0:4", "Row values", "Written like the column values.", max_length=ranges.MOST_LETTERS
    )
    pictures: int = setting(1, "Images per cell", "Image k has the seed + k, the same in every cell.", ge=1, le=4)
    show: Literal["x0", "x"] = setting(
        "x0",
        "Displayed image",
        "The model's prediction of x₀ at each step, or the noisy xₜ.",
        titles={"x0": "x̂₀ prediction", "x": "noisy xₜ"},
    )
    beside: Literal["none", "interval", "classifier"] = setting(
        "none",
        "Compare with",
        "The same guidance on an interval of noise levels only, or guidance by a classifier of noisy images.",
        titles=BESIDE,
    )
    count: int = setting(8, "Images", "Sampled together; more take longer.", ge=1, le=16)
    scales: Values = setting(
        "0,1,2,3,4,6,8",
        "Guidance scales",
        "At each of them images of every class are sampled and classified.",
        max_length=ranges.MOST_LETTERS,
    )
    per_class: int = setting(4, "Images per class", "More narrow the confidence bands; 4 is quick.", ge=3, le=20)
    preset: Literal["split", "near", "ring"] = setting(
        "split",
        "Two-class distribution",
        "Mixtures of Gaussians, for which every density is known exactly.",
        titles={"split": "separate modes", "near": "overlapping modes", "ring": "alternating on a ring"},
    )
    side: Literal["A", "B"] = setting("A", "Target class", "The class that guidance is towards.")
    stochastic: Literal["ddim", "ddpm"] = setting(
        "ddim",
        "Sampler in 2-D",
        "Deterministic, or with fresh noise at every step. With guidance the two end in different distributions.",
        titles={"ddim": "DDIM", "ddpm": "DDPM"},
    )
    model: str = like(SamplingSettings, "model")
    label: int = like(SamplingSettings, "label")
    scale: float = like(SamplingSettings, "scale", default=3.0)
    sampler: SamplerName = like(SamplingSettings, "sampler")
    steps: int = like(SamplingSettings, "steps", default=20)
    eta: float = like(SamplingSettings, "eta")
    seed: int = like(SamplingSettings, "seed")
    scale_from: float = like(SamplingSettings, "scale_from")
    scale_to: float = like(SamplingSettings, "scale_to")
    rescale: float = like(SamplingSettings, "rescale")
    classifier: str = like(SamplingSettings, "classifier")
    classifier_scale: float = like(SamplingSettings, "classifier_scale")
    spacing: SpacingName = like(SamplingSettings, "spacing")
    schedule: ScheduleName = like(SamplingSettings, "schedule")
    clip: Clip = like(SamplingSettings, "clip")

    def settled(self) -> tuple[Self, list[Problem]]:
        """Two different axes, and an interval whose start is not above its end."""
        mended: dict[str, Any] = {}
        problems = []
        if self.across == self.down:
            mended["down"] = "seed" if self.across == "label" else "label"
            problems.append(
                Problem(
                    _("Both axes were {name}.", name=_(AXES[self.across])),
                    _("The rows were set to {other}.", other=_(AXES[mended["down"]])),
                )
            )
        if self.scale_from > self.scale_to:
            mended |= {"scale_from": self.scale_to, "scale_to": self.scale_from}
            problems.append(Problem(_("The guidance interval started above its end."), _("The two were exchanged.")))
        return (checked(self, **mended), problems) if mended else (self, [])


IN_EVERY_RECIPE = ("model", "sampler", "steps", "eta", "rescale", "spacing", "schedule", "clip")
OF_VIEW: dict[View, tuple[str, ...]] = {
    "sweep": (
        "across", "across_values", "down", "down_values", "pictures", "show", "label", "seed", "scale", "scale_from",
        "scale_to", "classifier", "classifier_scale", *IN_EVERY_RECIPE,
    ),
    "trace": ("beside", "count", "seed", "scale", "scale_from", "scale_to", "classifier", "classifier_scale", *IN_EVERY_RECIPE),
    "tradeoff": ("beside", "scales", "per_class", "seed", "scale_from", "scale_to", "classifier", *IN_EVERY_RECIPE),
    "density": ("preset", "side", "scale", "stochastic", "seed"),
}  # fmt: skip
"""The settings of each view."""


def hidden(controls: GuidanceControls) -> set[str]:
    """Names of settings that the view does not have."""
    view = controls.view
    shown = {"view", *OF_VIEW[view]}
    if view == "sweep":
        shown -= {controls.across, controls.down}
        if not controls.classifier and "classifier" not in (controls.across, controls.down):
            shown.discard("classifier_scale")
    elif view in ("trace", "tradeoff"):
        if controls.beside != "interval":
            shown -= {"scale_from", "scale_to"}
        if controls.beside != "classifier":
            shown -= {"classifier", "classifier_scale"}
    return set(type(controls).model_fields) - shown


def without_effect(controls: GuidanceControls) -> dict[str, str]:
    """Settings that have no effect, each with the reason."""
    from engine.samplers import SAMPLERS

    reasons = {}
    swept = (controls.across, controls.down) if controls.view == "sweep" else ()
    if "sampler" not in swept and "eta" not in SAMPLERS[controls.sampler].settings:
        reasons["eta"] = _("Only DDIM has it.")
    return reasons


def rules(visitor: Visitor) -> ControlRules[GuidanceControls]:
    """Each view has its own settings; models and classifiers are those of the visitor."""
    return ControlRules(
        hidden=hidden,
        disabled=without_effect,
        options=lambda now: choices(visitor, now.model),
        at_first=lambda _now: {
            "model": {"digits": "digits"},
            "label": {3: "3"},
            "classifier": {"": "none"},
            "sampler": {"ddim": "DDIM"},
            "spacing": {"uniform": _("uniform in t")},
        },
        bounds=visitor.bounds("guidance"),
    )


def choices(visitor: Visitor, model: str) -> dict[str, dict[Any, str]]:
    """The choices that are known at run time only, with their titles; classes are those of the model."""
    names = models.class_names_of(model, "", visitor)
    found = sampling.choices(models.choices(visitor), models.classifier_choices(visitor), names)
    return {name: titles for name, titles in found.items() if name in GuidanceControls.model_fields}


def recipe(controls: GuidanceControls, **changes: Any) -> Recipe:
    """The recipe of these settings; `changes` are fields of it. Raises pydantic's ValidationError."""
    from engine.recipes.recipe import Recipe

    names = ("scale", "scale_from", "scale_to", "classifier", "classifier_scale", *IN_EVERY_RECIPE)
    return Recipe.model_validate({**{name: getattr(controls, name) for name in names}, **changes})
