"""The texts of the Schedules lab."""

from engine.language import N_, _, translated

TITLE = N_("Noise schedules")
LEAD = N_(
    "The same image under the same noise, with different schedules. A good schedule leaves no signal at "
    "t = T and spends its steps at the noise levels where there is most to predict."
)
TERMS = (
    "noise schedule",
    "signal variance",
    "noise level",
    "SNR",
    "log-SNR",
    "terminal SNR",
    "zero terminal SNR",
    "posterior variance",
    "linear schedule",
    "cosine schedule",
    "sigmoid schedule",
)
"""Of the glossary, in the order in which the page shows them."""
NONE = N_("Switch on a schedule in the settings.")
STRIPS = N_(
    "one image at t/T = 0, 0.1, … 1 from left to right, one row per schedule. Every row has the same "
    "noise ε; only the noise level 1 − ᾱₜ differs."
)
GAUGES = N_("Terminal signal-to-noise ratio")
GAUGE = N_(
    "the signal-to-noise ratio ᾱ_T / (1 − ᾱ_T) at the last step, where x_T keeps √ᾱ_T of the image; sampling starts from "
    "N(0, I), which has none. Green: at most 1 % is kept; yellow: up to 10 %, which shows in the mean brightness alone "
    "(Stable Diffusion's 0.0047); red: more, in every pixel."
)
FINE = (N_("Fine"), N_("x_T keeps √ᾱ_T = {leak} % of the image's mean: a sampler may start from N(0, I)."))
ZERO = (
    N_("Terminal SNR is 0"),
    N_(
        "x_T is exactly N(0, I). There ε = x_T says nothing about x₀, so a network that predicts the noise "
        "cannot be used: let it predict x₀ or the velocity."
    ),
)
SIGNAL_LEFT = {
    "mean": (
        N_("The mean leaks"),
        N_(
            "x_T keeps √ᾱ_T = {leak} % of the image. No pixel shows it, but the mean over {pixels} does: a "
            "difference of 1 is {times} standard deviations of its noise. A sampler starts without it: samples "
            "tend to a medium brightness."
        ),
    ),
    "wrong": (
        N_("Signal left at t = T"),
        N_(
            "In training x_T keeps √ᾱ_T = {leak} % of every pixel, but a sampler starts from N(0, I) without it: "
            "samples come out with too little contrast, around a medium grey."
        ),
    ),
}
"""Headline and sentence where x_T is no pure noise."""
RESCALE, USE_ZERO = N_("Scale β by 1000 / T"), N_("Use zero terminal SNR")
CURVES = (
    N_("Every schedule at the same step t: added variance βₜ, signal variance ᾱₜ, log SNR, and √β̃ₜ of the posterior."),
    N_("Find the step where log SNR is 0: signal and noise are equal, for data of variance 1."),
    N_("βₜ determines every other curve: ᾱₜ is the product of all 1 − βₛ up to t."),
)
CLOSER = N_("Larger curves with values")
CSV = N_("All values (CSV)")
DRAW = N_("Draw a schedule")
POINTS = N_("Points: t/T, ᾱ; t/T, ᾱ; …")
POINTS_STAY = N_("The curve is unchanged.")
DRAWN = N_(
    "the signal variance ᾱ over t/T, which begins at 1 and never rises. A curve that ends above 0.0001 "
    "leaves signal at t = T, as the gauge below shows."
)
STATES = {"fine": "✅", "zero": "ℹ️", "mean": "⚠️", "wrong": "⚠️"}
"""Icon of each state of a schedule's terminal SNR."""


def headline(words: str) -> str:
    """A headline with a full stop."""
    return _("{word}.", word=words)


translated(__name__)
