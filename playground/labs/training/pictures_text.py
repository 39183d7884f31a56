"""The texts about the data sets of the Training lab."""

SOURCES = {"known": "Well-known sets", "folder": "A folder", "zip": "A zip", "hub": "Hugging Face"}
WHERE_FROM = "Source"
KNOWN = "Data set"
OTHERS = "Other data sets …"
LOADING = "Loading the images …"
NO_FLOOR = (
    "The loss chart has no floor for this data set: the exact denoiser would compare each noised image with too many training "
    "images."
)
CHANGED = "The folder has changed since it was prepared. Training uses the images of that time."
AGAIN = "Prepare it again"
REMOVE_TITLE = "Remove from this disk"
REMOVE = "Remove"
PREPARED_ALREADY = "It is prepared already."
CHOOSE = "Choose it"
PREPARE = "Prepare"
CANCEL = "Cancel"
FOLDER = "Path of the folder"
FOLDER_EXAMPLE = "/home/me/pictures/birds"
FOLDER_HELP = (
    "On the machine that runs the playground. Each folder in it is a class: birds/owl, birds/wren. Without folders there are "
    "no classes. Nothing in it is changed."
)
ZIP = "A zip of images"
ZIP_HELP = "Each folder in it is a class. PNG, JPEG, WebP, GIF, BMP and TIFF are read; other files are skipped."
ZIP_FIRST = "Choose a zip first."
UNREADABLE = "The file cannot be read."
HUB = "Name on the Hub"
HUB_EXAMPLE = "owner/name"
HUB_HELP = "Any data set with a column of images; a column of classes is detected."
MOST = "Images"
MOST_HELP = "They are read in a shuffled order. The data set is downloaded whole first."
LARGEST = "Image size"
LARGEST_HELP = (
    "The centre square of each image is reduced to this size where it is larger. Larger images take longer to train."
)
EXAMPLES = "Examples"
FOLDERS_ARE = "Folders named like splits are"
FOLDERS_ARE_HELP = (
    "Splits are parts of the set: train, test, validation. Pictures of a split to test on are never trained on."
)
FOLDERS_MEAN = {"auto": "splits, where all are named so", "splits": "splits", "classes": "classes"}
WHITE = "White is"
WHITE_HELP = "For dark pictures: the stored value that is shown as white, 4,095 for values of 12 bits in files of 16."
WHITES = (0, 1, 15, 255, 1023, 4095, 16383)
"""The values that can be chosen; 0 for the largest that the files can hold."""
CANCELLED = "Cancelled. Nothing of it remains."
SOMETHING_ELSE = "Choose another source"


def most(number: int) -> str:
    """One choice of how many images to take; 0 for all."""
    return f"at most {number:,}" if number else "all"


def largest(size: int) -> str:
    """One choice of the image size."""
    return f"at most {size} × {size}"


def white(value: int) -> str:
    """One choice of what is white."""
    return f"{value:,}" if value else "the largest value of the files"


def understood(classes: int, training: int, held_out: int) -> str:
    """What was understood of a folder or a zip before it is prepared."""
    held = f"{held_out:,} are held out as the folders say" if held_out else "a tenth will be held out"
    kinds = f"{classes:,} classes" if classes else "no classes"
    return f"Understood: {kinds}, {training:,} pictures to train on; {held}."


def augmentation(mirrored: str, rotation: float) -> list[str]:
    """What is done to the images, in words; `mirrored` says how they are mirrored, "" for not at all."""
    return [words for words in (mirrored, f"rotated by up to {rotation:g}°" if rotation else "") if words]


def treated(flips: bool, rotation: float) -> str:
    """How the augmentation was set for a data set that was just chosen."""
    if changes := augmentation("mirrored" if flips else "", rotation):
        return (
            f"The images are {' and '.join(changes)}, as suits photographs: see “Size and augmentation” in the sidebar."
        )
    return "The images are neither mirrored nor rotated: see “Size and augmentation” in the sidebar."


def looking_at(size: int, channels: int, flips: bool, rotation: float) -> str:
    """Under some of the images."""
    changes = augmentation("half of them mirrored" if flips else "", rotation)
    how = f", {' and '.join(changes)}" if changes else ""
    colour = "in colour" if channels == 3 else "grey"
    return f"some of the images as the network receives them: {size} × {size} pixels, {colour}{how}."


def heading(title: str, training: int, size: int) -> str:
    """The heading over them."""
    return f"{title}: {training:,} training images, {size} × {size}"


def counted(training: int, held_out: int) -> str:
    """How many there are."""
    held = f"{held_out:,} are held out and never trained on" if held_out else "none are held out"
    return f"{training:,} training images; {held}."


def prepared(title: str) -> str:
    """After a preparation."""
    return f"{title} is prepared."


def offer(download: str, on_disk: str, licence: str) -> str:
    """What downloading one of the well-known data sets takes."""
    return f"A download of {download}; unpacking needs {on_disk} of disk space. Licence: {licence}."


def too_large(most: str) -> str:
    """Of an upload."""
    return f"A zip may have {most} at most."


def free(amount: str) -> str:
    """Under the sources."""
    return f"{amount} are free on the disk of the data sets."


def frees(amount: str) -> str:
    """Before a data set is removed."""
    return f"This frees {amount}. Runs on this data set can then not be resumed; their networks remain."
