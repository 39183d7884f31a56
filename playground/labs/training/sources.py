"""Where other data sets come from: torchvision's, a folder, an upload, the Hub; and those that were prepared here."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from engine.language import _
from engine.storage import budgets

if TYPE_CHECKING:
    from engine.data.sources.preview import Preview
    from playground.policy.visitor import Visitor

MAX_UPLOAD_MB = budgets.PICTURES_UPLOAD // budgets.MEGABYTE
LARGEST = (32, 64, 96, 128, 256)
"""What images of many sizes can be reduced to, pixels."""
MOST = (1_000, 5_000, 20_000, 100_000, 0)
"""How many images of a data set of the Hub can be prepared; 0 for all."""


def offers() -> dict[str, str]:
    """Name and title of torchvision's sets."""
    from engine.data.sources.torchvision_sets import SOURCES

    return {name: source.title for name, source in SOURCES.items()}


def missing_for(name: str) -> str:
    """What must be installed before that set of torchvision can be downloaded; "" for nothing."""
    if name != "celeba" or importlib.util.find_spec("gdown"):
        return ""
    return _('It lies on Google Drive: pip install "diffusion-playground[celeba]"')


def hub_missing() -> str:
    """What must be installed before a set of the Hub can be opened; "" for nothing."""
    from engine.data.sources.hub import INSTALL

    return (
        ""
        if importlib.util.find_spec("datasets")
        else _("This needs the package “datasets”: {install}", install=INSTALL)
    )


def folder_name(path: str, visitor: Visitor) -> str:
    """The name of the set that a folder's path stands for. Raises ValueError with one sentence."""
    from engine.data.image_set import DataError
    from engine.data.store import normalized_name

    visitor.check_host()
    if not path.strip():
        raise DataError(_("Give the path of a folder on the machine that the playground runs on."))
    name = normalized_name(f"folder:{path.strip()}")
    folder = Path(name.removeprefix("folder:"))
    if not folder.is_dir():
        raise DataError(_("There is no folder “{folder}” on the machine that the playground runs on.", folder=folder))
    return name


def preview_folder(path: str, folders_mean: str, white: int, visitor: Visitor) -> Preview:
    """What a folder would be as a set. Raises ValueError with one sentence."""
    from engine.data.sources import preview
    from engine.data.sources.layout import folders_mean_of

    folder = Path(folder_name(path, visitor).removeprefix("folder:"))
    return preview.preview_folder(folder, folders_mean_of(folders_mean), white)


def preview_zip(file: BinaryIO, folders_mean: str, white: int, visitor: Visitor) -> Preview:
    """What a zip would be as a set. Raises ValueError with one sentence."""
    from engine.data.sources import preview
    from engine.data.sources.layout import folders_mean_of

    visitor.check_host()
    return preview.preview_zip(file, folders_mean_of(folders_mean), white)


def hub_name(text: str) -> str:
    """The name of the set that a name on the Hub, or the address of its page, stands for. Raises ValueError."""
    from engine.data.image_set import DataError
    from engine.data.sources.hub import NAME

    text = text.strip().removeprefix("https://").removeprefix("huggingface.co/").removeprefix("datasets/").strip("/")
    if NAME.fullmatch(text) is None or ".." in text:
        raise DataError(_("A data set on the Hub is called owner/name, for example ylecun/mnist."))
    return f"hub:{text}"


def has_changed(name: str) -> bool:
    """Whether a folder holds other pictures than when it was prepared, or is gone. Looks at every file's date."""
    from engine.data import store
    from engine.data.image_set import DataError
    from engine.data.sources import folder

    if not name.startswith("folder:"):
        return False
    try:
        about = store.read_about(store.folder_of(name))
        return folder.fingerprint(Path(name.removeprefix("folder:"))) != about.fingerprint
    except DataError:
        return True


def bytes_on_disk(name: str) -> int:
    """Of a prepared set."""
    from engine.data import store

    return sum(path.stat().st_size for path in store.folder_of(name).glob("*") if path.is_file())


def remove(name: str, visitor: Visitor) -> None:
    """Take a prepared set off the disk. Raises ValueError where the visitor may not."""
    from engine.data import store

    visitor.check_host()
    store.remove(name)


def free_megabytes() -> float:
    """On the disk that prepared sets are kept on."""
    from engine.data import store
    from engine.storage.files import free_bytes

    return free_bytes(store.data_root()) / 1e6
