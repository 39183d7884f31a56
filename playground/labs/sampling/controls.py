"""What the reader sets in the Sampling lab, for one setting or two of them on the same noise, and the recipes that follow."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, create_model, model_validator
from pydantic.fields import FieldInfo

from playground.labs.shared.controls import Controls, Field, demanded, ui
from playground.labs.shared.models import classes_told_apart

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe
    from playground.policy.visitor import Visitor

Side = Literal["A", "B"]

VARIANCE_TITLES = {"small": "β̃ (small)", "large": "β (large)", "learned": "learned", "zero": "none"}
SCHEDULE_TITLES = {"own": "the model's own", "linear": "linear", "cosine": "cosine", "sigmoid": "sigmoid"}
SPACING_TITLES = {"uniform": "even in t", "quadratic": "even in √t", "log-snr": "even in log-SNR"}
CLIP_TITLES = {"range": "clip", "quantile": "scale back", "none": "leave it"}
GUIDANCE, MORE, SECOND = "More guidance", "More", "B: another setting on the same noise"


def sampler_titles() -> dict[str, str]:
    """Every sampler that there is, with what the reader reads."""
    from engine.samplers import SAMPLERS

    return {name: sampler.title for name, sampler in SAMPLERS.items()}


def spacing_titles() -> dict[str, str]:
    """The same for where the steps lie."""
    from engine.schedule import SPACINGS

    return {name: SPACING_TITLES.get(name, name) for name in SPACINGS}


def one_of(titles: Callable[[], dict[str, str]], what: str) -> AfterValidator:
    """Checks a name in a registry of the engine, which is not loaded before somebody asks for another than the default."""

    def check(name: str) -> str:
        if name not in titles():
            raise ValueError(f"There is no such {what}: there are {', '.join(titles())}.")
        return name

    return AfterValidator(check)


class SamplingSettings(Controls):
    """What the reader sets. In a comparison B has everything from the sampler on once more."""

    model: str = Field(
        "digits", max_length=500, title="Model", description="Who says what is under the noise.", json_schema_extra=ui()
    )
    labels: Literal["each", "one", "none"] = Field(
        "each",
        title="Labels",
        description="Which classes to draw: each in turn, one only, or none (the model decides).",
        json_schema_extra=ui(titles={"each": "each in turn", "one": "one", "none": "none"}),
    )
    label: int = Field(
        3, ge=0, le=999, title="Class", description="The one class to draw.", json_schema_extra=ui(slider=False)
    )
    count: int = Field(16, ge=1, le=64, title="Images", description="How many are drawn together.")
    seed: int = Field(
        0,
        ge=0,
        le=2**53 - 100,
        title="Seed",
        description="Image k has the seed + k, and comes out the same whatever it is drawn together with.",
        json_schema_extra=ui(slider=False),
    )
    smoothing: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Smoothing",
        description="The ideal denoiser takes every training picture for a cloud with this standard deviation. At 0 it can "
        "only give training pictures back; the larger it is, the further from all of them its pictures lie.",
        json_schema_extra=ui(step=0.05),
    )
    sampler: Annotated[str, one_of(sampler_titles, "sampler")] = Field(
        "ddim",
        title="Sampler",
        description="DDPM adds fresh noise at every step; DDIM goes straight there and needs fewer steps; Heun and "
        "DPM-Solver++ follow the same path as DDIM more exactly.",
    )
    steps: int = Field(50, ge=1, le=1000, title="Steps", description="How many there are from noise to picture.")
    eta: float = Field(
        0.0,
        ge=0,
        le=1,
        title="eta",
        description="How much of DDPM's noise DDIM adds again at each step: 0 none, 1 all. It scales the standard deviation.",
        json_schema_extra=ui(step=0.05),
    )
    variance: Literal["small", "large", "learned", "zero"] = Field(
        "small",
        title="Variance",
        description="How much noise DDPM adds at each step; “learned” needs a model that has learned it. None at all is "
        "worth seeing; it is not the same as DDIM.",
        json_schema_extra=ui(titles=VARIANCE_TITLES),
    )
    scale: float = Field(
        2.0,
        ge=0,
        le=8,
        title="Guidance scale",
        description="1 is the plain conditional model, 0 ignores the label, above 1 exaggerates what the label changes. "
        "The w of Ho & Salimans is this minus 1.",
        json_schema_extra=ui(step=0.25),
    )
    scale_from: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Guide from a noise share of",
        description="Guidance works only while the share of noise, 1 − ᾱ, is at least this.",
        json_schema_extra=ui(step=0.05, group=GUIDANCE),
    )
    scale_to: float = Field(
        1.0,
        ge=0,
        le=1,
        title="Guide up to",
        description="Guidance works only while the share of noise is at most this; else the plain conditional model answers.",
        json_schema_extra=ui(step=0.05, group=GUIDANCE),
    )
    rescale: float = Field(
        0.0,
        ge=0,
        le=1,
        title="Rescaling",
        description="Guidance raises the contrast; 1 brings the spread of x̂0 back to what it is without, 0 leaves it.",
        json_schema_extra=ui(step=0.05, group=GUIDANCE),
    )
    classifier: str = Field(
        "",
        max_length=500,
        title="Classifier",
        description="One that reads noisy pictures can push towards the label too: set the guidance scale to 0 to leave it "
        "to the classifier alone.",
        json_schema_extra=ui(group=GUIDANCE),
    )
    classifier_scale: float = Field(
        1.0,
        ge=0,
        le=20,
        title="Classifier's scale s",
        description="How hard it pushes: 1 is Bayes' rule, 0 nothing.",
        json_schema_extra=ui(step=0.25, group=GUIDANCE),
    )
    spacing: Annotated[str, one_of(spacing_titles, "spacing")] = Field(
        "uniform",
        title="Steps lie",
        description="Evenly in t, closer together near the clean end, or evenly in the logarithm of signal over noise.",
        json_schema_extra=ui(group=MORE),
    )
    schedule: Literal["own", "linear", "cosine", "sigmoid"] = Field(
        "own",
        title="Noise schedule",
        description="The one to walk down. It may be another than in training: the model looks at the noise level.",
        json_schema_extra=ui(titles=SCHEDULE_TITLES, group=MORE),
    )
    T: int = Field(
        1000,
        ge=1,
        le=1000,
        title="T",
        description="Steps of the noise schedule, where it is not the model's own.",
        json_schema_extra=ui(group=MORE),
    )
    clip: Literal["range", "quantile", "none"] = Field(
        "range",
        title="Beyond black and white",
        description="What to do with an x̂0 out of range: clip it at every step, as Ho et al. do; scale the picture back by "
        "its 99.5 % quantile, which strong guidance needs; or leave it.",
        json_schema_extra=ui(titles=CLIP_TITLES, group=MORE),
    )
    compare: bool = Field(
        False, title="Compare A | B", description="Draw the same noise with a second setting beside it."
    )

    @model_validator(mode="before")
    @classmethod
    def _yes_and_no(cls, values: dict[str, Any]) -> dict[str, Any]:
        """Links of earlier days say 0 or 1 for clipping."""
        old = {"0": "none", "1": "range"}
        return {name: old.get(value, value) if name == "clip" else value for name, value in values.items()}


OF_EACH_SIDE = (
    "smoothing",
    "sampler",
    "steps",
    "eta",
    "variance",
    "scale",
    "scale_from",
    "scale_to",
    "rescale",
    "classifier",
    "classifier_scale",
    "spacing",
    "schedule",
    "clip",
)
"""What B may have otherwise than A."""


GUIDED_BY_LABEL = ("scale", "scale_from", "scale_to", "rescale")
"""What only matters to a model that knows classes itself."""


def _of_b(name: str) -> FieldInfo:
    field = copy(SamplingSettings.model_fields[name])
    hints = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else ui()
    field.title, field.description = f"{field.title}, B", "As for A."
    field.json_schema_extra = {"ui": {**hints["ui"], "group": SECOND}}  # type: ignore[dict-item]
    if name == "sampler":
        field.default = "ddpm"  # something to compare with, at once
    return field


SamplingControls = create_model(
    "SamplingControls",
    __base__=SamplingSettings,
    **{f"b_{name}": (SamplingSettings.model_fields[name].annotation, _of_b(name)) for name in OF_EACH_SIDE},
)
B_FIELDS = tuple(f"b_{name}" for name in OF_EACH_SIDE)


def recipes(controls: SamplingSettings, classes: int) -> dict[Side, Recipe]:
    """What is to be computed: one recipe, or two that differ in nothing but the settings of B.

    Args:
        controls: as set.
        classes: how many the model knows; of one that knows none, how many the classifier does that guides it.

    Raises:
        pydantic.ValidationError, RecipeError: where the settings cannot be carried out.
    """
    from engine.recipes.recipe import Recipe, RecipeError

    if controls.labels == "none" or not classes:
        labels: tuple[int, ...] = ()
    elif controls.labels == "one":
        if controls.label >= classes:
            raise RecipeError(
                f"This model knows the classes 0 … {classes - 1}: choose another class than {controls.label}."
            )
        labels = (controls.label,) * controls.count
    else:
        labels = tuple(k % classes for k in range(controls.count))
    seeds = tuple(controls.seed + k for k in range(controls.count))
    common = {"model": controls.model, "labels": labels, "seeds": seeds}

    def one(prefix: str) -> Recipe:
        settings = {name: getattr(controls, prefix + name) for name in OF_EACH_SIDE}
        if settings["schedule"] != "own":
            settings["T"] = controls.T
        if not _is_ideal(controls):
            del settings["smoothing"]
        if not settings["classifier"] or not labels:
            del settings["classifier"], settings["classifier_scale"]
        if not labels:  # nothing to guide towards, and the page says so: a recipe that asked for it would be refused
            for name in GUIDED_BY_LABEL:
                del settings[name]
        return Recipe.model_validate({**common, **settings})

    return {"A": one(""), "B": one("b_")} if controls.compare else {"A": one("")}


def _is_ideal(controls: SamplingSettings) -> bool:
    return controls.model.startswith("ideal:")


def hidden(controls: SamplingSettings) -> set[str]:
    """Controls that there is nothing to set with now."""
    away = set() if controls.labels == "one" else {"label"}
    for prefix in ("", "b_"):
        away |= set() if _is_ideal(controls) else {prefix + "smoothing"}
        away |= set() if getattr(controls, prefix + "classifier") else {prefix + "classifier_scale"}
    return away | (set() if controls.compare else set(B_FIELDS))


def without_effect(controls: SamplingSettings, classes: int) -> dict[str, str]:
    """Controls that change nothing now, each with the reason.

    Args:
        controls: as set.
        classes: how many the model itself knows.
    """
    from engine.samplers import SAMPLERS

    reasons = {}
    for prefix in ("", "b_"):
        uses = SAMPLERS[getattr(controls, prefix + "sampler")].settings
        if "eta" not in uses:
            reasons[prefix + "eta"] = "No effect now: it belongs to DDIM."
        if "variance" not in uses:
            reasons[prefix + "variance"] = "No effect now: it belongs to DDPM."
        if controls.labels == "none":
            for name in (*GUIDED_BY_LABEL, "classifier", "classifier_scale"):
                reasons[prefix + name] = "No effect now: there is no label to be guided by."
        elif not classes:
            for name in GUIDED_BY_LABEL:
                reasons[prefix + name] = "No effect now: this model knows no classes. A classifier can guide it."
        elif getattr(controls, prefix + "scale") == 1:
            for name in GUIDED_BY_LABEL[1:]:
                reasons[prefix + name] = "No effect now: at scale 1 there is nothing to guide."
    if not classes and not controls.classifier:
        reasons["labels"] = "This model knows no classes. A classifier, under “More guidance”, can guide it to some."
    if controls.schedule == "own" and not (controls.compare and getattr(controls, "b_schedule") != "own"):  # noqa: B009
        reasons["T"] = "No effect now: the model's own schedule has its own T."
    return reasons


def choices(models: dict[str, str], classifiers: dict[str, str]) -> dict[str, dict[str, str]]:
    """What there is to choose from, for A and for B, with what the reader reads."""
    of_each = {"sampler": sampler_titles(), "spacing": spacing_titles(), "classifier": classifiers}
    return {"model": models, **of_each, **{f"b_{name}": titles for name, titles in of_each.items()}}


def open_recipes(controls: SamplingSettings, visitor: Visitor) -> tuple[Model, dict[Side, Recipe]]:
    """The model of these settings, and the recipe of each side, which the visitor may draw and which fit the model.

    Raises ValueError with a sentence for the reader.
    """
    model = visitor.open_model(controls.model)
    found = recipes(controls, len(model.class_names) or classes_told_apart(controls.classifier, visitor))
    visitor.check_drawing(found)
    for recipe in found.values():
        recipe.check(model)
    return model, found


NO_LINK = (
    "The lab draws with seeds one after the other, and with one class, each class in turn, or none. This recipe has others, so "
    "no link opens it."
)


def controls_of(recipe: Recipe, classes: int) -> SamplingSettings:
    """The settings that ask for this recipe, the other way round than `recipes`.

    Args:
        recipe: of any origin.
        classes: how many its model knows.

    Raises:
        ValueError: with a sentence for the reader, where the lab cannot be set so.
    """
    labels = "none" if not recipe.labels else "one" if len(set(recipe.labels)) == 1 else "each"
    values = {name: getattr(recipe, name) for name in (*OF_EACH_SIDE, "model", "T")}
    values |= {"labels": labels, "count": len(recipe.seeds), "seed": recipe.seeds[0]}
    if labels == "one":
        values["label"] = recipe.labels[0]
    controls: SamplingSettings = demanded(SamplingControls, values)
    again = recipes(controls, classes)["A"]
    if (again.labels, again.seeds) != (recipe.labels, recipe.seeds):
        raise ValueError(NO_LINK)
    return controls
