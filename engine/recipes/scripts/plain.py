"""The program of a recipe in plain PyTorch: the same operations in the same order as the engine's, so the same pixels.

Nothing of this project is imported but the trained network. Only the lines that the recipe needs are written, so that what
stands there is the whole algorithm.
"""

from __future__ import annotations

import json

from engine.language import N_, _
from engine.models.opened import Model
from engine.recipes.fork import AnyRecipe
from engine.recipes.scripts.facts import PIXELS, Facts, Script, facts_of, name_of, wrapped
from engine.samplers import Heun
from engine.schedule import MAX_BETA, PAPER_LINEAR_T

LETTERS = {"noise": "eps", "clean": "x0", "velocity": "v"}
"""Of the prediction targets, in the programs."""


def plain_pytorch(recipe: AnyRecipe, model: Model) -> Script:
    """The program, or why there is none.

    Args:
        recipe: one that fits the model; a fork has no program.
        model: the one that the recipe names, opened.
    """
    facts = facts_of(recipe, model)
    if isinstance(facts, str):
        return Script("", facts)
    lines = [*_network(facts), *_schedule(facts), *_times(facts), *_predict(facts), *_noise(facts), *_steps(facts)]
    lines = ["import torch", "from PIL import Image", "", "from engine import registry", "", *lines, *PIXELS]
    return Script("\n".join(lines) + "\n", _(NOTE))


NOTE = N_(
    "Nothing of this project is imported but the trained network. The pixels are the same; with another number of torch "
    "threads sums are rounded in another order, which moves xₜ by about 1e-6."
)


def _network(facts: Facts) -> list[str]:
    name, needs_table = facts.recipe.model, not facts.is_own_schedule or not name_of(facts.schedule)
    opened = f"registry.open_model({json.dumps(name)}).denoiser"
    counts = [] if not facts.classes else [f"classes = {facts.classes}"]
    shape = [f"T, steps, shape, seeds = {facts.schedule.T}, {facts.recipe.steps}, {facts.model.shape}, {facts.seeds}"]
    if needs_table:
        return [f"trained = {opened}", "network = trained.net", *shape, *counts]
    return [f"network = {opened}.net", *shape, *counts]


# --- the schedule ---------------------------------------------------------------------------------------------------


def _schedule(facts: Facts) -> list[str]:
    """ᾱ_t and 1 − ᾱ_t for t = 0 … T, and what else the sampler reads of them."""
    needs_log_snr = facts.recipe.sampler.startswith("dpm++") or not facts.is_own_schedule
    return [
        "",
        *_beta(facts),
        "log_alpha_bar = torch.cat([torch.zeros(1), torch.log1p(-beta).cumsum(0)])  # t = 0 … T",
        "alpha_bar, variance = log_alpha_bar.exp(), -torch.expm1(log_alpha_bar)  # ᾱ, 1 − ᾱ",
        "signal, sigma = alpha_bar.sqrt().float(), variance.sqrt().float()",
        *(["log_snr = log_alpha_bar - variance.log()"] if needs_log_snr else []),
    ]


def _beta(facts: Facts) -> list[str]:
    """β_1 … β_T."""
    name, T = name_of(facts.schedule), facts.schedule.T
    if not name:
        return ["beta = trained.schedule.beta[1:]  # β_1 … β_T, the table that the network was trained on"]
    if name == "linear":
        factor = "" if T == PAPER_LINEAR_T else f" * ({PAPER_LINEAR_T} / T)"
        clipped = f"({{}}).clamp(max={MAX_BETA})" if 0.02 * PAPER_LINEAR_T / T > MAX_BETA else "{}"
        table = clipped.format(f"torch.linspace(1e-4, 0.02, T, dtype=torch.float64){factor}")
        return [f"beta = {table}  # the linear schedule: β_1 … β_T"]
    u = "u = torch.linspace(0, 1, T + 1, dtype=torch.float64)"
    if name == "cosine":
        return [
            f"{u}  # the cosine schedule",
            "f = torch.cos((u + 0.008) / (1 + 0.008) * torch.pi / 2) ** 2",
            f"beta = (1 - f[1:] / f[:-1]).clamp(max={MAX_BETA})  # β_1 … β_T",
        ]
    return [
        f"{u}  # the sigmoid schedule",
        "f = torch.sigmoid(3 - 6 * u)",
        "f = (f - f[-1]) / (f[0] - f[-1])",
        f"beta = (1 - f[1:] / f[:-1]).clamp(max={MAX_BETA})  # β_1 … β_T",
    ]


