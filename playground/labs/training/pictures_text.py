"""The texts about the pictures of the Training lab: what the network will see, and where others are got from."""

from playground.labs.training.controls import PICTURES

SOURCES = {"known": "Well-known sets", "folder": "A folder", "zip": "A zip", "hub": "Hugging Face"}
OTHERS = "Other pictures …"
LOOKING = "Looking at the pictures …"
NO_FLOOR = (
    "There is no dashed line in the loss chart for these: the ideal denoiser would have to look at every one of "
    "them, in every way that the network sees it, and that is too many."
)
CHANGED = "The folder holds other pictures than when it was prepared. What is trained on is what it held then."
AGAIN = "Prepare it again"
REMOVE = "Remove from this disk"
PREPARED_ALREADY = "It is prepared here already."
CHOOSE = "Choose it"
PREPARE = "Prepare"
FOLDER = "Path of the folder"
FOLDER_EXAMPLE = "/home/me/pictures/birds"
FOLDER_HELP = (
    "On the machine that the playground runs on. The folders in it are the classes: birds/owl, birds/wren. Without "
    "folders in it there are no classes. Nothing in it is changed."
)
ZIP = "A zip of pictures"
ZIP_HELP = (
    "The folders in it are the classes. PNG, JPEG, WebP, GIF, BMP and TIFF are read; everything else is left out."
)
ZIP_FIRST = "Choose a zip first."
HUB = "Name on the Hub"
HUB_HELP = "Any data set with a column of pictures; a column of classes is found by itself."
MOST = "Take"
MOST_HELP = "So many are read as they come, in a mixed order; all of them are downloaded whole first."
LARGEST = "Keep them at"
LARGEST_HELP = "The middle square of each picture, made smaller where it is larger, never larger."
CANCELLED = "Cancelled. Nothing of it is left."
SOMETHING_ELSE = "Try something else"


def most(number: int) -> str:
    """One choice of how many to take; 0 for all."""
    return f"at most {number:,}" if number else "all of them"


def largest(size: int) -> str:
    """One choice of how large they are kept."""
    return f"{size} × {size} at most"


def treated(flips: bool, rotation: float) -> str:
    """What was decided about mirroring and turning for pictures that have just been chosen."""
    done = [*(["mirrored"] if flips else []), *([f"turned by up to {rotation:g}°"] if rotation else [])]
    what = f"are {' and '.join(done)}, as suits photographs" if done else "are neither mirrored nor turned"
    return f"These pictures {what}: see “{PICTURES}” in the sidebar."


def looking_at(size: int, channels: int, flips: bool, rotation: float) -> str:
    """Under some of the pictures."""
    changed = [
        *(["every other one mirrored"] if flips else []),
        *([f"each turned by up to {rotation:g}°"] if rotation else []),
    ]
    how = f", {' and '.join(changed)}" if changed else ""
    return (
        f"some of the pictures as the network will see them: {size} × {size} pixels, "
        f"{'in colour' if channels == 3 else 'grey'}{how}."
    )


def heading(title: str, training: int, size: int) -> str:
    """The heading over them."""
    return f"{title}: {training:,} to train on, {size} × {size}"


def counted(training: int, held_out: int) -> str:
    """How many there are."""
    held = f"{held_out:,} are held out: never trained on" if held_out else "None are held out"
    return f"**{training:,}** to train on. {held}."


def offer(download: str, on_disk: str, licence: str) -> str:
    """What getting one of the well-known sets takes."""
    return f"A download of {download}; {on_disk} of disk are needed while it is unpacked. Licence: {licence}."


def too_large(most: str) -> str:
    """Of an upload."""
    return f"A zip may have {most} at most."


def free(amount: str) -> str:
    """Under the sources."""
    return f"{amount} are free on the disk where pictures are kept."


def frees(amount: str) -> str:
    """Before a set is removed."""
    return f"This frees {amount}. Runs on these pictures can then not be resumed; what they have learned stays."
