"""The texts of the Schedules lab."""

TITLE = "Noise schedules"
LEAD = (
    "The same image under the same noise, with different schedules. A good schedule leaves no signal at t = T and spends "
    "its steps at the noise levels where there is most to predict."
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
NONE = "Switch on a schedule in the settings."
STRIPS = (
    "one image at t/T = 0, 0.1, … 1 from left to right, one row per schedule. Every row has the same noise ε; only the "
    "noise level 1 − ᾱₜ differs."
)
GAUGES = "Terminal signal-to-noise ratio"
GAUGE = (
    "the signal-to-noise ratio ᾱ_T / (1 − ᾱ_T) at the last step. Sampling starts from N(0, I): in the green range that is what "
    "the network was trained on at t = T, in the red range it is not."
)
CURVES = (
    "every schedule at the same step t: βₜ is the variance that step t adds, ᾱₜ the remaining signal variance, and log SNR is "
    "0 where signal and noise are equal. √β̃ₜ is the standard deviation of the posterior, which DDPM adds in a reverse step."
)
CLOSER = "Larger curves with values"
CSV = "All values (CSV)"
DRAW = "Draw a schedule"
POINTS = "Points: t/T, ᾱ; t/T, ᾱ; …"
POINTS_STAY = "The curve is unchanged."
DRAWN = (
    "the signal variance ᾱ over t/T, which begins at 1 and never rises. A curve that ends above 0.01 leaves signal at t = T, "
    "as the gauge below shows."
)
STATES = {"fine": "✅", "zero": "ℹ️", "wrong": "⚠️"}
"""Icon of each state of a schedule's terminal SNR."""
