"""The program that calls a scheduler of diffusers."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from engine.interop.diffusers_format import PREDICTION_TYPES
from engine.interop.pretrained import CHECKPOINTS
from engine.recipes.scripts.facts import PIXELS, Facts, name_of
from engine.schedule import PAPER_LINEAR_T


@dataclass(frozen=True)
class Scheduler:
    """One of theirs, and how it is called."""

    name: str
    arguments: dict[str, str] = field(default_factory=dict)
    """Beyond those that every scheduler has, as Python."""
    step: str = ""
    """Further arguments of its step."""
    timesteps: str = ""
    """Arguments of `set_timesteps`."""
    note: str = ""
    """What there is to say about the choice."""


def program(facts: Facts, chosen: Scheduler) -> str:
    """The Python of it."""
    from_folder = facts.recipe.model in CHECKPOINTS
    network = _network(facts, from_folder)
    theirs = f"from diffusers import {chosen.name}{', UNet2DModel' if from_folder else ''}"
    ours = ["", "from engine import registry"] if any("registry" in line for line in network) else []
    head = ["import torch", theirs, "from PIL import Image", *ours, ""]
    return "\n".join([*head, *network, *_made(facts, chosen), *_loop(facts, chosen, from_folder), *PIXELS]) + "\n"


def _network(facts: Facts, from_folder: bool) -> list[str]:
    name = json.dumps(facts.recipe.model)
    opened = [f"trained = registry.open_model({name}).denoiser"]
    if from_folder:
        folder = f'"assets/checkpoints/{facts.recipe.model}"'
        made = f'network = UNet2DModel.from_pretrained({folder}, subfolder="unet")'
        network = ["# to be run in the folder of this project", made]
        return network if _schedule(facts) else [*opened, *network]
    return [*opened, "network = trained.net"]


def _schedule(facts: Facts) -> dict[str, str]:
    """Their name for the schedule; {} where they have none for this table."""
    name, T = name_of(facts.schedule), facts.schedule.T
    if name == "cosine":
        return {"beta_schedule": '"squaredcos_cap_v2"'}
    if name == "linear" and T == PAPER_LINEAR_T:
        return {"beta_schedule": '"linear"', "beta_start": "1e-4", "beta_end": "0.02"}
    return {}


def _made(facts: Facts, chosen: Scheduler) -> list[str]:
    arguments = {
        "num_train_timesteps": str(facts.schedule.T),
        **(_schedule(facts) or {"trained_betas": "trained.schedule.beta[1:].tolist()"}),
        "prediction_type": json.dumps(PREDICTION_TYPES[facts.target]),
        **chosen.arguments,
    }
    written = [f"    {name}={value}," for name, value in arguments.items()]
    return [f"scheduler = {chosen.name}(", *written, ")", f"scheduler.set_timesteps({chosen.timesteps})", ""]


def _loop(facts: Facts, chosen: Scheduler, from_folder: bool) -> list[str]:
    lines = [
        f"generators = [torch.Generator().manual_seed(seed) for seed in {facts.seeds}]",
        f"x = torch.stack([torch.randn({facts.model.shape}, generator=generator) for generator in generators])",
        *([f"classes = {facts.classes}"] if facts.classes else []),
    ]
    is_scaled = chosen.name == "HeunDiscreteScheduler"
    if is_scaled:
        lines += ["x = x * (scheduler.sigmas[0] ** 2 + 1).sqrt()  # it computes in x / √ᾱ"]
    lines += ["with torch.no_grad():", "    for t in scheduler.timesteps:"]
    inner = ["given = scheduler.scale_model_input(x, t)"] if is_scaled else []
    inner += _output(facts, "given" if is_scaled else "x", from_folder)
    step = ", ".join(filter(None, ("out", "t", "x", chosen.step)))
    return [*lines, *(f"        {line}" for line in (*inner, f"x = scheduler.step({step}).prev_sample"))]


def _call(x: str, classes: str, from_folder: bool) -> str:
    return f"network({x}, t{'' if from_folder else f'.float().expand(len({x}))'}, {classes or 'None'})" + (
        ".sample" if from_folder else ""
    )


def _output(facts: Facts, x: str, from_folder: bool) -> list[str]:
    """What the scheduler is given: the network's output, guided where the recipe is."""
    if facts.branches != "both":
        return _alone(facts, x, from_folder)
    channels = facts.model.shape[0]
    both = [
        f"xx, y = torch.cat([{x}, {x}]), torch.cat([classes, torch.full_like(classes, {facts.null_class})])",
        f"cond, uncond = {_call('xx', 'y', from_folder)}.chunk(2)",
        f"out = uncond + {facts.recipe.scale} * (cond - uncond)  # guidance",
    ]
    if facts.uses_learned_variance:
        both += [f"out[:, {channels}:] = cond[:, {channels}:]  # the variance is that of the conditional prediction"]
    elif facts.net.learned_variance:
        both += [_without_variance(channels)]
    if facts.interval is None:
        return both
    return [
        _inside(facts),
        *(f"    {line}" for line in both),
        "else:",
        *(f"    {line}" for line in _plain(facts, x, from_folder, "classes")),
    ]


def _inside(facts: Facts) -> str:
    assert facts.interval is not None
    low, high = facts.interval
    return f"if {low} <= 1 - scheduler.alphas_cumprod[int(t)] <= {high}:  # the guidance interval"


def _alone(facts: Facts, x: str, from_folder: bool) -> list[str]:
    if facts.interval is None:
        return _plain(facts, x, from_folder, "classes" if facts.classes else "")
    y = ["y = classes", _inside(facts), f"    y = torch.full_like(classes, {facts.null_class})"]
    return [*y, *_plain(facts, x, from_folder, "y")]


def _plain(facts: Facts, x: str, from_folder: bool, classes: str) -> list[str]:
    lines = [f"out = {_call(x, classes, from_folder)}"]
    if facts.net.learned_variance and not facts.uses_learned_variance:
        lines += [_without_variance(facts.model.shape[0])]
    return lines


def _without_variance(channels: int) -> str:
    return f"out = out[:, :{channels}]  # the other channels are of the learned variance"
