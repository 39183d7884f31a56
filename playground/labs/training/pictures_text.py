"""The texts about the data sets of the Training lab."""

from engine.language import N_, _, listed, translated

SOURCES = {"known": N_("Well-known sets"), "folder": N_("A folder"), "zip": N_("A zip"), "hub": N_("Hugging Face")}
WHERE_FROM = N_("Source")
KNOWN = N_("Data set")
OTHERS = N_("Other data sets …")
LOADING = N_("Loading the images …")
NO_FLOOR = N_(
    "The loss chart has no floor for this data set: the exact denoiser would compare each noised image "
    "with too many training images."
)
CHANGED = N_("The folder has changed since it was prepared. Training uses the images of that time.")
AGAIN = N_("Prepare it again")
REMOVE_TITLE = N_("Remove from this disk")
REMOVE = N_("Remove")
PREPARED_ALREADY = N_("It is prepared already.")
CHOOSE = N_("Choose it")
PREPARE = N_("Prepare")
CANCEL = N_("Cancel")
FOLDER = N_("Path of the folder")
FOLDER_EXAMPLE = N_("/home/me/pictures/birds")
FOLDER_HELP = N_(
    "On the machine that runs the playground. Each folder in it is a class: birds/owl, birds/wren. "
    "Without folders there are no classes. Nothing in it is changed."
)
ZIP = N_("A zip of images")
ZIP_HELP = N_("Each folder in it is a class. PNG, JPEG, WebP, GIF, BMP and TIFF are read; other files are skipped.")
ZIP_FIRST = N_("Choose a zip first.")
UNREADABLE = N_("The file cannot be read.")
HUB = N_("Name on the Hub")
HUB_EXAMPLE = "owner/name"
HUB_HELP = N_("Any data set with a column of images; a column of classes is detected.")
MOST = N_("Images")
MOST_HELP = N_("They are read in a shuffled order. The data set is downloaded whole first.")
LARGEST = N_("Image size")
LARGEST_HELP = N_(
    "The centre square of each image is reduced to this size where it is larger. Larger images take longer to train."
)
EXAMPLES = N_("Examples")
FOLDERS_ARE = N_("Folders named like splits are")
FOLDERS_ARE_HELP = N_(
    "Splits are parts of the set: train, test, validation. Pictures of a split to test on are never trained on."
)
FOLDERS_MEAN = {"auto": N_("splits, where all are named so"), "splits": N_("splits"), "classes": N_("classes")}
WHITE = N_("White is")
WHITE_HELP = N_(
    "For dark pictures: the stored value that is shown as white, 4,095 for values of 12 bits in files of 16."
)
WHITES = (0, *((1 << bits) - 1 for bits in range(1, 15)))
"""The values that can be chosen, all that the note on dark pictures proposes; 0 for the largest that the files can hold."""
CANCELLED = N_("Cancelled. Nothing of it remains.")
SOMETHING_ELSE = N_("Choose another source")


def most(number: int) -> str:
    """One choice of how many images to take; 0 for all."""
    return _("at most {number:,}", number=number) if number else "all"


def largest(size: int) -> str:
    """One choice of the image size."""
    return _("at most {size} × {size}", size=size)


def white(value: int) -> str:
    """One choice of what is white."""
    return f"{value:,}" if value else _("the largest value of the files")


def understood(classes: int, training: int, held_out: int) -> str:
    """What was understood of a folder or a zip before it is prepared."""
    held = (
        _("{held_out:,} are held out as the folders say", held_out=held_out)
        if held_out
        else _("a tenth will be held out")
    )
    kinds = _("{classes:,} classes", classes=classes) if classes else _("no classes")
    return _(
        "Understood: {kinds}, {training:,} pictures to train on; {held}.", kinds=kinds, training=training, held=held
    )


def augmentation(mirrored: str, rotation: float) -> list[str]:
    """What is done to the images, in words; `mirrored` says how they are mirrored, "" for not at all."""
    return [
        words
        for words in (mirrored, _("rotated by up to {rotation:g}°", rotation=rotation) if rotation else "")
        if words
    ]


def treated(flips: bool, rotation: float) -> str:
    """How the augmentation was set for a data set that was just chosen."""
    if changes := augmentation(_("mirrored") if flips else "", rotation):
        return _(
            "The images are {changes}, as suits photographs: see “Size and augmentation” in the sidebar.",
            changes=listed(changes),
        )
    return _("The images are neither mirrored nor rotated: see “Size and augmentation” in the sidebar.")


def looking_at(size: int, channels: int, flips: bool, rotation: float) -> str:
    """Under some of the images."""
    changes = augmentation(_("half of them mirrored") if flips else "", rotation)
    how = f", {' and '.join(changes)}" if changes else ""
    colour = _("in colour") if channels == 3 else _("grey")
    return _(
        "some of the images as the network receives them: {size} × {size} pixels, {colour}{how}.",
        size=size,
        colour=colour,
        how=how,
    )


def heading(title: str, training: int, size: int) -> str:
    """The heading over them."""
    return _("{title}: {training:,} training images, {size} × {size}", title=title, training=training, size=size)


def counted(training: int, held_out: int) -> str:
    """How many there are."""
    held = (
        _("{held_out:,} are held out and never trained on", held_out=held_out) if held_out else _("none are held out")
    )
    return _("{training:,} training images; {held}.", training=training, held=held)


def prepared(title: str) -> str:
    """After a preparation."""
    return _("{title} is prepared.", title=title)


def offer(download: str, on_disk: str, licence: str) -> str:
    """What downloading one of the well-known data sets takes."""
    return _(
        "A download of {download}; unpacking needs {on_disk} of disk space. Licence: {licence}.",
        download=download,
        on_disk=on_disk,
        licence=licence,
    )


def too_large(most: str) -> str:
    """Of an upload."""
    return _("A zip may have {most} at most.", most=most)


def free(amount: str) -> str:
    """Under the sources."""
    return _("{amount} are free on the disk of the data sets.", amount=amount)


def frees(amount: str) -> str:
    """Before a data set is removed."""
    return _(
        "This frees {amount}. Runs on this data set can then not be resumed; their networks remain.", amount=amount
    )


translated(__name__)
