"""Data sets that torchvision downloads: it knows where they are, and checks each file by its checksum before reading it."""

from __future__ import annotations

import shutil
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from engine.data.image_set import DataError
from engine.data.pictures import PictureError
from engine.data.sources.layout import NO_CLASS
from engine.data.sources.plan import (
    Item,
    OnProgress,
    Pixels,
    Plan,
    Progress,
    ReadPixels,
    fingerprint_of,
    shrunk,
)
from engine.language import N_, Message, _
from engine.storage.disk_errors import is_refused_write, sentence
from engine.storage.files import room_problem

OURS = ".downloaded"
"""A file that says that there was nothing here before we came."""

POLL = 0.3
"""Seconds between two progress reports of a download."""

FACE = (19, 39, 159, 179)
"""Left, top, right and bottom of the middle 140 × 140 pixels of a CelebA picture of 178 × 218: the crop of Song et al. 2021,
arXiv:2011.13456, which is then resized to 64 × 64."""


@dataclass(frozen=True)
class Source:
    """One of the sets, as it is described before anything is downloaded."""

    title: str
    about: str
    megabytes: int
    """To download."""
    size: int
    channels: int
    natural: bool
    source: str
    licence: str
    class_names: tuple[str, ...]
    folder: str
    """Where torchvision puts it, below its root."""
    files: tuple[str, ...]
    """What is downloaded."""
    on_disk: int
    """Megabytes that are needed meanwhile: what is downloaded, what it unpacks to, and the prepared set."""


MNIST_FILES = tuple(f"{part}-{what}-ubyte.gz" for part in ("train", "t10k") for what in ("images-idx3", "labels-idx1"))
OF_OTHERS = N_("The licence of the pictures is not stated: for research and teaching.")

SOURCES: dict[str, Source] = {
    "mnist": Source(
        "MNIST",
        "70,000 handwritten digits, grey, 28 × 28: 60,000 to train on, the test part of 10,000 is held out.",
        12,
        28,
        1,
        False,
        "MNIST, by Yann LeCun, Corinna Cortes and Christopher J. C. Burges (yann.lecun.com/exdb/mnist)",
        N_("Creative Commons Attribution-ShareAlike 3.0, as the documentation of Keras says"),
        tuple("0123456789"),
        "MNIST/raw",
        MNIST_FILES,
        130,
    ),
    "fashion-mnist": Source(
        "Fashion-MNIST",
        "70,000 pieces of clothing, grey, 28 × 28, in 10 kinds: 60,000 to train on, the test part of 10,000 is held out.",
        31,
        28,
        1,
        False,  # all shoes point to the left
        "Fashion-MNIST, by Han Xiao, Kashif Rasul and Roland Vollgraf, Zalando Research (arXiv:1708.07747)",
        "MIT",
        (
            "T-shirt/top",
            "trouser",
            "pullover",
            "dress",
            "coat",
            "sandal",
            "shirt",
            "sneaker",
            "bag",
            "ankle boot",
        ),
        "FashionMNIST/raw",
        MNIST_FILES,
        150,
    ),
    "cifar10": Source(
        "CIFAR-10",
        "60,000 photographs of ten kinds of things, 32 × 32: 50,000 to train on, the test part of 10,000 is held out.",
        170,
        32,
        3,
        True,
        "CIFAR-10, by Alex Krizhevsky, Vinod Nair and Geoffrey Hinton (cs.toronto.edu/~kriz/cifar.html)",
        OF_OTHERS,
        ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"),
        "",
        ("cifar-10-python.tar.gz",),
        540,
    ),
    "stl10": Source(
        "STL-10",
        "13,000 photographs of ten kinds of things, 96 × 96: the labelled train part of 5,000 to train on, the test part of "
        "8,000 is held out. The 100,000 without a label, most of the download, are not used.",
        2640,
        96,
        3,
        True,
        "STL-10, by Adam Coates, Honglak Lee and Andrew Y. Ng (cs.stanford.edu/~acoates/stl10)",
        N_("Taken from ImageNet. The licence of the pictures is not stated: for research and teaching."),
        ("airplane", "bird", "car", "cat", "deer", "dog", "horse", "monkey", "ship", "truck"),
        "",
        ("stl10_binary.tar.gz",),
        6100,
    ),
    "celeba": Source(
        "CelebA",
        "182,732 faces of celebrities, 64 × 64, without classes: the train part of 162,770 to train on, the test part of "
        "19,962 is held out, the validation part is not used. Each is the middle 140 × 140 of the aligned picture, resized.",
        1450,
        64,
        3,
        True,
        "CelebA, by Ziwei Liu, Ping Luo, Xiaogang Wang and Xiaoou Tang (mmlab.ie.cuhk.edu.hk/projects/CelebA.html)",
        N_("For non-commercial research only, as its authors say"),
        (),
        "celeba",
        (
            "img_align_celeba.zip",
            "list_attr_celeba.txt",
            "identity_CelebA.txt",
            "list_bbox_celeba.txt",
            "list_landmarks_align_celeba.txt",
            "list_eval_partition.txt",
        ),
        5200,
    ),
}