def _times(facts: Facts) -> list[str]:
    """The timesteps, and the time that the network is given."""
    steps, times = facts.recipe.steps, facts.timesteps
    T = times[0]
    if times == [round(T * (steps - k) / steps) for k in range(steps + 1)]:
        return ["timesteps = [round(T * (steps - k) / steps) for k in range(steps + 1)]"]
    if facts.recipe.spacing == "quadratic":
        return [
            "timesteps = [T]",
            "for k in range(1, steps + 1):  # evenly in √t, all different",
            "    timesteps.append(max(steps - k, min(round(T * ((steps - k) / steps) ** 2), timesteps[-1] - 1)))",
        ]
    where = "  # evenly in log-SNR" if facts.recipe.spacing == "log-snr" else ""
    return [f"timesteps = {wrapped(times)}{where}"]


def _network_time(facts: Facts) -> tuple[list[str], str]:
    """Lines that the network's time needs, and an expression for it: it counts 0 … T − 1."""
    if facts.is_own_schedule:
        return [], "t - 1.0"
    if facts.net.schedule.T == 1:
        return [], "0.0"
    return [
        "",
        "log_trained = torch.log1p(-trained.schedule.beta[1:]).cumsum(0)",
        "levels = (log_trained - torch.log(-torch.expm1(log_trained))).clamp(-80, 80).flip(0)",
        "",
        "",
        "def time_of(level):  # at which the schedule of the training has this log-SNR",
        "    level = level.clamp(levels[0], levels[-1])",
        "    k = torch.searchsorted(levels, level).clamp(1, len(levels) - 1)",
        "    share = (level - levels[k - 1]) / (levels[k] - levels[k - 1]).clamp(min=1e-300)",
        "    return float(len(levels) - (k - 1 + share) - 1)",
    ], "time_of(log_snr[t])"


# --- the prediction -------------------------------------------------------------------------------------------------


def _predict(facts: Facts) -> list[str]:
    before, time = _network_time(facts)
    body = [*_guided(facts, time), *_clipped(facts)]
    return [*before, "", "", "@torch.no_grad()", "def predict(x, t):", *(f"    {line}" for line in body), "", ""]


def _returned(facts: Facts) -> str:
    if facts.recipe.sampler == "ddpm":
        return "x0, mix" if facts.uses_learned_variance else "x0"
    return "x0, eps"


def _needs_eps(facts: Facts) -> bool:
    """Whether ε̂ is what the network says, and not what follows from a clipped x̂0."""
    return facts.recipe.sampler != "ddpm" and facts.recipe.clip == "none"


def _guided(facts: Facts, time: str) -> list[str]:
    """x̂0, and ε̂ where it is not computed from x̂0 afterwards."""
    classes = "classes" if facts.classes else "None"
    if facts.branches != "both":
        if facts.interval is not None:
            low, high = facts.interval
            guided = f"torch.full_like(classes, {facts.null_class})"
            classes = f"{guided} if {low} <= variance[t] <= {high} else classes"
            return [f"y = {classes}  # the guidance interval", *_one(facts, time, "y")]
        return _one(facts, time, classes)
    both = _both(facts, time)
    if facts.interval is None:
        return both
    low, high = facts.interval
    inside = [f"if {low} <= variance[t] <= {high}:  # the guidance interval", *(f"    {line}" for line in both)]
    return [*inside, "else:", *(f"    {line}" for line in _one(facts, time, classes))]


