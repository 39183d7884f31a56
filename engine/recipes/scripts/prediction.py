"""In the plain program: the function that predicts x̂0 and ε̂, with guidance and clipping as the recipe has them."""

from __future__ import annotations

from engine.recipes.scripts.facts import Facts

LETTERS = {"noise": "eps", "clean": "x0", "velocity": "v"}
"""Of the prediction targets, in the programs."""


def predict(facts: Facts) -> list[str]:
    """Lines that define predict(x, t), with what it needs."""
    before, time = _network_time(facts)
    body = [*_guided(facts, time), *_clipped(facts)]
    return [*before, "", "", "@torch.no_grad()", "def predict(x, t):", *(f"    {line}" for line in body), "", ""]


def returned(facts: Facts) -> str:
    """What predict returns."""
    if facts.recipe.sampler == "ddpm":
        return "x0, mix" if facts.uses_learned_variance else "x0"
    return "x0, eps"


def _needs_eps(facts: Facts) -> bool:
    """Whether ε̂ is what the network says, and not what follows from a clipped x̂0."""
    return facts.recipe.sampler != "ddpm" and facts.recipe.clip == "none"


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
    return [*lines, f"return {returned(facts)}"]
