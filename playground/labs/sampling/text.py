"""The texts of the Sampling lab."""

from __future__ import annotations

from collections.abc import Sequence

from engine.language import N_, _, translated

TITLE = N_("Sampling")
LEAD = N_("Start from pure noise and denoise it step by step. Watch the images form along the trajectory.")
TERMS = (
    "noisy data",
    "x̂₀ prediction",
    "predicted noise",
    "sampler",
    "DDPM sampler",
    "DDIM sampler",
    "Heun sampler",
    "DPM-Solver++",
    "stochasticity",
    "timestep spacing",
    "guidance scale",
    "conditional, unconditional",
    "clip to range",
    "dynamic thresholding",
    "network evaluation",
    "recipe",
)
"""Of the glossary, in the order in which the page shows them."""
START = N_("Draw")
WHAT = "steps"
NEW_SEED = N_("New seed")
NEW_SEED_HELP = N_("Draws with the same settings and other noise.")
PRESS_START = N_("Choose the settings, then press Draw.")
CHANGED = N_("The settings have changed since these images were drawn. Press Draw to apply them.")
STOPPED_EARLY = N_("Stopped before the first step was done. Press Draw to begin again.")
TIMELINE = N_("Sampling trajectory, from noise to image")
LOOKING_AT = (
    N_("Each tile is one image: xₜ is being denoised, x̂₀ predicts the clean image, and ε̂ the noise."),
    N_("Drag along the strip or press the arrow keys; click an image for its nearest training images."),
    N_("Each step moves xₜ towards x̂₀ and leaves less of ε̂, with the weights in the highlighted lines."),
)
DISTANCE = N_("distance is the root mean square difference per pixel, on the scale 0 to 255. ")
MEMORIZED = N_("A sample at a distance of (nearly) 0 is a memorized training image.")
MEMORIZED_BY_IDEAL = N_(
    "A sample at a distance of 0 is a training image, and the exact denoiser samples nothing else. "
    "**Smoothing** in the sidebar moves its samples off them."
)
LANES = {
    "x": (N_("<i>x</i><sub>t</sub>, the noisy image"), N_("At t = 0 it is the sample.")),
    "x0": (
        N_("<i>x̂</i><sub>0</sub>, the prediction"),
        N_("Of the clean image."),
    ),
    "noise": (
        N_("<i>ε̂</i>, the predicted noise"),
        N_("Grey is 0. At t = 0 it is that of the last step."),
    ),
}
"""Title and explanation of the three lanes."""
DIFFERENCE = (N_("<i>x̂</i><sub>0</sub> of B − <i>x̂</i><sub>0</sub> of A"), N_("From −1 to 1; grey is 0."))
PNG_STOPPED = N_("Images so far (PNG, without recipe: it was stopped)")
PNG, RECIPE = N_("Images (PNG, carries its recipe)"), N_("Recipe (JSON)")
PYTHON = N_("Program with this engine (Python)")
TABS = (N_("This recipe"), N_("Plain PyTorch"), "diffusers")
"""What gives the images again."""
RECIPE_NOTE = N_(
    "Every field that determines these images, defaults written out: the same recipe gives the same pixels in the lab, on the "
    "command line (python -m engine sample), in Python and over the API."
)
RECIPE_NOTE_STOPPED = N_("The sampling was stopped; this recipe and both programs go on to t = 0.")


def smoothed(smoothing: float) -> str:
    """What the distances mean for a smoothed exact denoiser."""
    return _(
        "With a smoothing of {smoothing:g} the samples of the exact denoiser lie about {distance:.0f} "
        "from a training image (less where clipping takes some of it back), in a random direction: they are "
        "noisy images, no copies. A network generalises in another way.",
        smoothing=smoothing,
        distance=smoothing * 127.5,
    )


def sample(t: int) -> str:
    """What the last image of a run is, which was stopped where t is not 0."""
    return _("x̂₀ at t = {t}, not finished", t=t) if t else _("this sample")


def difference(values: Sequence[float], error: float) -> str:
    """How far the images of two sides are from each other, of each image, with the standard error of the mean."""
    mean, count = sum(values) / len(values), len(values)
    words = _(" ± {error:.3f} (standard error over {count} images)", error=error, count=count) if count > 1 else ""
    return _(
        "RMS difference of x̂₀ between B and A, from the same noise: {difference:.3f}{change}.",
        difference=mean,
        change=words,
    )


def nearest(number: int, side: str) -> str:
    """The heading over the training images nearest to image `number`, counted from 1; `side` is "" or A or B."""
    if side:
        return _("**Image {number} of {side}** and the training images nearest to it", number=number, side=side)
    return _("**Image {number}** and the training images nearest to it", number=number)


def again(side: str) -> str:
    """The heading over what gives the images again; `side` is "" or A or B."""
    if side:
        return _("**The same pixels again: {side}**", side=side)
    return _("**The same pixels again**")


def waiting(place: int) -> str:
    """That a run waits for its turn; `place` in the queue, 1 for the next."""
    before = _("You are next") if place == 1 else _("{place} before you", place=place - 1)
    return _("Waiting for room on this machine. {before} in the queue.", before=before)


OPEN = N_("Open a model")
OPEN_NAME = N_("Folder, file, or name on the Hub")
OPEN_NAME_HELP = N_(
    "A diffusers folder with a UNet2DModel in pixel space and a scheduler, weights as safetensors; such "
    "a folder on the Hugging Face Hub, as owner/name; or a model-10.pt of denoising-diffusion-pytorch "
    'with a model-10.json beside it that says {"image_size": 32}.'
)
OPEN_EXAMPLE = N_("/home/me/my-ddpm or google/ddpm-cifar10-32")
OPEN_FILE = N_("Model file")
OPEN_FILE_HELP = N_("A zip of a diffusers folder, or a model-10.pt of denoising-diffusion-pytorch.")
OPEN_UPLOAD = N_("Open the upload")
OPEN_SIZE = N_("Height and width (pixels)")
OPEN_SIZE_MISSING = N_("Such a file does not hold the size of its images.")
OPEN_OBJECTIVE = N_("Prediction target")
FETCH = N_("Download from the Hub")
CANCELLED = N_("Cancelled.")
TRY_AGAIN = N_("Open another model")


def not_here(name: str) -> str:
    """That a model would have to be downloaded."""
    return _(
        "“{name}” is not on this machine. It may be on the Hub; only configs and safetensors are downloaded.", name=name
    )


FACTS = {"accuracy": N_("share of side A's images that a classifier takes for their label")}
"""What a lesson or a class may ask of this lab besides its settings."""

translated(__name__)
