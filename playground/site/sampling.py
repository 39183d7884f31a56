"""The Sampling page: programs for every sampler that the browser knows, and recordings of what it cannot evaluate."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from engine.language import N_, _
from engine.recipes.recipe import Recipe
from engine.registry import open_model
from engine.samplers import SAMPLERS
from playground.browser.network import network_files
from playground.browser.program import compile_program
from playground.browser.script import worker_script
from playground.components.payloads.encoding import Payload
from playground.labs.sampling import text, view
from playground.labs.sampling.controls import SamplingControls, sampler_titles
from playground.labs.sampling.job import SamplingJob
from playground.labs.shared.controls import describe
from playground.labs.shared.models import shipped
from playground.site.controls import Rule, SiteControls, site_controls
from playground.site.page import Page
from playground.site.stored import packed, packed_halves, packed_json

MODEL, EXACT = "digits", "ideal:digits"
STEPS = (5, 10, 20, 50, 100)
ETAS = (0.0, 0.5, 1.0)
VARIANCES = ("small", "large", "zero")
MOST_IMAGES = 16
OF_EACH_SIDE = ("sampler", "steps", "eta", "variance", "scale")
PLAIN, GUIDED = "plain", "guided"
LOOKING_AT = (
    N_("Each tile is one image: xₜ is being denoised, and x̂₀ predicts the clean image."),
    N_("Move a slider: a few images are drawn while you move it, and all when you let go. The strip has each step."),
    N_("Each step moves xₜ towards x̂₀ and leaves less noise. Your own machine evaluates the network; nothing is sent."),
)


@dataclass(frozen=True)
class SamplingPage(Payload):
    """What site/src/sampling.js shows.

    programs: where they are stored; `program_key` has their names.
    recorded: of models that the browser cannot evaluate, where their timeline is stored.
    samplers: titles by name.
    """

    programs: str
    recorded: Mapping[str, str]
    class_names: tuple[str, ...]
    samplers: Mapping[str, str]


def page() -> Page:
    """The page in the language that is spoken now."""
    titles = {name: _(title) for name, title in sampler_titles().items()}
    data = SamplingPage("sampling-programs", {EXACT: "sampling-exact"}, open_model(MODEL).class_names, titles)
    needs = {**NETWORK, "sampling-programs": programs}
    return Page(
        "sampling",
        text,
        tuple(_(line) for line in LOOKING_AT),
        data,
        controls(),
        needs,
        SPOKEN | {"sampling-exact": exact},
    )


NETWORK = {
    MODEL: lambda: packed_halves(network_files(open_model(MODEL).denoiser.net, half=True).weights),  # type: ignore[attr-defined]
    f"{MODEL}-config": lambda: packed_json(network_files(open_model(MODEL).denoiser.net, half=True).config),  # type: ignore[attr-defined]
}
"""The network that ships, as src/teams.js looks for it."""
SPOKEN = {"worker": lambda: packed(worker_script().encode())}
"""What evaluates it."""


def controls() -> SiteControls:
    """Those of the lab that the browser follows."""
    variances = dict(next(one for one in describe(SamplingControls) if one.name == "variance").options)
    options: dict[str, Mapping[Any, str]] = {
        "model": {name: shipped()[name] for name in (MODEL, EXACT)},
        "label": dict(enumerate(open_model(MODEL).class_names)),
        "sampler": sampler_titles(),
        "steps": {steps: str(steps) for steps in STEPS},
        "eta": {eta: f"{eta:g}" for eta in ETAS},
        "variance": {name: variances[name] for name in VARIANCES},
    }
    options |= {f"b_{name}": options[name] for name in OF_EACH_SIDE if name in options}
    names = (
        "model",
        "labels",
        "label",
        "count",
        "seed",
        *OF_EACH_SIDE,
        "compare",
        *(f"b_{one}" for one in OF_EACH_SIDE),
    )
    return site_controls(
        SamplingControls, names, options=options, rules=_rules(names), bounds={"count": (1, MOST_IMAGES)}
    )


def _rules(names: Sequence[str]) -> list[Rule]:
    """When controls have an effect; see `playground.labs.sampling.controls.hidden` and `without_effect`."""
    recorded = _("A recording: the exact denoiser looks at all training images, which needs Python.")
    rules = [Rule(tuple(name for name in names if name != "model"), "model", (MODEL,), recorded)]
    rules += [Rule(("label",), "labels", ("one",)), Rule(tuple(f"b_{one}" for one in OF_EACH_SIDE), "compare", ("1",))]
    for prefix in ("", "b_"):
        for name, title in (("eta", "DDIM"), ("variance", "DDPM")):
            why = _("No effect now: it belongs to {sampler}.", sampler=title)
            users = tuple(key for key, sampler in SAMPLERS.items() if name in sampler.settings)
            rules.append(Rule((prefix + name,), f"{prefix}sampler", users, why))
        rules.append(Rule((f"{prefix}scale",), "labels", ("each", "one"), _("No effect now: guidance needs a label.")))
    return rules


def program_key(sampler: str, variant: str, steps: int, guided: str) -> str:
    """The name of a program; `variant` is eta or the variance, of samplers that have one."""
    return f"{sampler} {variant} {steps} {guided}"


def programs() -> str:
    """All programs, which are the same in every language; `open_model` and the compiler decide what they do."""
    model = open_model(MODEL)
    found = {}
    for sampler, entry in SAMPLERS.items():
        variants: list[tuple[str, dict[str, Any]]] = [("", {})]
        if "eta" in entry.settings:
            variants = [(f"{eta:g}", {"eta": eta}) for eta in ETAS]
        elif "variance" in entry.settings:
            variants = [(name, {"variance": name}) for name in VARIANCES]
        for variant, settings in variants:
            for steps in STEPS:
                for guided, scale in ((PLAIN, 1.0), (GUIDED, 2.0)):
                    recipe = Recipe(model=MODEL, sampler=sampler, steps=steps, labels=(0,), scale=scale, **settings)
                    program = compile_program(recipe, model)
                    found[program_key(sampler, variant, steps, guided)] = program.to_payload()
    return packed_json(found)


def exact() -> str:
    """The timeline of the exact denoiser that lessons look at, in the language that is spoken now."""
    count = 16
    recipe = Recipe(model=EXACT, seeds=tuple(range(count)), steps=20)
    job = SamplingJob("exact", open_model(EXACT), {"A": recipe})
    job.wait()
    timeline = view.run_timeline(job)
    if timeline is None:
        raise RuntimeError(job.state.error)
    return packed_json(timeline.to_payload())
