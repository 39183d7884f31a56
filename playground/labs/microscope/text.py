"""The texts of the Microscope."""

TITLE = "Microscope"
LEAD = (
    "One image, one step. Every update of a sampler is a **weighted sum of a few images**: read the numbers at any pixel, and "
    "see each part of the sum. **Fork** the trajectory at any step with another setting, and compare the outcomes."
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
START = "Sample again"
WHAT = "steps"
EMPTY = "Sampling begins by itself. Drag along a strip to choose a step; point at an image to choose a pixel."
TRAJECTORY = "the trajectory"
LOOKING_AT = (
    "each strip is one trajectory from noise to image, showing x̂₀ at every step; below it the decomposition of the chosen "
    "step, with the numbers of the chosen pixel (white is 1, black −1; noise is drawn from −3 to 3). Arrow keys move along a "
    "strip, and over an image from pixel to pixel."
)
FORK = "Fork: continue from here with another setting"
FORK_ABOUT = "Change one setting or several: sampling continues from **{place}**, and both outcomes stay on the page."
FORK_BUTTON = "🌿 Fork here"
UNDO = "Remove the last fork"
NOTHING_CHANGED = "Nothing is changed yet, so the fork would be the same trajectory: change a setting first."
TOO_MANY = "{most} forks fit on the page: remove one first."
NOT_YET = "This trajectory has no step yet: wait a moment."
NO_FORK_OF_REFERENCE = (
    "Forks leave a trajectory. This strip is the reference image: choose a step on one of the trajectories."
)
NO_DATA = "The training images of this model are not known here, so there is no reference image to compare with."
DOWNLOAD = "Download: this branch as image, recipe and Python"
BRANCH = "Branch"
ERRORS_CSV = "Errors at every level (CSV)"
REFERENCE = "Reference image, noised"
ERRORS = "Error against the true posterior, at each noise level"
ERRORS_ABOUT = (
    "For the reference image x₀ and its noise are known, and so is the posterior q(xₛ | xₜ, x₀). KL, in nats per dimension, "
    "is that of the model's step from it: the variational bound is its sum over the steps."
)
ABOUT_ERRORS = (
    "every level has the same reference image and the same noise ε, mixed by its ᾱ. The error of x̂₀ falls towards the clean "
    "end and that of ε̂ rises; an exact denoiser whose training images do not include it keeps an error of x̂₀ to the end."
)
KL, KL_AS_DDPM = "KL per dimension", "KL per dimension, of DDPM's step"
MODEL_STEP, POSTERIOR_MEAN = "The model's step", "The mean of the true posterior"


def under_microscope(number: int, side: str) -> str:
    """The link to the Microscope with image `number`, counted from 1; `side` is "" or A or B."""
    return f"Open image {number}{f' of {side}' if side else ''} in the Microscope: its steps in numbers, and forks"
