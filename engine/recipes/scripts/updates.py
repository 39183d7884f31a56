"""In the plain program: the seeds, and the update of the sampler."""

from __future__ import annotations

from engine.recipes.scripts.facts import Facts
from engine.recipes.scripts.prediction import returned
from engine.samplers import Heun


def noise(facts: Facts) -> list[str]:
    """Lines that draw x_T, each image from its own seed."""
    first = "torch.stack([torch.randn(shape, generator=generator) for generator in generators])"
    generators = "generators = [torch.Generator().manual_seed(seed) for seed in seeds]"
    adds_noise = facts.added_noise > 0 or (facts.recipe.sampler == "ddpm" and facts.recipe.variance != "zero")
    if not adds_noise:
        return [generators, f"x = {first}"]
    return [generators, "", "", "def noise():", f"    return {first}", "", "", "x = noise()"]


def steps(facts: Facts) -> list[str]:
    """Lines of the loop from T to 0."""
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
        f"{returned(facts)} = predict(x, t)",
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
