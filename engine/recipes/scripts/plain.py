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
from engine.recipes.scripts.prediction import predict
from engine.recipes.scripts.updates import noise, steps
from engine.schedule import MAX_BETA, PAPER_LINEAR_T


def plain_pytorch(recipe: AnyRecipe, model: Model) -> Script:
    """The program, or why there is none.

    Args:
        recipe: one that fits the model; a fork has no program.
        model: the one that the recipe names, opened.
    """
    facts = facts_of(recipe, model)
    if isinstance(facts, str):
        return Script("", facts)
    lines = [*_network(facts), *_schedule(facts), *_times(facts), *predict(facts), *noise(facts), *steps(facts)]
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
    """The timesteps."""
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
