"""What the reader sets in the Guidance lab: which of its four views, and the recipe that is looked at."""

from __future__ import annotations

from copy import copy
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import AfterValidator, create_model
from pydantic.fields import FieldInfo

from playground.labs.sampling import controls as sampling
from playground.labs.shared import models, ranges
from playground.labs.shared.controls import Controls, Field, checked, ui

if TYPE_CHECKING:
    from engine.recipes.recipe import Recipe
    from playground.policy.visitor import Visitor

View = Literal["sweep", "apart", "price", "law"]
VIEWS: dict[View, str] = {"sweep": "Sweep", "apart": "Apart", "price": "Price", "law": "2-D"}
AXES: dict[str, str] = {
    "scale": "guidance scale",
    "steps": "steps",
    "eta": "eta",
    "label": "class",
    "seed": "seed",
    "sampler": "sampler",
    "scale_from": "guide from",
    "scale_to": "guide up to",
    "rescale": "rescaling",
    "clip": "beyond black and white",
    "spacing": "spacing",
    "schedule": "noise schedule",
    "classifier": "classifier",
    "classifier_scale": "classifier's scale",
}
"""The controls of a recipe that can be swept, with what the reader reads."""
Axis = Literal[
    "scale", "steps", "eta", "label", "seed", "sampler", "scale_from", "scale_to", "rescale", "clip", "spacing",
    "schedule", "classifier", "classifier_scale",
]  # fmt: skip
Values = Annotated[str, AfterValidator(ranges.check_syntax)]
BESIDE = {"none": "nothing", "interval": "on an interval", "classifier": "a classifier"}


class _Sweep(Controls):
    view: View = Field(
        "sweep",
        title="View",
        description="A grid of pictures over two settings; guidance taken apart, step by step; what it costs in variety; or "
        "the law that it really draws from, in two dimensions.",
        json_schema_extra=ui(titles=VIEWS),
    )
    across: Axis = Field(
        "scale", title="Across", description="What changes from left to right.", json_schema_extra=ui(titles=AXES)
    )
    across_values: Values = Field(
        "0,1,2,4,8",
        max_length=ranges.MOST_LETTERS,
        title="Its values",
        description="start:stop:step with the stop included, such as 0:8:1; or 1,2,4; or names, such as ddim,ddpm. Empty for "
        "usual ones.",
    )
    down: Axis = Field(
        "label", title="Down", description="What changes from top to bottom.", json_schema_extra=ui(titles=AXES)
    )
    down_values: Values = Field(
        "0:4",
        max_length=ranges.MOST_LETTERS,
        title="Its values, down",
        description="Written in the same way.",
    )
    pictures: int = Field(
        1,
        ge=1,
        le=4,
        title="Pictures in a cell",
        description="They have the seeds seed, seed + 1, …, the same in every cell.",
    )
    show: Literal["x0", "x"] = Field(
        "x0",
        title="Cells show",
        description="What the model thinks is underneath at each step, or the noisy picture itself.",
        json_schema_extra=ui(titles={"x0": "the guess x̂₀", "x": "the noisy xₜ"}),
    )
    beside: Literal["none", "interval", "classifier"] = Field(
        "none",
        title="Compare with",
        description="The same guidance on an interval of noise levels only, or the push of a classifier that reads noisy "
        "pictures.",
        json_schema_extra=ui(titles=BESIDE),
    )
    count: int = Field(8, ge=1, le=16, title="Images", description="How many are drawn together.")
    scales: Values = Field(
        "0,1,2,3,4,6,8",
        max_length=ranges.MOST_LETTERS,
        title="Scales",
        description="At each of them pictures of every class are drawn and judged.",
    )
    per_class: int = Field(
        4, ge=3, le=20, title="Pictures of each class", description="More make the bands narrower, and take longer."
    )
    preset: Literal["split", "near", "ring"] = Field(
        "split",
        title="Two classes in the plane",
        description="Mixtures of Gaussians, for which every density is known exactly.",
        json_schema_extra=ui(titles={"split": "two spots", "near": "neighbours", "ring": "ring"}),
    )
    side: Literal["A", "B"] = Field(
        "A", title="Class wanted", description="The one to be guided to.", json_schema_extra=ui()
    )
    w: float = Field(
        3.0,
        ge=0,
        le=8,
        title="Guidance scale w",
        description="1 is the plain conditional law, 0 ignores the class.",
        json_schema_extra=ui(step=0.25),
    )
    stochastic: Literal["ddim", "ddpm"] = Field(
        "ddim",
        title="Way",
        description="Straight there, or with fresh noise at every step. Guided, the two no longer end in the same law.",
        json_schema_extra=ui(titles={"ddim": "DDIM", "ddpm": "DDPM"}),
    )


