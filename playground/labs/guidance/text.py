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
    "sweep": N_("Choose two settings and their values in the sidebar, then press Draw."),
    "trace": N_("Press Draw to trace both predictions of one recipe at every step."),
    "tradeoff": N_("Press Draw to measure accuracy and diversity at every guidance scale. This takes about a minute."),
    "density": N_("Press Draw to compare the two densities."),
}
"""Before the first result of a view."""
LOOKING_AT = {
    "sweep": N_(
        "every cell is the same recipe from the same noise, with two settings changed. Drag along the strip "
        "to move the whole grid from noise to images; where cells take different numbers of steps, it shows "
        "the fraction of their steps."
    ),
    "trace": N_(
        "two network evaluations at every step, conditional and unconditional, which guidance combines into "
        "ε̂ = ε̂(x) + s (ε̂(x, y) − ε̂(x)), and likewise x̂₀. Where x̂₀ leaves −1 … 1 it is clipped, which "
        "saturates strongly guided images."
    ),
    "tradeoff": N_(
        "accuracy of a classifier of clean images, diversity within a class (dashed: real images) and "
        "saturation of x̂₀ before clipping, by guidance scale. Two scales differ where their bands lie "
        "apart: then a higher one has gained accuracy and lost diversity."
    ),
    "density": N_(
        "the guided points; the density pₜ(x|c)^s pₜ(x)^(1−s) whose score moves them; and the target p(x|c)^s p(x)^(1−s) after "
        "the forward process, with its contours on all three. "
        "Noising does not commute with the product, so the two differ before t = 0, and guidance does not "
        "sample from its target."
    ),
}
"""Under the figures of each view."""
BY_CLASSIFIER = N_(
    "B is guided by a classifier of noisy images: its conditional prediction is the unconditional one "
    "plus the classifier's gradient at a scale of 1, which is Bayes' rule."
)
WHICH = "A: {a}. B: {b}."


translated(__name__)
