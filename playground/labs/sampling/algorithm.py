"""The algorithm of a sampling run, line by line, with the numbers of each step, which the engine computes from the levels."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from engine.language import _
from playground.components.payloads.panels import AlgorithmLine, AlgorithmPanel
from playground.labs.sampling.controls import Side
from playground.labs.shared.naming import cited

if TYPE_CHECKING:
    from engine.models.opened import Model
    from engine.recipes.recipe import Recipe

X0, NOISE, XS, TRIAL = "<i>x̂</i><sub>0</sub>", "<i>ε̂</i>", "<i>x</i><sub>s</sub>", "<i>x</i>′<sub>s</sub>"
SIGNAL_T, SIGNAL_S = "<sqrt><i>ᾱ</i><sub>t</sub></sqrt>", "<sqrt><i>ᾱ</i><sub>s</sub></sqrt>"
SIGMA_T = "<sqrt>1 − <i>ᾱ</i><sub>t</sub></sqrt>"
TERMS = {"x0": "x̂₀", "x0 previous": "x̂₀⁻", "x": "x{t}", "noise": "ε̂", "noise second": "ε̂′", "fresh": "z"}
"""Symbols of the terms that a step may have, in the order in which they are written."""
SUBSCRIPTS = str.maketrans("0123456789", "₀₁₂₃₄₅₆₇₈₉")
VARIANCES = {
    "small": "<i>σ</i>² = <i>β̃</i> = (1 − <i>ᾱ</i><sub>s</sub>) / (1 − <i>ᾱ</i><sub>t</sub>) · <i>β</i>",
    "large": "<i>σ</i>² = <i>β</i>",
    "learned": "<i>σ</i>² = exp(<i>v</i><sub>θ</sub> log <i>β</i> + (1 − <i>v</i><sub>θ</sub>) log <i>β̃</i>)",
    "zero": "<i>σ</i> = 0",
}
POSTERIOR = (
    f"{XS} = {SIGNAL_S} <i>β</i> / (1 − <i>ᾱ</i><sub>t</sub>) {X0}"
    " + <sqrt>1 − <i>β</i></sqrt> (1 − <i>ᾱ</i><sub>s</sub>) / (1 − <i>ᾱ</i><sub>t</sub>) <i>x</i><sub>t</sub>"
)


@dataclass(frozen=True)
class Step:
    """The numbers of one step from t to s.

    coefficients: of each term by its name, as in `engine.analysis.step_decomposition`; of a learned variance with v = 0 and 1.
    """

    t: int
    s: int
    alpha_bar: tuple[float, float]
    """At t and at s."""
    beta: float
    coefficients: tuple[dict[str, float], ...]


def steps_of(recipe: Recipe, model: Model, numbers: Iterable[int]) -> dict[int, Step]:
    """The steps with these numbers, 0 for the first, of the trajectory of a recipe; there is none that leaves t = 0."""
    from engine.analysis.step_decomposition import step_coefficients
    from engine.samplers import SAMPLERS

    schedule = recipe.noise_schedule(model)
    times = schedule.timesteps(recipe.steps, recipe.spacing)
    levels = [schedule.level(t) for t in times]
    sampler = SAMPLERS[recipe.sampler](recipe.eta, recipe.variance)
    mixes = (0.0, 1.0) if recipe.sampler == "ddpm" and recipe.variance == "learned" else (None,)
    return {
        k: Step(
            times[k],
            times[k + 1],
            (float(levels[k].alpha_bar), float(levels[k + 1].alpha_bar)),
            float(levels[k].variance_since(levels[k + 1])),
            tuple(
                step_coefficients(sampler, levels[k], levels[k + 1], levels[k - 1] if k else None, mix) for mix in mixes
            ),
        )
        for k in numbers
        if k < len(times) - 1
    }


# --- lines ------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    """A line within a step. It is carried out where the step has the term `having`, and has not the term `lacking`."""

    text: str
    having: str = ""
    lacking: str = ""
    is_update: bool = False

    def is_taken(self, step: Step) -> bool:
        terms = step.coefficients[-1]
        return (not self.having or self.having in terms) and self.lacking not in terms


@dataclass(frozen=True)
class _Update:
    """How a sampler takes a step once it has x̂0 and ε̂."""

    source: str
    lines: tuple[_Line, ...]


def _ddim(x0: str, noise: str, result: str = XS, *, is_random: bool = False) -> str:
    """The update of DDIM with these predictions; Song et al. 2021, eq. 12."""
    variance = "1 − <i>ᾱ</i><sub>s</sub>" + (" − <i>σ</i>²" if is_random else "")
    return f"{result} = {SIGNAL_S} {x0} + <sqrt>{variance}</sqrt> {noise}" + (
        " + <i>σ</i> <i>z</i>" if is_random else ""
    )


def _update(recipe: Recipe) -> _Update:
    """The lines of this sampler; one that has none here has its update in numbers alone."""
    draw = _Line("<i>z</i> ~ <i>N</i>(0, <i>I</i>)", having="fresh")
    if recipe.sampler == "ddpm":
        is_random = recipe.variance != "zero"
        update = _Line(POSTERIOR + (" + <i>σ</i> <i>z</i>" if is_random else ""), is_update=True)
        lines = (_Line(VARIANCES[recipe.variance], having="fresh"), draw, update) if is_random else (update,)
        return _Update("Ho et al. 2020, algorithm 2, eq. 7", lines)
    if recipe.sampler == "ddim":
        is_random = recipe.eta > 0
        update = _Line(_ddim(X0, NOISE, is_random=is_random), is_update=True)
        sigma = _Line(f"<i>σ</i> = {recipe.eta:g} <sqrt><i>β̃</i></sqrt>", having="fresh")
        return _Update("Song et al. 2021, eq. 12", (sigma, draw, update) if is_random else (update,))
    if recipe.sampler == "heun":
        mean = "½ (<i>ε̂</i> + <i>ε̂</i>′)"
        return _Update(
            "Karras et al. 2022, algorithm 1",
            (
                _Line(_ddim(X0, NOISE, TRIAL)),
                _Line(
                    f"{XS} = {TRIAL}" + _(" where the step is too long, else:"), lacking="noise second", is_update=True
                ),
                _Line(f"<i>ε̂</i>′ = <i>ε̂</i>({TRIAL}, <i>ᾱ</i><sub>s</sub>)", having="noise second"),
                _Line(
                    _ddim(f"(<i>x</i><sub>t</sub> − {SIGMA_T} {mean}) / {SIGNAL_T}", mean),
                    "noise second",
                    is_update=True,
                ),
            ),
        )
    if recipe.sampler in ("dpm++2m", "dpm++2m-sde"):
        is_random = recipe.sampler == "dpm++2m-sde"
        extrapolated = f"<i>D</i> = {X0} + ½ <i>h</i> / <i>h</i>⁻ ({X0} − <i>x̂</i>⁻<sub>0</sub>)"
        noise = f"(<i>x</i><sub>t</sub> − {SIGNAL_T} <i>D</i>) / {SIGMA_T}"
        lines = (
            _Line(f"<i>D</i> = {X0}" + _(" in the first and the last step, else:"), lacking="x0 previous"),
            _Line(extrapolated, having="x0 previous"),
            *((_Line("<i>σ</i>² = <i>β̃</i>", having="fresh"), draw) if is_random else ()),
            _Line(_ddim("<i>D</i>", noise, is_random=is_random), is_update=True),
        )
        return _Update("Lu et al. 2022b, algorithm 2", lines)
    return _Update("", (_Line(f"{XS} = <i>F</i>(<i>x</i><sub>t</sub>, {X0}, {NOISE})", is_update=True),))


# --- the panel --------------------------------------------------------------------------------------------------------


def panels(
    recipes: Mapping[Side, Recipe], steps: Mapping[Side, Mapping[int, Step]], shown: Mapping[Side, Sequence[int]]
) -> tuple[AlgorithmPanel, ...]:
    """The algorithm of each side; one for both where they take the same steps.

    Args:
        recipes: of each side.
        steps: of each side, by their numbers; without the one that would leave t = 0.
        shown: the number of the step that leaves each position, of each side.
    """
    made = {side: _panel(recipes[side], steps[side], shown[side]) for side in shown}
    if len(made) > 1 and len({repr(panel) for panel in made.values()}) > 1:
        return tuple(
            replace(panel, title=_("{name}: {value}", name=side, value=panel.title)) for side, panel in made.items()
        )
    return tuple(made.values())[:1]


def _panel(recipe: Recipe, steps: Mapping[int, Step], shown: Sequence[int]) -> AlgorithmPanel:
    from engine.samplers import SAMPLERS

    last = max(steps)
    taken = [steps[min(number, last)] for number in shown]
    update = _update(recipe)
    lines = [
        AlgorithmLine("<i>x</i><sub>T</sub> ~ <i>N</i>(0, <i>I</i>)"),
        AlgorithmLine(
            _(
                "in {steps} steps, from <i>t</i> to <i>s</i>: <i>β</i> = 1 − <i>ᾱ</i><sub>t</sub> / <i>ᾱ</i><sub>s</sub>",
                steps=recipe.steps,
            ),
            "<i>t</i> = {t}, <i>s</i> = {s}: <i>ᾱ</i><sub>t</sub> = {a}, <i>ᾱ</i><sub>s</sub> = {b}, <i>β</i> = {beta}",
        ),
        AlgorithmLine(
            f"{X0} = <i>f</i><sub>θ</sub>(<i>x</i><sub>t</sub>, <i>ᾱ</i><sub>t</sub>); "
            f"{NOISE} = (<i>x</i><sub>t</sub> − {SIGNAL_T} {X0}) / {SIGMA_T}",
            f"{NOISE} = (<i>x</i><sub>{{t}}</sub> − {{signal}} {X0}) / {{sigma}}",
            1,
        ),
        *(
            AlgorithmLine(line.text, "<i>x</i><sub>{s}</sub> = {sum}" if line.is_update else "", 1)
            for line in update.lines
        ),
        AlgorithmLine(_("return <i>x</i><sub>0</sub>")),
    ]
    end = len(lines) - 1
    return AlgorithmPanel(
        _("The algorithm: {sampler}", sampler=SAMPLERS[recipe.sampler].title),
        tuple(lines),
        tuple(
            (end,) if number > last and not step.s else _current(update, step, is_first=not number)
            for number, step in zip(shown, taken, strict=True)
        ),
        {
            "t": [str(step.t) for step in taken],
            "s": [str(step.s) for step in taken],
            "a": [_number(step.alpha_bar[0]) for step in taken],
            "b": [_number(step.alpha_bar[1]) for step in taken],
            "beta": [_number(step.beta) for step in taken],
            "signal": [_number(step.alpha_bar[0] ** 0.5) for step in taken],
            "sigma": [_number((1 - step.alpha_bar[0]) ** 0.5) for step in taken],
            "sum": [_sum(step) for step in taken],
            "std": [_number(step.coefficients[-1].get("fresh", 0.0)) for step in taken],
        },
        cited(update.source),
        {"t": "t", "s": "s", "ᾱ_t": "a", "ᾱ_s": "b", "β": "beta", "σ": "std"},
    )


def _current(update: _Update, step: Step, *, is_first: bool) -> tuple[int, ...]:
    """The numbers of the lines that are carried out in a step."""
    within = (number for number, line in enumerate(update.lines, 3) if line.is_taken(step))
    return (*((0,) if is_first else ()), 1, 2, *within)


def _sum(step: Step) -> str:
    """The update as a sum of its terms, with their coefficients."""
    names = sorted(step.coefficients[-1], key=lambda name: list(TERMS).index(name) if name in TERMS else len(TERMS))
    text = ""
    for name in names:
        low, high = sorted((step.coefficients[0].get(name, 0.0), step.coefficients[-1][name]))
        number = _number(abs(high)) if low == high else f"({_number(low)} … {_number(high)})"
        sign = "−" if high < 0 else "+"
        symbol = TERMS.get(name, name).format(t=str(step.t).translate(SUBSCRIPTS))
        text += f" {sign} {number} {symbol}" if text else f"{sign if high < 0 else ''}{number} {symbol}"
    return text


def _number(value: float) -> str:
    return f"{value:.4f}"
