"""The controls of the Likelihood lab: which models are compared, on which images, and what of the VAE is shown."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from engine.language import _
from engine.recipes.sampling_fields import SamplingFields, ScheduleName
from playground.labs.shared.controls import Controls, like, seed_setting, setting
from playground.labs.shared.picture import PictureChoice

Variance = Literal["auto", "small", "large", "learned"]
VARIANCES = {"auto": "as trained", "small": "β̃ (small)", "large": "β (large)", "learned": "learned"}
SCHEDULES = {"own": "as trained"}
OWN, LATENT, HEAT = "Models of your choice", "VAE", "Excess loss"
ANY_VAE = "auto"
"""The one that ships for these pictures, or the newest run that trained one."""

OF_CHOICE = tuple(f"{side}_{name}" for side in "ab" for name in ("model", "variance", "schedule"))

TITLES = {
    "layers": "Diffusion against VAE",
    "variance": "Fixed against learned variance",
    "schedules": "Linear against cosine",
    "ideal": "Network against exact denoiser",
    "own": "Models of your choice",
}


class LikelihoodControls(Controls):
    """The settings of the Likelihood lab."""

    compare: Literal["layers", "variance", "schedules", "ideal", "own"] = setting(
        "layers",
        "Comparison",
        "The bounds that are shown side by side, all measured on the same images with the same noise.",
        titles=TITLES,
    )
    data: Literal["digits", "emoji"] = like(PictureChoice, "data", title="Images")
    part: Literal["held-out", "training"] = setting(
        "held-out",
        "Part of the data",
        "Images held out from training, or the training images.",
        titles={"held-out": "held out"},
    )
    pictures: int = setting(
        24,
        "Number of images",
        "Chosen by the seed. More make the standard error smaller and take proportionally longer; 24 is usual.",
        ge=2,
        le=150,
    )
    blocks: Literal[20, 50, 200, 1000] = setting(
        20,
        "Timestep blocks",
        "The T terms of the bound are estimated in so many blocks, short ones near t = 1. At 1,000 every t is "
        "evaluated, which takes some 30 times as long as 20 blocks; the total is the same on average.",
        titles={20: "20", 50: "50", 200: "200", 1000: "1,000"},
    )
    seed: int = seed_setting("Of the choice of images and of the noise.")
    a_model: str = like(
        SamplingFields,
        "model",
        title="A: model",
        help="A trained network, the exact denoiser of a data set, or a run of yours.",
        group=OWN,
    )
    a_variance: Variance = setting(
        "auto",
        "A: variance of the reverse step",
        "β̃ and β are the two fixed variances of Ho et al. 2020; as trained is usual.",
        titles=VARIANCES,
        group=OWN,
    )
    a_schedule: ScheduleName = setting(
        "own",
        "A: noise schedule",
        "Of the bound's steps. It may differ from training, since the model is conditioned on the noise level.",
        titles=SCHEDULES,
        group=OWN,
    )
    b_model: str = like(SamplingFields, "model", default="ideal:digits", title="B: model", help="As for A.", group=OWN)
    b_variance: Variance = setting("auto", "B: variance of the reverse step", "As for A.", titles=VARIANCES, group=OWN)
    b_schedule: ScheduleName = setting("own", "B: noise schedule", "As for A.", titles=SCHEDULES, group=OWN)
    vae: str = setting(
        ANY_VAE, "VAE", "The one that ships for the digits, or a run of the Training lab.", max_length=100, group=LATENT
    )
    first: int = setting(3, "From image", "Number among the held-out images.", ge=0, le=999, slider=False, group=LATENT)
    second: int = setting(
        905,
        "To image",
        "Number among the held-out images: the end of the interpolation.",
        ge=0,
        le=999,
        slider=False,
        group=LATENT,
    )
    across: int = setting(
        1,
        "Latent dimension across",
        "Dimensions are numbered by falling KL: 1 has the largest.",
        ge=1,
        le=64,
        slider=False,
        group=LATENT,
    )
    down: int = setting(
        2, "Latent dimension down", "Numbered likewise; it may be the same.", ge=1, le=64, slider=False, group=LATENT
    )
    run: str = setting(
        "digits",
        "Training run",
        "A denoiser that ships with the log of its training, or a run of yours.",
        max_length=100,
        group=HEAT,
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
    latent = (Bar(_("VAE, one layer"), vae, latent=True),) if vae else ()
    if controls.compare == "own":
        return (
            Bar(_own("A", controls.a_model), controls.a_model, controls.a_variance, controls.a_schedule),
            Bar(_own("B", controls.b_model), controls.b_model, controls.b_variance, controls.b_schedule),
            *latent,
        )
    if controls.compare == "ideal":
        return Bar(_("trained network"), data, "small"), Bar(_("exact denoiser"), f"ideal:{data}", "small")
    if controls.compare == "schedules":
        return tuple(
            Bar(_("{schedule} steps", schedule=_(name)), data, "small", name)
            for name in ("cosine", "linear", "sigmoid")
        )
    if data != "digits":  # no network with a learned variance ships for them
        small, large = (
            Bar(_("diffusion, small variance"), data, "small"),
            Bar(_("diffusion, large variance"), data, "large"),
        )
        return (small, large) if controls.compare == "variance" else (small, *latent)
    learned = "digits-learned-variance"
    of_one = (  # the same weights, so that the variance alone differs
        Bar(_("diffusion, small variance"), learned, "small"),
        Bar(_("diffusion, large variance"), learned, "large"),
        Bar(_("diffusion, learned variance"), learned, "learned"),
    )
    return of_one if controls.compare == "variance" else (of_one[0], of_one[2], *latent)


def measured_settings(controls: LikelihoodControls) -> dict[str, object]:
    """The settings on which the bars depend."""
    names = {"compare", "data", "part", "pictures", "blocks", "seed", "vae"} | (
        set(OF_CHOICE) if controls.compare == "own" else set()
    )
    return controls.model_dump(include=names)


def without_effect(controls: LikelihoodControls) -> dict[str, str]:
    """Controls that change nothing with these settings, each with the reason."""
    return (
        {}
        if controls.compare == "own"
        else dict.fromkeys(OF_CHOICE, _("No effect now: choose “{title}” above.", title=_(TITLES["own"])))
    )


def _own(side: str, model: str) -> str:
    return _("{name}: {value}", name=side, value=model if len(model) <= 22 else model[:21] + "…")
