"""The texts of the Sampling lab."""

TITLE = "Sampling"
LEAD = "Start from pure noise and ask the model, again and again, what is underneath. Watch the picture come out."
PRESS_DRAW = "Set what you like in the sidebar, then press Draw."
CHANGED = "The settings have changed since these pictures were drawn. Press **Draw** to see them."
STOPPED_EARLY = "Stopped before the first step was done. Press Draw to begin again."
LOOKING_AT = (
    "each tile is one picture at the step below the strip. xₜ is what is being denoised, x̂₀ what the model "
    "thinks is underneath, ε̂ the noise it sees there. Drag along the strip, or press the arrow keys. "
    "Click a picture to see the training pictures it is nearest to."
)
DISTANCE = "distance is the root mean square difference per pixel, on the scale 0 to 255. "


def nearest(number: int, side: str) -> str:
    """The heading over the training pictures nearest to picture `number`, counted from 1; `side` is "" or A or B."""
    return f"**Image {number}{f' of {side}' if side else ''}** and the training pictures nearest to it"


def under_microscope(number: int, side: str) -> str:
    """The link to the Microscope with picture `number`, counted from 1; `side` is "" or A or B."""
    return f"Put image {number}{f' of {side}' if side else ''} under the microscope: its steps, number by number, and forks"


def take_away(side: str) -> str:
    """The heading over what can be downloaded; `side` is "" or A or B."""
    return f"Take it with you: picture, recipe and Python{f' of {side}' if side else ''}"


OPEN = "Open a model"
OPEN_NAME = "Folder, file, or name on the Hub"
OPEN_NAME_HELP = (
    "A diffusers folder with a UNet2DModel in pixel space and a scheduler, weights as safetensors; such a "
    "folder on the Hugging Face Hub, as owner/name; or a model-10.pt of denoising-diffusion-pytorch with a "
    'model-10.json beside it that says {"image_size": 32}.'
)
OPEN_EXAMPLE = "/home/me/my-ddpm or google/ddpm-cifar10-32"
OPEN_FILE = "Or upload it"
OPEN_FILE_HELP = "A zip of a diffusers folder, or a model-10.pt of denoising-diffusion-pytorch."
OPEN_UPLOAD = "Open the upload"
OF_TRAINER = "Such a file does not say how large its pictures are."
OF_TRAINER_SIZE = "Height and width, in pixels"
OF_TRAINER_OBJECTIVE = "It predicts"