def plan(name: str, downloads: Path, on_progress: OnProgress) -> Plan:
    """Download the set where it is not there yet, and open it. Takes minutes, on a slow line hours.

    Args:
        name: a key of `SOURCES`.
        downloads: a folder for the files of this set alone; `clean` takes away what came there.

    Raises:
        DataError: where it cannot be had, saying what to do.
    """
    source = SOURCES[name]
    _check_room(source, downloads)
    _forget_unpacked(source, downloads)
    on_progress(Progress(_("Downloading"), 0, source.megabytes * 1_000_000, "bytes"))
    try:
        with _reporting_download(source, downloads, on_progress):
            train, test = OPENERS[name](downloads)
    except (DataError, KeyboardInterrupt):
        raise
    except Exception as error:  # of the network, of the disk, of torchvision: all end in one sentence
        raise _explained(source, downloads, error) from error
    counts = train.count, test.count

    def items() -> Iterator[Item]:
        for part, held_out, key in ((train, False, "train"), (test, True, "test")):
            for k in range(part.count):
                yield Item(f"{key}/{k}", int(part.label(k)), _reader(part, k), held_out)

    return Plan(
        title=source.title,
        source=source.source,
        licence=source.licence,
        class_names=source.class_names,
        size=source.size,
        channels=source.channels,
        natural=source.natural,
        fingerprint=fingerprint_of((name, *counts)),
        items=items(),
        count=sum(counts),
        notes=(source.about,),
    )


@dataclass(frozen=True)
class _Part:
    """A part of an opened set: what gives picture and class of number k."""

    count: int
    picture: Callable[[int], Any]
    """As a PIL image, or as an array (H, W) or (H, W, C)."""
    label: Callable[[int], int]


Opener = Callable[[Path], tuple[_Part, _Part]]
"""Downloads a set below a root where it is not there yet, and opens its parts to train on and to hold out."""


def _reader(part: _Part, k: int) -> ReadPixels:
    def read(size: int, channels: int) -> Pixels:
        try:
            picture = part.picture(k)
        except (OSError, SyntaxError, ValueError) as error:
            raise PictureError(Message("This picture is damaged.")) from error
        if isinstance(picture, np.ndarray):
            return np.ascontiguousarray(picture, dtype=np.uint8).reshape(size, size, channels)
        return shrunk(picture, size, channels)

    return read


def _arrays(kind: str, part: str = "train", values: tuple[object, object] = (True, False)) -> Opener:
    """A set that torchvision holds as arrays; of the two parts its argument `part` has these values."""

    def opened(root: Path) -> tuple[_Part, _Part]:
        import torchvision.datasets

        def one(value: object) -> _Part:
            data = getattr(torchvision.datasets, kind)(root, **{part: value}, download=True)
            images = np.asarray(data.data)
            if images.shape[1] == 3:  # STL-10 has its colours first
                images = images.transpose(0, 2, 3, 1)
            labels = np.asarray(data.labels if kind == "STL10" else data.targets)
            return _Part(len(images), images.__getitem__, labels.__getitem__)

        return one(values[0]), one(values[1])

    return opened