def _read(facts: Facts, x: str) -> tuple[str, str]:
    """Expressions of x̂0 and ε̂ for what the network says about x."""
    return {
        "noise": (f"({x} - sigma[t] * eps) / signal[t]", "eps"),
        "clean": ("x0", f"({x} - signal[t] * x0) / sigma[t]"),
        "velocity": (f"signal[t] * {x} - sigma[t] * v", f"sigma[t] * {x} + signal[t] * v"),
    }[facts.target]


def _called(facts: Facts, call: str) -> list[str]:
    letter = LETTERS[facts.target]
    if not facts.net.learned_variance:
        return [f"{letter} = {call}"]
    if not facts.uses_learned_variance:
        return [f"{letter}, _ = {call}.chunk(2, dim=1)  # the other channels are of the learned variance"]
    return [f"{letter}, mix = {call}.chunk(2, dim=1)", "mix = (mix + 1) / 2"]


def _one(facts: Facts, time: str, classes: str) -> list[str]:
    x0, eps = _read(facts, "x")
    lines = _called(facts, f"network(x, torch.full((len(x),), {time}), {classes})")
    lines += [] if x0 == "x0" else [f"x0 = {x0}"]
    return lines + ([f"eps = {eps}"] if _needs_eps(facts) and eps != "eps" else [])


def _both(facts: Facts, time: str) -> list[str]:
    """Guidance: both predictions from one batch."""
    recipe, (x0, eps) = facts.recipe, _read(facts, "xx")
    weight = repr(recipe.scale)
    lines = [
        f"xx, y = torch.cat([x, x]), torch.cat([classes, torch.full_like(classes, {facts.null_class})])",
        *_called(facts, f"network(xx, torch.full((len(xx),), {time}), y)"),
    ]
    if _needs_eps(facts) and not recipe.rescale:
        lines += [f"cond, uncond = ({eps}).chunk(2)" if eps != "eps" else "cond, uncond = eps.chunk(2)"]
        lines += [f"guided = torch.lerp(uncond, cond, {weight})"]
    lines += [f"cond, uncond = ({x0}).chunk(2)" if x0 != "x0" else "cond, uncond = x0.chunk(2)"]
    lines += [f"x0 = torch.lerp(uncond, cond, {weight})  # uncond + {recipe.scale:g} · (cond − uncond)"]
    if _needs_eps(facts) and not recipe.rescale:
        lines += ["eps = guided"]
    if facts.uses_learned_variance:
        lines += ["mix = mix[: len(x)]  # that of the conditional prediction"]
    return lines + (_rescaled(facts) if recipe.rescale else [])


def _rescaled(facts: Facts) -> list[str]:
    lines = [
        "std, wanted = (a.flatten(1).std(1, correction=0) for a in (x0, cond))",
        "factor = (wanted / std.clamp(min=1e-12)).view(-1, 1, 1, 1)",
        f"x0 = torch.lerp(x0, x0 * factor, {facts.recipe.rescale})",
    ]
    return lines + (["eps = (x - signal[t] * x0) / sigma[t]"] if _needs_eps(facts) else [])


def _clipped(facts: Facts) -> list[str]:
    lines = {
        "none": [],
        "range": ["x0 = x0.clamp(-1, 1)"],
        "quantile": [
            "limit = x0.abs().flatten(1).quantile(0.995, dim=1).clamp(min=1).view(-1, 1, 1, 1)",
            "x0 = x0.clamp(-limit, limit) / limit",
        ],
    }[facts.recipe.clip]
    if facts.recipe.clip != "none" and facts.recipe.sampler != "ddpm":
        lines += ["eps = (x - signal[t] * x0) / sigma[t]"]
    return [*lines, f"return {_returned(facts)}"]


# --- the trajectory -------------------------------------------------------------------------------------------------


