"""The texts of the Guidance lab."""

from __future__ import annotations

from engine.language import N_, translated

TITLE = N_("What guidance does")
LEAD = N_(
    "Guidance extrapolates from the unconditional prediction past the conditional one, towards a class. "
    "Lay out two settings as a grid, trace both predictions step by step, and measure what a higher "
    "guidance scale gains and loses."
)
TERMS = (
    "classifier-free guidance",
    "guidance scale",
    "conditional, unconditional",
    "guidance interval",
    "guidance rescale",
    "classifier guidance",
    "guidance trace",
    "product distribution",
    "accuracy",
    "diversity",
)
"""Of the glossary, in the order in which the page shows them."""
START = N_("Draw")
CHANGED = N_("The settings have changed since this was sampled. Press Draw to update it.")
PRESS = {
    "sweep": N_("Choose two settings and their values, then press Draw."),
    "trace": N_("Press Draw to trace both predictions of one recipe at every step."),
    "tradeoff": N_("Press Draw to measure accuracy and diversity at every guidance scale. This takes about a minute."),
    "density": N_("Press Draw to compare the two densities."),
}
"""Before the first result of a view."""
LOOKING_AT = {
    "sweep": (
        N_("A grid of samples from the same noise: two settings change, the rest of the recipe does not."),
        N_("Drag along the strip; where cells take different numbers of steps, it shows the fraction of their steps."),
        N_("From the same noise, every difference between cells comes from the two settings."),
    ),
    "trace": (
        N_("The conditional and the unconditional prediction at every step, and the guided one that combines them."),
        N_("Raise the guidance scale, and look where x̂₀ leaves −1 … 1."),
        N_("ε̂ = ε̂(x) + s (ε̂(x, y) − ε̂(x)) extrapolates for s > 1, and clipping x̂₀ saturates the image."),
    ),
    "tradeoff": (
        N_(
            "Classifier accuracy, diversity within a class (dashed: real images) and saturation of x̂₀ before "
            "clipping, by guidance scale."
        ),
        N_("Find two scales whose bands lie apart: only those differ beyond chance."),
        N_("Guidance favours images that are typical of their class: accuracy rises, and diversity falls."),
    ),
    "density": (
        N_(
            "The guided points; the density pₜ(x|c)^s pₜ(x)^(1−s) whose score moves them; the noised target, with contours."
        ),
        N_("Raise the guidance scale, and compare points and contours before t = 0."),
        N_("Noising does not commute with the product of densities, so guidance does not sample from its target."),
    ),
}
"""Under the figures of each view."""
BY_CLASSIFIER = N_(
    "B is guided by a classifier of noisy images: its conditional prediction is the unconditional one "
    "plus the classifier's gradient at a scale of 1, which is Bayes' rule."
)
WHICH = "A: {a}. B: {b}."


translated(__name__)
