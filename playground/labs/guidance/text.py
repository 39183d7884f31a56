"""The texts of the Guidance lab."""

from __future__ import annotations

TITLE = "What guidance does"
LEAD = (
    "Guidance pushes a picture towards its class, further than the class alone would. Lay any two settings out as a grid, take "
    "a step apart, see what the push costs, and where it really leads."
)
START = "Draw"
CHANGED = "The settings have changed since this was drawn. Press **Draw** to see them."
PRESS = {
    "sweep": "Choose two settings and their values in the sidebar, then press Draw.",
    "apart": "Press Draw to walk one recipe and see both of its estimates at every step.",
    "price": "Press Draw to measure accuracy and variety at every scale. This takes a minute or so.",
    "law": "Press Draw to compare the two laws.",
}
"""Before there is anything to see."""
LOOKING_AT = {
    "sweep": "every cell is the same recipe with two settings changed, from the same noise. Drag along the strip to see the "
    "whole grid come out of it. Where cells take different numbers of steps, the playhead counts the share of the way.",
    "apart": "at every step the model is asked twice, with the label and without. Guidance takes the difference times the "
    "scale: ε̂ = ε̂(x) + s (ε̂(x, y) − ε̂(x)), and the same for x̂₀. Early on the label changes all of the picture; later it "
    "changes a few strokes. Where x̂₀ leaves −1 … 1 it is clipped, and that is what saturates strongly guided pictures.",
    "price": "a network that reads clean pictures judges what is drawn. The higher the scale, the more surely it reads the "
    "class that was asked for, and the more alike the pictures of a class become: the dashed line is how far two real ones are "
    "apart. How much of x̂₀ leaves the range of pictures is measured before it is clipped.",
    "law": "left, the points that guidance moves; in the middle, the density whose score moves them at this level; right, the "
    "promised law with this level's noise on it, whose lines of equal height are drawn on all three. At t = 0 middle and right "
    "are the same. Before, they are not: noising a product is not the product of what was noised, so following the middle one "
    "does not lead to it. All of this is exact: no network is asked.",
}
"""Under the figures of each view."""
BY_CLASSIFIER = "B is pushed by a classifier of noisy pictures: there, “with label” is Bayes' rule, a scale of 1."
WHICH = "A: {a}. B: {b}."
TAKE_AWAY = "Take it with you"
