"""The texts of the Forward lab."""

from engine.language import N_, _, translated

TITLE = N_("The forward process: from an image to noise")
LEAD = N_(
    "The forward process adds Gaussian noise step by step, until xₜ is distributed as N(0, I). Drag the "
    "strip below the image to move along t."
)
TERMS = (
    "noisy data",
    "clean data",
    "noise",
    "forward process",
    "Markov step",
    "time step",
    "signal variance",
    "noise level",
    "SNR",
    "posterior",
)
"""Of the glossary, in the order in which the page shows them."""
LOOKING_AT = (
    N_("xₜ at step t, its pixel values and its noise; values beyond −1 … 1 are displayed as −1 or 1."),
    N_("Choose **Both** as the forward process, and compare one jump with t single steps."),
    N_("Sums of Gaussian noise are Gaussian: either way (xₜ − √ᾱₜ x₀) / √(1−ᾱₜ) is N(0, 1) at every t."),
)
NO_CLASS = N_("An uploaded image has no class and no number.")
UPLOAD = N_("Your own image")
UPLOAD_FIRST = N_("Choose an image file above. Until then the previous image is shown.")
STAYS = N_("The previous image is still shown.")


def upload_help(size: int) -> str:
    """What happens to an uploaded picture."""
    return _(
        "The largest centred square is resized to {size} × {size} pixels. It stays on the machine that runs "
        "this playground and is not part of the link.",
        size=size,
    )


translated(__name__)
