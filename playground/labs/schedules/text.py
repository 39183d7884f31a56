"""The texts of the Schedules lab."""

TITLE = "How fast should the noise come in?"
LEAD = (
    "The same picture under the same noise, with different schedules. A good one spends its steps where there is "
    "something to learn, and leaves nothing of the picture at the end."
)
NONE = "Switch on a schedule in the settings to see what it does."
STRIPS = (
    "one picture, ever noisier from left to right. Every row has the same noise ε; only the amount differs. "
    "t/T is the share of the steps taken."
)
GAUGES = "Is anything left of the picture at t = T?"
GAUGE = (
    "the signal-to-noise ratio that is left at the last step. Sampling begins with pure noise, N(0, I). In the "
    "green part that is what training ended with; in the red part the network has never seen noise so pure."
)
CURVES = (
    "every schedule at the same step t. β is the variance of the noise that step t adds; ᾱ what is left of the picture by "
    "then; at 0, the log of the signal-to-noise ratio says that there is as much noise as picture; σ is the noise that a "
    "sampler adds again when it goes one step back (DDPM, with the posterior's variance)."
)
CLOSER = "The same curves larger, to read values off"
CSV = "All values as CSV"
DRAW = "Draw your own"
POINTS = "Points: t/T, ᾱ; t/T, ᾱ; …"
POINTS_STAY = "The curve stays as it was."
DRAWN = (
    "ᾱ, the share of the picture that is left, over t/T. It begins at 1 and may only fall. A curve that ends above "
    "0.01 leaves too much of the picture: see what the gauge says."
)
STATES = {"fine": "✅", "zero": "ℹ️", "wrong": "⚠️"}
"""What stands before the verdict on a schedule."""