def _celeba(root: Path) -> tuple[_Part, _Part]:
    from torchvision.datasets import CelebA
    from torchvision.datasets.utils import check_integrity, extract_archive

    # Where the reader has brought all files, nothing is missing that could fetch them; torchvision itself asks for it anyway.
    home = root / CelebA.base_folder
    download = not all(check_integrity(home / file, md5) for _, md5, file in CelebA.file_list)
    if not download:
        extract_archive(home / CelebA.file_list[0][2])

    def part(split: str) -> _Part:
        data = CelebA(root, split=split, target_type=[], download=download)
        return _Part(len(data), lambda k: data[k][0].crop(FACE), lambda k: NO_CLASS)

    return part("train"), part("test")


OPENERS: dict[str, Opener] = {
    "mnist": _arrays("MNIST"),
    "fashion-mnist": _arrays("FashionMNIST"),
    "cifar10": _arrays("CIFAR10"),
    "stl10": _arrays("STL10", "split", ("train", "test")),
    "celeba": _celeba,
}


def clean(downloads: Path) -> None:
    """Take away all that came by downloading, once the prepared set has it; a folder that the reader has filled stays."""
    if (downloads / OURS).exists():
        shutil.rmtree(downloads, ignore_errors=True)


def _forget_unpacked(source: Source, downloads: Path) -> None:
    """Of an earlier attempt that may have broken off in the middle: torchvision would take the half of it for the whole.

    What was downloaded stays, for that is checked.
    """
    folder = downloads / source.folder
    if not folder.is_dir():
        return
    for path in folder.iterdir():
        if path.name in (*source.files, OURS):
            continue
        if path.is_dir():
            shutil.rmtree(path, ignore_errors=True)
        else:
            path.unlink(missing_ok=True)


def _check_room(source: Source, downloads: Path) -> None:
    downloads.mkdir(parents=True, exist_ok=True)
    if not any(downloads.iterdir()):
        (downloads / OURS).touch()
    if problem := room_problem(source.on_disk * 1_000_000, downloads):
        raise DataError(problem)


@contextmanager
def _reporting_download(source: Source, downloads: Path, on_progress: OnProgress) -> Iterator[None]:
    """Report how much has been downloaded; torchvision itself writes it to a terminal only."""
    over = threading.Event()
    total = source.megabytes * 1_000_000

    def watch() -> None:
        while not over.wait(POLL):
            done = _downloaded(source, downloads)
            unpacking = done > 0.98 * total
            on_progress(
                Progress("Unpacking", 0, 0, "bytes") if unpacking else Progress("Downloading", done, total, "bytes")
            )

    watcher = threading.Thread(target=watch, name="watching a download", daemon=True)
    watcher.start()
    try:
        yield
    finally:
        over.set()
        watcher.join()


def _downloaded(source: Source, downloads: Path) -> int:
    """Bytes of the files to download that are there, also of those that are still coming under another name."""
    done = 0
    try:
        for path in (downloads / source.folder).iterdir():
            if path.name.startswith(source.files) and path.is_file():
                done += path.stat().st_size
    except OSError:  # not there yet, or just renamed
        pass
    return done


def _explained(source: Source, downloads: Path, error: Exception) -> DataError:
    folder = downloads / source.folder
    if "gdown" in str(error):
        return DataError(
            Message(
                "{title} lies on Google Drive, and the package that fetches it from there is missing: "
                'pip install "diffusion-playground[celeba]". Or put its files into {folder} yourself: {files}.',
                title=source.title,
                folder=folder,
                files=", ".join(source.files),
            )
        )
    if is_refused_write(error):
        return DataError(
            sentence(error, _("{title} cannot be stored in “{folder}”", title=source.title, folder=folder))
        )
    said = f"{type(error).__name__}: {str(error).strip()[:120]}"
    return DataError(
        Message(
            "{title} cannot be downloaded or is damaged ({why}). Try again when there is a connection, or put its "
            "files into {folder} yourself: {files}.",
            title=source.title,
            why=said,
            folder=folder,
            files=", ".join(source.files),
        )
    )
