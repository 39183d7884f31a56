"""The texts of the page that lists the lessons."""

from engine.language import N_, translated

TITLE = N_("Learn: from noise to pictures in eight lessons")
NAME = N_("Learn")
LEAD = N_(
    "In each lesson you predict something, do it in a lab, and compare. A lesson takes 10 to 12 minutes; no account is needed, "
    "and you may open any step."
)

translated(__name__)
