"""The program of a recipe with a scheduler of diffusers, where one of theirs does the same arithmetic; else why none does.

What is said here of their schedulers is what the code of diffusers 0.42 does, and `tests/engine/recipes` carries it out. Theirs
count t = 0 … T − 1 for our 1 … T, and keep their tables in float32.
"""

from __future__ import annotations

import json
from dataclasses import replace
from itertools import pairwise

import torch

from engine.language import N_, _
from engine.models.opened import Model
from engine.recipes.fork import AnyRecipe
from engine.recipes.scripts.facts import Facts, Script, facts_of, wrapped
from engine.recipes.scripts.scheduler_program import Scheduler, program
from engine.samplers import Heun

NOTE = N_(
    "The images are the same to within one of the 256 levels: diffusers keeps its tables in float32. It is set to space the "
    "timesteps as they are spaced here, since its own spacing (“leading”) never visits the noisiest level."
)
LEAST_VARIANCE = 1e-6
"""1 − ᾱ_1 below which float32 leaves fewer than two digits of it."""
MOST_AMPLIFIED = 1000.0
"""1 / √ᾱ_T above which two correct programs differ visibly where ε is predicted and x̂₀ is not clipped: so much larger is
the rounding of the first step."""


def with_diffusers(recipe: AnyRecipe, model: Model) -> Script:
    """The program, or one sentence about what diffusers cannot do of this recipe; arguments as for `plain_pytorch`."""
    facts = facts_of(recipe, model)
    if isinstance(facts, str):
        return Script("", facts)
    chosen = _refusal(facts) or _scheduler(facts)
    if isinstance(chosen, str):
        return Script("", chosen)
    return Script(program(facts, chosen), " ".join(filter(None, (chosen.note, _(NOTE)))))


# --- which scheduler ------------------------------------------------------------------------------------------------


def _refusal(facts: Facts) -> str:
    """What no scheduler of theirs can do; "" for nothing."""
    recipe = facts.recipe
    if not facts.is_own_schedule:
        return _(
            "diffusers has one noise schedule for the network and the trajectory; here the trajectory has another one than the "
            "network was trained on, and the network is asked for a fractional t."
        )
    if recipe.rescale and facts.branches == "both":
        return _(
            "diffusers rescales the network's output after guidance; here x̂₀ is rescaled, which gives other pixels."
        )
    return _lost_digits(facts)


def _lost_digits(facts: Facts) -> str:
    """Where float32 is not enough for their tables; "" where it is."""
    variance, root = float(facts.schedule.level(1).variance), float(facts.schedule.alpha_bar[-1]) ** 0.5
    if variance < LEAST_VARIANCE:
        return _(
            "diffusers computes 1 − ᾱ in float32, where of {variance:.1e}, that of t = 1, too few digits are left.",
            variance=variance,
        )
    if facts.target == "noise" and facts.recipe.clip == "none" and root * MOST_AMPLIFIED < 1:
        return _(
            "x̂₀ is not clipped, and at t = T it is divided by √ᾱ = {root:.1e}: this magnifies every rounding, and diffusers, "
            "which keeps its tables in float32, draws other images.",
            root=root,
        )
    return ""


def _scheduler(facts: Facts) -> Scheduler | str:
    """The scheduler with the same update, or why there is none."""
    of_sampler = {"ddpm": _ddpm, "ddim": _ddim, "heun": _heun}.get(facts.recipe.sampler, _dpm)
    return of_sampler(facts)


def _custom(facts: Facts) -> str:
    """The timesteps one by one, in their counting."""
    times = facts.timesteps[:-1]
    first, step = times[0], times[0] - times[1] if len(times) > 1 else times[0]
    if times == list(range(first, 0, -step)):
        return f"timesteps=list(range({first - 1}, -1, {-step}))"
    return f"timesteps={wrapped([t - 1 for t in times])}"


DYNAMIC = {"thresholding": "True", "dynamic_thresholding_ratio": "0.995", "sample_max_value": "1e9"}


def _thresholding(facts: Facts) -> dict[str, str]:
    """Clipping, for schedulers that have both kinds."""
    return {"none": {"clip_sample": "False"}, "range": {"clip_sample": "True"}, "quantile": DYNAMIC}[facts.recipe.clip]


