"""The controls of the Likelihood lab: which models are compared, on which images, and what of the VAE is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from engine.recipes.sampling_fields import SamplingFields, ScheduleName
from playground.labs.shared.controls import Controls, Field, like, ui
from playground.labs.shared.picture import LARGEST_SEED

if TYPE_CHECKING:
    pass

Variance = Literal["auto", "small", "large", "learned"]
VARIANCES = {"auto": "as trained", "small": "β̃ (small)", "large": "β (large)", "learned": "learned"}
SCHEDULES = {"own": "as trained", "linear": "linear", "cosine": "cosine", "sigmoid": "sigmoid"}
OWN, LATENT, HEAT = "Models of your choice", "VAE", "Excess loss"
ANY_VAE = "auto"
"""The one that ships for these pictures, or the newest run that trained one."""

OF_CHOICE = tuple(f"{side}_{name}" for side in "ab" for name in ("model", "variance", "schedule"))

TITLES = {
    "layers": "Diffusion (T layers) against VAE (one layer)",
    "variance": "Fixed against learned variance",
    "schedules": "Linear against cosine",
    "ideal": "Trained network against exact denoiser",
    "own": "Models of your choice",
}


class LikelihoodControls(Controls):
    """The settings of the Likelihood lab."""

    compare: Literal["layers", "variance", "schedules", "ideal", "own"] = Field(
        "layers",
        title="Comparison",
        description="The bounds that are shown side by side, all measured on the same images with the same noise.",
        json_schema_extra=ui(titles=TITLES),
    )
    data: Literal["digits", "emoji"] = Field(
        "digits",
        title="Images",
        description="Handwritten digits (grey, 28 × 28) or emoji (colour, 32 × 32).",
        json_schema_extra=ui(titles={"digits": "Digits", "emoji": "Emoji"}),
    )
    part: Literal["held-out", "training"] = Field(
        "held-out",
        title="Part of the data",
        description="Images held out from training, or the training images.",
        json_schema_extra=ui(titles={"held-out": "held out", "training": "training"}),
    )
    pictures: int = Field(
        24,
        ge=2,
        le=150,
        title="Number of images",
        description="Chosen by the seed. More make the standard error smaller and take proportionally longer; 24 is usual.",
    )
    blocks: Literal[20, 50, 200, 1000] = Field(
        20,
        title="Timestep blocks",
        description="The T terms of the bound are estimated in so many blocks, short ones near t = 1. At 1,000 every t is "
        "evaluated, which takes some 30 times as long as 20 blocks; the total is the same on average.",
        json_schema_extra=ui(titles={20: "20", 50: "50", 200: "200", 1000: "1,000"}),
    )
    seed: int = Field(
        0,
        ge=0,
        le=LARGEST_SEED,
        title="Seed",
        description="Of the choice of images and of the noise.",
        json_schema_extra=ui(slider=False),
    )
    a_model: str = like(
        SamplingFields,
        "model",
        title="A: model",
        help="A trained network, the exact denoiser of a data set, or a run of yours.",
        group=OWN,
    )
    a_variance: Variance = Field(
        "auto",
        title="A: variance of the reverse step",
        description="β̃ and β are the two fixed variances of Ho et al. 2020; as trained is usual.",
        json_schema_extra=ui(titles=VARIANCES, group=OWN),
    )
    a_schedule: ScheduleName = Field(
        "own",
        title="A: noise schedule",
        description="Of the bound's steps. It may differ from training, since the model is conditioned on the noise level.",
        json_schema_extra=ui(titles=SCHEDULES, group=OWN),
    )
    b_model: str = like(SamplingFields, "model", default="ideal:digits", title="B: model", help="As for A.", group=OWN)
    b_variance: Variance = Field(
        "auto",
        title="B: variance of the reverse step",
        description="As for A.",
        json_schema_extra=ui(titles=VARIANCES, group=OWN),
    )
    b_schedule: ScheduleName = Field(
        "own", title="B: noise schedule", description="As for A.", json_schema_extra=ui(titles=SCHEDULES, group=OWN)
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
        title="From image",
        description="Number among the held-out images.",
        json_schema_extra=ui(slider=False, group=LATENT),
    )
    second: int = Field(
        905,
        ge=0,
        le=999,
        title="To image",
        description="Number among the held-out images: the end of the interpolation.",
        json_schema_extra=ui(slider=False, group=LATENT),
    )
    across: int = Field(
        1,
        ge=1,
        le=64,
        title="Latent dimension across",
        description="Dimensions are numbered by falling KL: 1 has the largest.",
        json_schema_extra=ui(slider=False, group=LATENT),
    )
    down: int = Field(
        2,
        ge=1,
        le=64,
        title="Latent dimension down",
        description="Numbered likewise; it may be the same.",
        json_schema_extra=ui(slider=False, group=LATENT),
    )
    run: str = Field(
        "digits",
        max_length=100,
        title="Training run",
        description="A denoiser that ships with the log of its training, or a run of yours.",
        json_schema_extra=ui(group=HEAT),
    )


@dataclass(frozen=True)
class Bar:
    """One bar: a model, and how its bound is computed. Variance and schedule do not apply to a VAE."""

    title: str
    model: str
    variance: Variance = "auto"
    schedule: ScheduleName = "own"
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
        return Bar("trained network", data, "small"), Bar("exact denoiser", f"ideal:{data}", "small")
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


def measured_settings(controls: LikelihoodControls) -> dict[str, object]:
    """The settings on which the bars depend."""
    names = {"compare", "data", "part", "pictures", "blocks", "seed", "vae"} | (
        set(OF_CHOICE) if controls.compare == "own" else set()
    )
    return controls.model_dump(include=names)


def without_effect(controls: LikelihoodControls) -> dict[str, str]:
    """Controls that change nothing with these settings, each with the reason."""
    return (
        {} if controls.compare == "own" else dict.fromkeys(OF_CHOICE, f"No effect now: choose “{TITLES['own']}” above.")
    )


def _own(side: str, model: str) -> str:
    return f"{side}: {model if len(model) <= 22 else model[:21] + '…'}"
