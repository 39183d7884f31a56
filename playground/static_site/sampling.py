"""The Sampling page: programs for every sampler that the browser knows, and recordings of what it cannot evaluate."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from engine.language import N_, Message, _
from engine.models.opened import Model
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.samplers import SAMPLERS
from playground.browser.instructions import ProgramError
from playground.browser.network import network_files, unsupported
from playground.browser.program import compile_program
from playground.browser.script import worker_script
from playground.components.payloads.encoding import Payload
from playground.labs.sampling import text, view
from playground.labs.sampling.controls import SamplingControls, sampler_titles
from playground.labs.sampling.job import SamplingJob
from playground.labs.shared.controls import describe, to_text
from playground.labs.shared.models import shipped
from playground.static_site.controls import Rule, SiteControls, site_controls
from playground.static_site.page import Packing, Page
from playground.static_site.stored import packed, packed_halves, packed_json

MODEL, EXACT = "digits", "ideal:digits"
STEPS = (5, 10, 20, 50, 100)
ETAS = (0.0, 0.5, 1.0)
VARIANCES = ("small", "large", "zero")
MOST_IMAGES = 16
OF_EACH_SIDE = ("sampler", "steps", "eta", "variance", "scale")
PLAIN, GUIDED = "plain", "guided"
LANES = ("x", "x0")
"""Of a timeline, which are those that a browser draws."""
DIGITS = 9
"""Of a coefficient that are kept: the browser computes with 7."""
LOOKING_AT = (
    N_("Each tile is one image: xₜ is being denoised, and x̂₀ predicts the clean image."),
    N_("Move a slider: a few images are drawn while you move it, and all when you let go. The strip has each step."),
    N_("Each step moves xₜ towards x̂₀ and leaves less noise. Your own machine evaluates the network; nothing is sent."),
)


@dataclass(frozen=True)
class SamplingPage(Payload):
    """What src/sampling.js shows.

    network, programs: where they are stored; `program_key` has the names of programs.
    recorded: of models that the browser cannot evaluate, where their timeline is stored.
    class_names: empty where the network knows none.
    samplers: titles by name; eta, variance: of a page that has no control for them.
    """

    network: str
    programs: str
    recorded: Mapping[str, str]
    class_names: tuple[str, ...]
    samplers: Mapping[str, str]
    eta: str = ""
    variance: str = ""


@dataclass(frozen=True, eq=False)
class Grid:
    """What a page can sample: a network, and each sampler with each of its settings in each number of steps.

    base: has the settings that the page does not change.
    etas, variances: of the samplers that have them.
    """

    model: Model
    base: Recipe
    samplers: tuple[str, ...] = tuple(SAMPLERS)
    steps: tuple[int, ...] = STEPS
    etas: tuple[float, ...] = ETAS
    variances: tuple[str, ...] = VARIANCES

    def recipes(self) -> Iterator[tuple[str, Recipe]]:
        """Each with the name of its program."""
        for name in self.samplers:
            of_sampler: list[tuple[str, dict[str, Any]]] = [("", {})]
            if "eta" in SAMPLERS[name].settings:
                of_sampler = [(f"{eta:g}", {"eta": eta}) for eta in self.etas]
            elif "variance" in SAMPLERS[name].settings:
                of_sampler = [(variance, {"variance": variance}) for variance in self.variances]
            for variant, settings in of_sampler:
                for steps in self.steps:
                    for guided in (PLAIN, GUIDED) if self.model.class_names else (PLAIN,):
                        changes = {
                            "sampler": name,
                            "steps": steps,
                            "scale": 1.0 if guided == PLAIN else 2.0,
                            **settings,
                        }
                        yield program_key(name, variant, steps, guided), self.base.model_copy(update=changes)

    def programs(self) -> str:
        """All programs, which are the same in every language. Raises ProgramError where the browser cannot do this."""
        found = {key: compile_program(recipe, self.model).to_payload() for key, recipe in self.recipes()}
        return packed_json(_shortened(found))

    def needs(self, network: str, programs: str) -> dict[str, Packing]:
        """What the page reads under these names, as src/teams.js looks for it."""
        return {**network_needs(network, self.model), programs: self.programs}


def network_needs(name: str, model: Model) -> dict[str, Packing]:
    """A network under a name, in half precision."""
    net = model.denoiser.net  # type: ignore[attr-defined]
    return {
        name: lambda: packed_halves(network_files(net, half=True).weights),
        f"{name}-config": lambda: packed_json(network_files(net, half=True).config),
    }


SPOKEN: dict[str, Packing] = {"worker": lambda: packed(worker_script().encode())}
"""What evaluates networks."""


def program_key(sampler: str, variant: str, steps: int, guided: str) -> str:
    """The name of a program; `variant` is eta or the variance, of samplers that have one."""
    return f"{sampler} {variant} {steps} {guided}"


def _shortened(value: Any) -> Any:
    """With `DIGITS` significant digits of every number."""
    if isinstance(value, float):
        return float(f"{value:.{DIGITS}g}")
    if isinstance(value, dict):
        return {name: _shortened(own) for name, own in value.items()}
    return [_shortened(own) for own in value] if isinstance(value, list) else value


# --- the page of the site ---------------------------------------------------------------------------------------------


def page(models: Sequence[str] = (MODEL, EXACT)) -> Page:
    """With the network that ships and the exact denoiser, or one of them, in the language that is spoken now."""
    model = open_model(MODEL)
    grid = Grid(model, Recipe(model=MODEL, labels=(0,)))
    recorded = {EXACT: "sampling-exact"} if EXACT in models else {}
    data = SamplingPage(MODEL, "sampling-programs", recorded, model.class_names, _samplers(grid))
    needs, spoken = (grid.needs(MODEL, "sampling-programs"), SPOKEN) if MODEL in models else ({}, {})
    spoken = spoken | dict.fromkeys(recorded.values(), exact)
    return Page("sampling", text, _looking_at(), data, _controls_of_lab(grid, models), needs, spoken)


def _controls_of_lab(grid: Grid, models: Sequence[str]) -> SiteControls:
    """Those that the page follows."""
    titles = {name: shipped()[name] for name in models}
    names = (
        *("model", "labels", "label", "count", "seed", *OF_EACH_SIDE, "compare"),
        *(f"b_{one}" for one in OF_EACH_SIDE),
    )
    recorded = _("A recording: the exact denoiser looks at all training images, which needs Python.")
    others = Rule(tuple(name for name in names if name != "model"), "model", (MODEL,), recorded)
    return _controls(grid, names, {"model": titles}, [others, *rules_of(names)])


def options_of(grid: Grid) -> dict[str, Mapping[Any, str]]:
    """The choices of a page with this grid, with their titles."""
    variances = dict(next(one for one in describe(SamplingControls) if one.name == "variance").options)
    return {
        "label": dict(enumerate(grid.model.class_names)),
        "sampler": _samplers(grid),
        "steps": {steps: str(steps) for steps in grid.steps},
        "eta": {eta: f"{eta:g}" for eta in grid.etas},
        "variance": {name: variances[name] for name in grid.variances},
    }


def _controls(
    grid: Grid, names: Sequence[str], more: Mapping[str, Mapping[Any, str]], rules: Sequence[Rule]
) -> SiteControls:
    options = {**options_of(grid), **more}
    options |= {f"b_{name}": options[name] for name in OF_EACH_SIDE if name in options}
    return site_controls(SamplingControls, names, options=options, rules=rules, bounds={"count": (1, MOST_IMAGES)})


def rules_of(names: Sequence[str]) -> list[Rule]:
    """When controls have an effect; see `playground.labs.sampling.controls.hidden` and `without_effect`."""
    rules = [Rule(("label",), "labels", ("one",)), Rule(tuple(f"b_{one}" for one in OF_EACH_SIDE), "compare", ("1",))]
    for prefix in ("", "b_"):
        for name, title in (("eta", "DDIM"), ("variance", "DDPM")):
            why = _("No effect now: it belongs to {sampler}.", sampler=title)
            users = tuple(key for key, sampler in SAMPLERS.items() if name in sampler.settings)
            rules.append(Rule((prefix + name,), f"{prefix}sampler", users, why))
        rules.append(Rule((f"{prefix}scale",), "labels", ("each", "one"), _("No effect now: guidance needs a label.")))
    return [rule for rule in rules if set(rule.names) <= set(names)]


def _samplers(grid: Grid) -> dict[str, str]:
    return {name: _(title) for name, title in sampler_titles().items() if name in grid.samplers}


def _looking_at() -> tuple[str, ...]:
    return tuple(_(line) for line in LOOKING_AT)


def exact() -> str:
    """The timeline of the exact denoiser that lessons look at, in the language that is spoken now."""
    recipe = Recipe(model=EXACT, seeds=tuple(range(MOST_IMAGES)), steps=20)
    job = SamplingJob("exact", open_model(EXACT), {"A": recipe})
    job.wait()
    timeline = view.run_timeline(job)
    if timeline is None:
        raise RuntimeError(job.state.error)
    return packed_json(
        replace(timeline, lanes=tuple(lane for lane in timeline.lanes if lane.key in LANES)).to_payload()
    )


# --- a page of one recipe ---------------------------------------------------------------------------------------------


def page_of(recipe: Recipe, model: Model) -> Page:
    """Where this recipe is sampled, and seed, images, class, scale and steps can be moved.

    Raises:
        ProgramError: where the browser cannot do this: an exact denoiser, an unsupported network.
        RecipeError, ModelError: as `Recipe.check`.
    """
    if problem := unsupported(model):
        raise ProgramError(problem)
    if recipe.classifier:
        raise ProgramError(Message("A page of one file is guided by labels alone: leave the classifier out."))
    labels = recipe.labels or ((0,) * len(recipe.seeds) if model.class_names else ())
    grid = Grid(
        model,
        recipe.model_copy(update={"labels": labels}),
        (recipe.sampler,),
        tuple(sorted({*STEPS, recipe.steps})),
        (recipe.eta,),
        (recipe.variance,),
    )
    of_class = ("labels", "label", "scale") if model.class_names else ()
    names = (*of_class[:2], "count", "seed", "steps", *of_class[2:])
    data = SamplingPage(
        *("network", "programs", {}, tuple(model.class_names), _samplers(grid)), f"{recipe.eta:g}", recipe.variance
    )
    controls = _controls(grid, names, {}, [rule for rule in rules_of(names) if not rule.setting.startswith("b_")])
    return Page("sampling", text, _looking_at(), data, controls, grid.needs("network", "programs"), SPOKEN)


def settings_of(recipe: Recipe) -> dict[str, str]:
    """The controls' values that draw this recipe, or, of one with seeds or labels in no order, what is near to it."""
    labels = "none" if not recipe.labels else "one" if len(set(recipe.labels)) == 1 else "each"
    values: dict[str, Any] = {"labels": labels, "label": recipe.labels[0] if labels == "one" else 0}
    values |= {"count": min(MOST_IMAGES, len(recipe.seeds)), "seed": recipe.seeds[0]}
    return {name: to_text(value) for name, value in (values | {"steps": recipe.steps, "scale": recipe.scale}).items()}