def _of_sampling(name: str, **changes: Any) -> FieldInfo:
    field = copy(sampling.SamplingSettings.model_fields[name])
    for key, value in changes.items():
        setattr(field, key, value)
    return field


_TAKEN = {
    "model": {},
    "label": {},
    "scale": {"default": 3.0},
    "sampler": {},
    "steps": {"default": 20},
    "eta": {},
    "seed": {},
    "scale_from": {},
    "scale_to": {},
    "rescale": {},
    "classifier": {},
    "classifier_scale": {},
    "spacing": {},
    "schedule": {},
    "clip": {},
}
"""Settings of the Sampling lab that this one has too, and in what they differ here."""

_Base = create_model(
    "_Base",
    __base__=_Sweep,
    **{
        name: (sampling.SamplingSettings.model_fields[name].annotation, _of_sampling(name, **new))
        for name, new in _TAKEN.items()
    },
)


class GuidanceControls(_Base):  # type: ignore[misc, valid-type]
    """All settings of the lab; each view has its own."""

    def settled(self) -> tuple[Self, list[str]]:
        """Two axes are two settings; and an interval has its ends in order."""
        mended: dict[str, Any] = {}
        said = []
        if self.across == self.down:
            mended["down"] = "seed" if self.across == "label" else "label"
            said.append(f"Both axes were {AXES[self.across]}: down it is {AXES[mended['down']]} now.")
        if self.scale_from > self.scale_to:
            mended |= {"scale_from": self.scale_to, "scale_to": self.scale_from}
            said.append("Guidance began above where it ended: the two were exchanged.")
        return (checked(self, **mended), said) if mended else (self, [])


IN_EVERY_RECIPE = ("model", "sampler", "steps", "eta", "rescale", "spacing", "schedule", "clip")
OF_VIEW: dict[View, tuple[str, ...]] = {
    "sweep": (
        "across", "across_values", "down", "down_values", "pictures", "show", "label", "seed", "scale", "scale_from",
        "scale_to", "classifier", "classifier_scale", *IN_EVERY_RECIPE,
    ),
    "apart": ("beside", "count", "seed", "scale", "scale_from", "scale_to", "classifier", "classifier_scale", *IN_EVERY_RECIPE),
    "price": ("beside", "scales", "per_class", "seed", "scale_from", "scale_to", "classifier", *IN_EVERY_RECIPE),
    "law": ("preset", "side", "w", "stochastic", "seed"),
}  # fmt: skip
"""Which settings matter to which view."""


def hidden(controls: GuidanceControls) -> set[str]:
    """Settings that there is nothing to set with now."""
    view = controls.view
    shown = {"view", *OF_VIEW[view]}
    if view == "sweep":
        shown -= {controls.across, controls.down}
        if not controls.classifier and "classifier" not in (controls.across, controls.down):
            shown.discard("classifier_scale")
    elif view in ("apart", "price"):
        if controls.beside != "interval":
            shown -= {"scale_from", "scale_to"}
        if controls.beside != "classifier":
            shown -= {"classifier", "classifier_scale"}
    return set(type(controls).model_fields) - shown


def without_effect(controls: GuidanceControls) -> dict[str, str]:
    """Settings that change nothing now, each with the reason."""
    from engine.samplers import SAMPLERS

    reasons = {}
    swept = (controls.across, controls.down) if controls.view == "sweep" else ()
    if "sampler" not in swept and "eta" not in SAMPLERS[controls.sampler].settings:
        reasons["eta"] = "No effect now: it belongs to DDIM."
    return reasons


def choices(visitor: Visitor) -> dict[str, dict[str, str]]:
    """What there is to choose from, with what the reader reads."""
    found = sampling.choices(models.choices(visitor), models.classifier_choices(visitor))
    return {name: titles for name, titles in found.items() if name in GuidanceControls.model_fields}


def recipe(controls: GuidanceControls, **changes: Any) -> Recipe:
    """The recipe of these settings; `changes` are fields of it. Raises pydantic's ValidationError."""
    from engine.recipes.recipe import Recipe

    names = ("scale", "scale_from", "scale_to", "classifier", "classifier_scale", *IN_EVERY_RECIPE)
    return Recipe.model_validate({**{name: getattr(controls, name) for name in names}, **changes})