def _noise(facts: Facts) -> list[str]:
    first = "torch.stack([torch.randn(shape, generator=generator) for generator in generators])"
    generators = "generators = [torch.Generator().manual_seed(seed) for seed in seeds]"
    adds_noise = facts.added_noise > 0 or (facts.recipe.sampler == "ddpm" and facts.recipe.variance != "zero")
    if not adds_noise:
        return [generators, f"x = {first}"]
    return [generators, "", "", "def noise():", f"    return {first}", "", "", "x = noise()"]


def _steps(facts: Facts) -> list[str]:
    update = {"ddpm": _ddpm, "heun": _heun}.get(
        facts.recipe.sampler, _dpm if "dpm++" in facts.recipe.sampler else _ddim
    )
    before = ["r = None"] if update is _dpm else []
    if update is _heun:
        before = ["ratio = (variance / alpha_bar).sqrt()"]
    lines = [*before, "for t, s in zip(timesteps, timesteps[1:]):"]
    return [*lines, *(f"    {line}" for line in update(facts))]


def _ddim(facts: Facts) -> list[str]:
    return ["x0, eps = predict(x, t)", *_follow(facts, "x0")]


def _follow(facts: Facts, x0: str) -> list[str]:
    """The step of DDIM, eq. 12 of Song et al."""
    eta = facts.added_noise
    if not eta:
        return [f"x = signal[s] * {x0} + sigma[s] * eps"]
    return [
        "small = variance[s] / variance[t] * -torch.expm1(log_alpha_bar[t] - log_alpha_bar[s])  # β̃",
        f"along = (variance[s] - {eta}**2 * small).clamp(min=0).sqrt().float()",
        f"x = signal[s] * {x0} + along * eps",
        f"if s > 0:\n        x = x + ({eta} * small.sqrt()).float() * noise()",
    ]


def _ddpm(facts: Facts) -> list[str]:
    lines = [
        f"{_returned(facts)} = predict(x, t)",
        "large = -torch.expm1(log_alpha_bar[t] - log_alpha_bar[s])  # β between s and t",
        "of_x0 = alpha_bar[s].sqrt() * large / variance[t]",
        "of_x = (1 - large).sqrt() * variance[s] / variance[t]",
        "x = of_x0.float() * x0 + of_x.float() * x",
    ]
    small = "variance[s] / variance[t] * large"
    added = {
        "zero": [],
        "small": [f"x = x + ({small}).float().sqrt() * noise()"],
        "large": ["x = x + large.float().sqrt() * noise()"],
        "learned": [
            f"small = {small}  # β̃",
            "learned = torch.exp(mix * large.log().float() + (1 - mix) * small.log().float())",
            "x = x + learned.sqrt() * noise()",
        ],
    }[facts.recipe.variance]
    return [*lines, "if s > 0:", *(f"    {line}" for line in added)] if added else lines


def _heun(facts: Facts) -> list[str]:
    return [
        "x0, eps = predict(x, t)",
        "trial = signal[s] * x0 + sigma[s] * eps",
        f"if ratio[t] <= {Heun.MAX_SIGMA_RATIO:g} * ratio[s]:  # else the step is too long for the mean of both ends",
        "    eps = (eps + predict(trial, s)[1]) / 2",
        "    trial = signal[s] * ((x - sigma[t] * eps) / signal[t]) + sigma[s] * eps",
        "x = trial",
    ]


def _dpm(facts: Facts) -> list[str]:
    return [
        "x0, eps = predict(x, t)",
        "ahead = x0",
        "if r is not None:  # x̂0 extrapolated to the middle of the step, in log-SNR",
        "    weight = (log_snr[s] - log_snr[t]) / (2 * (log_snr[t] - log_snr[r]))",
        "    ahead = x0 + weight.nan_to_num(0, 0, 0).float() * (x0 - before)",
        "    eps = (x - signal[t] * ahead) / sigma[t]",
        *_follow(facts, "ahead"),
        "r, before = t, x0",
    ]
