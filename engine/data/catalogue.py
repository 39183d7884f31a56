"""Every picture set by name: those that ship (`engine.data.shipped`) and those prepared here (`engine.data.store`)."""

from __future__ import annotations

from engine.data import store
from engine.data.image_set import ImageSet
from engine.data.shipped import DATASETS, load_shipped


def load(name: str) -> ImageSet:
    """The set of that name; its file is read once, and again only where the set was prepared again.

    Args:
        name: one that ships, see `DATASETS`, or one that is prepared here: "mnist", "folder:PATH", "zip:ID", "hub:OWNER/NAME" …
            (`engine.data.sources`).

    Raises:
        DataError: for an unknown name, naming the sets that there are; for a set that is not prepared, saying how to prepare
            it; and for a missing or damaged file.
    """
    return load_shipped(name) if name in DATASETS else store.load(name)
