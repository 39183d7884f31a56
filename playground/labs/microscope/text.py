"""The texts of the Microscope."""

from engine.language import N_, _, translated

TITLE = N_("Microscope")
LEAD = N_(
    "One image, one step. Every update of a sampler is a **weighted sum of a few images**: read the "
    "numbers at any pixel, and see each part of the sum. **Fork** the trajectory at any step with "
    "another setting, and compare the outcomes."
)
TERMS = (
    "noisy data",
    "x̂₀ prediction",
    "predicted noise",
    "step decomposition",
    "reference step",
    "posterior",
    "posterior weights",
    "exact denoiser",
    "fork",
    "trajectory",
)
"""Of the glossary, in the order in which the page shows them."""
START = N_("Sample again")
WHAT = "steps"
EMPTY = N_("Sampling begins by itself. Drag along a strip to choose a step; point at an image to choose a pixel.")
TRAJECTORY = N_("the trajectory")
LOOKING_AT = (
    N_("Each strip is one trajectory of x̂₀; below it the chosen step, with the numbers of one pixel."),
    N_("Move along a strip with the arrow keys, and point at a pixel of a term."),
    N_("A step is a weighted sum: its coefficients follow from the noise levels, its images from the network."),
)
FORK = N_("Fork: continue from here with another setting")
FORK_ABOUT = N_(
    "Change one setting or several: sampling continues from **{place}**, and both outcomes stay on the page."
)
FORK_BUTTON = N_("🌿 Fork here")
UNDO = N_("Remove the last fork")
NOTHING_CHANGED = N_("Nothing is changed yet, so the fork would be the same trajectory: change a setting first.")
TOO_MANY = N_("{most} forks fit on the page: remove one first.")
NOT_YET = N_("This trajectory has no step yet: wait a moment.")
NO_FORK_OF_REFERENCE = N_(
    "Forks leave a trajectory. This strip is the reference image: choose a step on one of the trajectories."
)
NO_DATA = N_("The training images of this model are not known here, so there is no reference image to compare with.")
DOWNLOAD = N_("Download: this branch as image, recipe and Python")
BRANCH = N_("Branch")
ERRORS_CSV = N_("Errors at every level (CSV)")
REFERENCE = N_("Reference image, noised")
ERRORS = N_("Error against the true posterior, at each noise level")
ERRORS_ABOUT = N_(
    "For the reference image x₀ and its noise are known, and so is the posterior q(xₛ | xₜ, x₀). KL, in "
    "nats per dimension, is that of the model's step from it: the variational bound is its sum over the "
    "steps."
)
ABOUT_ERRORS = N_(
    "every level has the same reference image and the same noise ε, mixed by its ᾱ. The error of x̂₀ "
    "falls towards the clean end and that of ε̂ rises; an exact denoiser whose training images do not "
    "include it keeps an error of x̂₀ to the end."
)
KL, KL_AS_DDPM = N_("KL per dimension"), N_("KL per dimension, of DDPM's step")
MODEL_STEP, POSTERIOR_MEAN = N_("The model's step"), N_("The mean of the true posterior")


def under_microscope(number: int, side: str) -> str:
    """The link to the Microscope with image `number`, counted from 1; `side` is "" or A or B."""
    if side:
        return _("Image {number} of {side} in the Microscope", number=number, side=side)
    return _("Image {number} in the Microscope", number=number)


translated(__name__)