def _ddpm(facts: Facts) -> Scheduler | str:
    variance = facts.recipe.variance
    if variance == "zero":
        return _("DDPMScheduler has no variance of zero: it always adds noise, except in the last step of T.")
    if variance != "small" and facts.timesteps[-2] != 1:
        return _(
            "With this variance DDPMScheduler adds noise to the finished image in the last of fewer than T steps; here, as in "
            "the paper, the last step adds none."
        )
    kind = {"small": "fixed_small", "large": "fixed_large", "learned": "learned_range"}[variance]
    arguments = {"variance_type": json.dumps(kind), **_thresholding(facts)}
    return Scheduler("DDPMScheduler", arguments, "generator=generators", _custom(facts))


def _ddim(facts: Facts) -> Scheduler | str:
    steps, T, eta = facts.recipe.steps, facts.schedule.T, facts.recipe.eta
    if T % steps or facts.timesteps != list(range(T, -1, -T // steps)):
        why = _(
            "DDIMScheduler takes every step from t to t − T // steps, which is right only where the timesteps lie evenly and "
            "their number divides T."
        )
    elif (t := _not_a_number(facts)) is not None:
        why = _("In DDIMScheduler's step from t = {t} the root is of a number that rounds below 0: it gives NaN.", t=t)
    else:
        arguments = {"timestep_spacing": '"trailing"', **_thresholding(facts)}
        call = f"eta={eta}, use_clipped_model_output=True, generator=generators"
        return Scheduler("DDIMScheduler", arguments, call if eta else "use_clipped_model_output=True", str(steps))
    if eta not in (0, 1):
        return why
    order_one = _solver(facts, eta, 1)
    if isinstance(order_one, str):
        return f"{why} {order_one}"
    same = _("DPMSolverMultistepScheduler of order 1 is the same update, and takes any timesteps.")
    return replace(order_one, note=f"{why} {same}")


def _not_a_number(facts: Facts) -> int | None:
    """The first t at which 1 − ᾱ_s − σ² is below 0 in float32, as their step computes it; None for none."""
    alpha_bar = torch.cat([torch.ones(1), (1 - facts.schedule.beta[1:].float()).cumprod(0)])
    for t, s in pairwise(facts.timesteps):
        now, to = alpha_bar[t], alpha_bar[s]
        std = facts.recipe.eta * ((1 - to) / (1 - now) * (1 - now / to)) ** 0.5
        if 1 - to - std**2 < 0:
            return t
    return None


def _dpm(facts: Facts) -> Scheduler | str:
    return _solver(facts, facts.added_noise, 2)


def _solver(facts: Facts, eta: float, order: int) -> Scheduler | str:
    if facts.schedule.terminal_snr == 0:
        return _(
            "DPMSolverMultistepScheduler computes in σ = √((1 − ᾱ) / ᾱ), which is infinite at a terminal SNR of zero."
        )
    kind = "sde-dpmsolver++" if eta else "dpmsolver++"
    # It has no clip_sample: thresholding with a maximum of 1 is the same.
    at_one = {"thresholding": "True", "sample_max_value": "1.0"}
    clipping = {"none": {}, "range": at_one, "quantile": DYNAMIC}[facts.recipe.clip]
    arguments = {"algorithm_type": json.dumps(kind), "solver_order": str(order), **clipping}
    return Scheduler("DPMSolverMultistepScheduler", arguments, "generator=generators" if eta else "", _custom(facts))


def _heun(facts: Facts) -> Scheduler | str:
    if facts.schedule.terminal_snr == 0:
        return _("HeunDiscreteScheduler computes in σ = √((1 − ᾱ) / ᾱ), which is infinite at a terminal SNR of zero.")
    if facts.recipe.clip == "quantile":
        return _("HeunDiscreteScheduler has no dynamic thresholding.")
    sigma = (facts.schedule.log_snr[facts.timesteps[:-1]] / -2).exp()
    too_long = sigma[:-1] > Heun.MAX_SIGMA_RATIO * sigma[1:]
    if bool(too_long.any()):
        return _(
            "HeunDiscreteScheduler takes the mean of both ends in every step but the last; here a step over which "
            "σ = √((1 − ᾱ) / ᾱ) falls to less than a quarter is one of DDIM, as is that from t = {t}.",
            t=facts.timesteps[int(too_long.int().argmax())],
        )
    return Scheduler(
        "HeunDiscreteScheduler", {"clip_sample": str(facts.recipe.clip == "range")}, timesteps=_custom(facts)
    )
