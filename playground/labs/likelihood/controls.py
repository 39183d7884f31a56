"""What the reader sets in the Likelihood lab: which models are compared, on which pictures, and what of the VAE is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from playground.labs.shared.controls import Controls, Field, ui
from playground.labs.shared.picture import LARGEST_SEED

Variance = Literal["auto", "small", "large", "learned"]
Schedule = Literal["own", "linear", "cosine", "sigmoid"]
VARIANCES = {"auto": "as it was trained", "small": "β̃ (small)", "large": "β (large)", "learned": "learned"}
SCHEDULES = {"own": "as it was trained", "linear": "linear", "cosine": "cosine", "sigmoid": "sigmoid"}
OWN, LATENT, HEAT = "Models of your choice", "VAE: what is looked at", "Loss above the ideal"
ANY_VAE = "auto"
"""The one that ships for these pictures, or the newest run that trained one."""

OF_CHOICE = tuple(f"{side}_{name}" for side in "ab" for name in ("model", "variance", "schedule"))

TITLES = {
    "layers": "T layers against one (VAE)",
    "variance": "Fixed against learned variance",
    "schedules": "Linear against cosine",
    "ideal": "Trained against ideal",
    "own": "Models of your choice",
}


class LikelihoodControls(Controls):
    """The settings of the Likelihood lab."""

    compare: Literal["layers", "variance", "schedules", "ideal", "own"] = Field(
        "layers",
        title="Compare",
        description="What stands side by side. All of them see the same pictures under the same noise.",
        json_schema_extra=ui(titles=TITLES),
    )
    data: Literal["digits", "emoji"] = Field(
        "digits",
        title="Pictures",
        description="Handwritten digits (grey, 28 × 28) or emoji (colour, 32 × 32).",
        json_schema_extra=ui(titles={"digits": "Digits", "emoji": "Emoji"}),
    )
    part: Literal["held-out", "training"] = Field(
        "held-out",
        title="Which of them",
        description="Pictures that no model has seen, or those that all have learned from.",
        json_schema_extra=ui(titles={"held-out": "held out", "training": "trained on"}),
    )
    pictures: int = Field(
        24, ge=2, le=150, title="How many", description="Drawn by the seed. More of them: a smaller error."
    )
    blocks: Literal[20, 50, 200, 1000] = Field(
        20,
        title="Blocks of t",
        description="The T terms are measured in so many blocks, short ones near t = 1. 1,000: every t by itself, which takes "
        "some 30 times as long as 20 blocks and says where each bit goes; the total is the same on average.",
        json_schema_extra=ui(titles={20: "20", 50: "50", 200: "200", 1000: "1,000"}),
    )
    seed: int = Field(
        0,
        ge=0,
        le=LARGEST_SEED,
        title="Seed",
        description="Which pictures, and which noise.",
        json_schema_extra=ui(slider=False),
    )
    a_model: str = Field(
        "digits",
        max_length=500,
        title="A: model",
        description="A network that ships, an ideal denoiser, or a run of yours.",
        json_schema_extra=ui(group=OWN),
    )
    a_variance: Variance = Field(
        "auto",
        title="A: variance of a step back",
        description="β̃ and β are the two fixed ones of Ho et al. 2020.",
        json_schema_extra=ui(titles=VARIANCES, group=OWN),
    )
    a_schedule: Schedule = Field(
        "own",
        title="A: steps of",
        description="A denoiser is asked by noise level, so that the bound may take the steps of another schedule.",
        json_schema_extra=ui(titles=SCHEDULES, group=OWN),
    )
    b_model: str = Field(
        "ideal:digits",
        max_length=500,
        title="B: model",
        description="What stands beside it.",
        json_schema_extra=ui(group=OWN),
    )
    b_variance: Variance = Field(
        "auto",
        title="B: variance of a step back",
        description="As for A.",
        json_schema_extra=ui(titles=VARIANCES, group=OWN),
    )
    b_schedule: Schedule = Field(
        "own", title="B: steps of", description="As for A.", json_schema_extra=ui(titles=SCHEDULES, group=OWN)
    )
    vae: str = Field(
        ANY_VAE,
        max_length=100,
        title="VAE",
        description="The one that ships for the digits, or a run of the Training lab.",
        json_schema_extra=ui(group=LATENT),
    )
    first: int = Field(
        3,
        ge=0,
        le=999,
        title="From picture",
        description="Number among the held-out pictures.",
        json_schema_extra=ui(slider=False, group=LATENT),
    )
    second: int = Field(
        905,
        ge=0,
        le=999,
        title="to picture",
        description="The walk goes from the one to the other.",
        json_schema_extra=ui(slider=False, group=LATENT),
    )
    across: int = Field(
        1,
        ge=1,
        le=64,
        title="Across: latent number",
        description="1 is the one that says most of a picture, and so on.",
        json_schema_extra=ui(slider=False, group=LATENT),
    )
    down: int = Field(
        2,
        ge=1,
        le=64,
        title="Down: latent number",
        description="Another one, or the same.",
        json_schema_extra=ui(slider=False, group=LATENT),
    )
    run: str = Field(
        "digits",
        max_length=100,
        title="Training of",
        description="A denoiser that ships with the log of its training, or a run of yours.",
        json_schema_extra=ui(group=HEAT),
    )


@dataclass(frozen=True)
class Bar:
    """One bar: a model, and how its bound is taken. Of a VAE variance and schedule have no effect."""

    title: str
    model: str
    variance: Variance = "auto"
    schedule: Schedule = "own"
    latent: bool = False


def bars(controls: LikelihoodControls, vae: str) -> tuple[Bar, ...]:
    """What is compared, in order; `vae` names the VAE, "" for none."""
    data = controls.data
    latent = (Bar("VAE, one layer", vae, latent=True),) if vae else ()
    if controls.compare == "own":
        return (
            Bar(_own("A", controls.a_model), controls.a_model, controls.a_variance, controls.a_schedule),
            Bar(_own("B", controls.b_model), controls.b_model, controls.b_variance, controls.b_schedule),
            *latent,
        )
    if controls.compare == "ideal":
        return Bar("trained network", data, "small"), Bar("ideal denoiser", f"ideal:{data}", "small")
    if controls.compare == "schedules":
        return tuple(Bar(f"{name} steps", data, "small", name) for name in ("cosine", "linear", "sigmoid"))
    if data != "digits":  # no network with a learned variance ships for them
        fixed = (Bar("small variance β̃", data, "small"), Bar("large variance β", data, "large"))
        return fixed if controls.compare == "variance" else (Bar("diffusion, T layers", data, "small"), *latent)
    learned = "digits-learned-variance"
    if controls.compare == "variance":
        return (
            Bar("small, β̃", learned, "small"),
            Bar("large, β", learned, "large"),
            Bar("learned", learned, "learned"),
        )
    return (
        Bar("diffusion, small variance", data, "small"),
        Bar("diffusion, learned variance", learned, "learned"),
        *latent,
    )


def measured(controls: LikelihoodControls) -> dict[str, object]:
    """What the bars depend on: where it is the same, they need not be measured again."""
    names = {"compare", "data", "part", "pictures", "blocks", "seed", "vae"} | (
        set(OF_CHOICE) if controls.compare == "own" else set()
    )
    return controls.model_dump(include=names)


def without_effect(controls: LikelihoodControls) -> dict[str, str]:
    """Controls that change nothing now, each with the reason."""
    return {} if controls.compare == "own" else dict.fromkeys(OF_CHOICE, f"Choose “{TITLES['own']}” above.")


def choices(models: dict[str, str], vaes: dict[str, str], runs: dict[str, str]) -> dict[str, dict[Any, str]]:
    """Options of the controls whose choices are only known now."""
    return {"a_model": models, "b_model": models, "vae": vaes, "run": runs}


def at_first(controls: LikelihoodControls) -> dict[str, dict[Any, str]]:
    """The same before the engine is loaded."""
    return {name: {getattr(controls, name): ""} for name in ("a_model", "b_model", "vae", "run")}


def _own(side: str, model: str) -> str:
    return f"{side}: {model if len(model) <= 22 else model[:21] + '…'}"
