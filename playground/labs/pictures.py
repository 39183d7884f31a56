"""The pictures of the Training lab: which there are, how more are got, and what the network will see of them."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, BinaryIO, Literal

import numpy as np

if TYPE_CHECKING:
    import numpy.typing as npt

    from engine.data.catalogue import ImageSet
    from engine.training.config import TrainConfig
    from playground.labs.training import TrainingControls

Status = Literal["running", "done", "stopped", "failed"]
SHOWN = 16
"""Pictures that are shown before the start."""
MAX_UPLOAD_MB = 500
SIZES = (16, 32, 48, 64, 96, 128)
"""What pictures can be resized to."""
LARGEST = (32, 64, 96, 128, 256)
"""What pictures of many sizes can be kept at."""
MOST = (1_000, 5_000, 20_000, 100_000, 0)
"""How many pictures can be taken of a set of the Hub; 0 for all."""
GRACE = 5.0
"""Seconds that a preparation has to tidy up before it is ended for good."""


def choices() -> dict[str, str]:
    """Name and title of every set that can be trained on now: those that ship, and those that were prepared here."""
    from engine.data import store
    from engine.data.catalogue import DATASETS

    shipped = {name: name for name in DATASETS}
    return shipped | {about.name: f"{about.title} ({about.size} × {about.size})" for about in store.every()}


def title_of(name: str) -> str:
    """What a set is called in a line of text."""
    from engine.data import store
    from engine.data.catalogue import DATASETS, DataError

    if name in DATASETS:
        return name
    try:
        return store.read_about(store.folder_of(name)).title
    except DataError:
        return name.rsplit("/", 1)[-1] if name.startswith(("folder:", "hub:")) else name


def size_choices(controls: TrainingControls) -> dict[Any, str]:
    """The sizes that these pictures can be trained at, larger ones only where enlarging is allowed."""
    from engine.data.catalogue import DataError, load

    try:
        own = load(controls.data).size
    except DataError:
        return {0: "as they are"}
    sizes = [size for size in SIZES if size < own or (controls.upsampling and size != own)]
    return {0: f"as they are, {own} × {own}"} | {size: f"{size} × {size}" for size in sizes}


def suggestion(name: str) -> tuple[bool, float]:
    """Whether to mirror, and by how many degrees to turn, the pictures of a set. Nothing for one that is not there."""
    from engine.data.augment import suggested
    from engine.data.catalogue import DataError, load

    try:
        return suggested(load(name))
    except DataError:
        return False, 0.0


@dataclass(frozen=True)
class Shown:
    """What the page says of the pictures before the start."""

    title: str
    sheet: npt.NDArray[np.uint8]
    """Some of them as the network will see them, uint8 (H, W, 3 or 1)."""
    columns: int
    training: int
    held_out: int
    size: int
    channels: int
    classes: tuple[tuple[str, int], ...]
    """Name of each class, and how many there are to train on; empty where there are none."""
    source: str
    licence: str
    about: str
    prepared: bool
    floor: bool
    """Whether the ideal denoiser can be worked out, so that the loss has a floor to be compared with."""


def shown(config: TrainConfig, columns: int = 8) -> Shown:
    """The pictures of a run, at its size, mirrored and turned as in training. Raises DataError."""
    import torch

    from engine.data.augment import augment
    from engine.data.catalogue import DATASETS
    from engine.data.pixels import to_uint8, to_unit
    from engine.data.prepared import every_version, pictures_of
    from engine.data.store import gather

    data = pictures_of(config)
    training = data.training
    x0 = to_unit(gather(training.images, _some(training)))
    drawn = torch.rand((len(x0), 2), generator=torch.Generator().manual_seed(0))
    seen = to_uint8(augment(x0, config.flips, config.rotation, drawn))
    counts = np.bincount(training.labels, minlength=len(data.class_names)).tolist() if data.class_names else []
    return Shown(
        title=data.title,
        sheet=sheet(seen, columns),
        columns=min(columns, len(seen)),
        training=len(training),
        held_out=len(data) - len(training),
        size=data.size,
        channels=data.channels,
        classes=tuple(zip(data.class_names, counts, strict=True)),
        source=data.source,
        licence=data.licence,
        about=data.about,
        prepared=data.name not in DATASETS,
        floor=every_version(config) is not None,
    )


def _some(data: ImageSet) -> npt.NDArray[np.int64]:
    """Rows of pictures to show: class after class, spread over the set, always the same."""
    if not data.class_names:
        return np.unique(np.linspace(0, len(data) - 1, min(SHOWN, len(data))).astype(np.int64))
    order = np.argsort(data.labels, kind="stable")
    starts = np.searchsorted(data.labels[order], np.arange(len(data.class_names)))
    ends = np.append(starts[1:], len(order))
    rows: list[int] = []
    for k in range(int((ends - starts).max())):
        rows += [int(order[start + k]) for start, end in zip(starts, ends, strict=True) if start + k < end]
        if len(rows) >= SHOWN:
            break
    return np.array(rows[:SHOWN], dtype=np.int64)


def sheet(pictures: npt.NDArray[np.uint8], columns: int, least: int = 768) -> npt.NDArray[np.uint8]:
    """Pictures side by side, enlarged by whole pixels and nearest neighbour to `least` pixels of width at least.

    Args:
        pictures: uint8 (N, H, W, C).
        columns: in one row.
        least: width of the sheet.

    Returns:
        uint8 (H, W, 4): what lies between the pictures is transparent, so that it suits light and dark pages.
    """
    count, height, width, channels = pictures.shape
    columns = min(columns, count)
    zoom = max(1, -(-least // (columns * width)))
    gap = max(2, zoom * width // 16)
    rows = -(-count // columns)
    big = pictures.repeat(zoom, 1).repeat(zoom, 2)
    if channels == 1:
        big = big.repeat(3, 3)
    high, wide = zoom * height, zoom * width
    made = np.zeros((rows * (high + gap) - gap, columns * (wide + gap) - gap, 4), np.uint8)
    for k, picture in enumerate(big):
        top, left = k // columns * (high + gap), k % columns * (wide + gap)
        made[top : top + high, left : left + wide, :3] = picture
        made[top : top + high, left : left + wide, 3] = 255
    return made


def classes_in_words(classes: tuple[tuple[str, int], ...], most: int = 12) -> str:
    """Names and counts of the classes in one line."""
    if not classes:
        return "No classes: the network learns them all as one kind."
    counts = [count for _, count in classes]
    names = ", ".join(name for name, _ in classes[:most]) + (" …" if len(classes) > most else "")
    if min(counts) == max(counts):
        return f"{len(classes):,} of {counts[0]:,} pictures each: {names}"
    if len(classes) <= most:
        return ", ".join(f"{name} ({count:,})" for name, count in classes)
    return f"{len(classes):,} of {min(counts):,} to {max(counts):,} pictures: {names}"


# --- what can be got ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Offer:
    """One of torchvision's sets."""

    name: str
    title: str
    about: str
    megabytes: int
    """To download."""
    on_disk: int
    """Megabytes needed meanwhile."""
    licence: str
    missing: str
    """What must be installed first; "" for nothing."""


def offers() -> dict[str, Offer]:
    """Torchvision's sets by name."""
    from engine.data.sources.torchvision_sets import SOURCES

    needs = (
        ""
        if importlib.util.find_spec("gdown")
        else 'It lies on Google Drive: pip install "diffusion-playground[celeba]"'
    )
    return {
        name: Offer(
            name,
            source.title,
            source.about,
            source.megabytes,
            source.on_disk,
            source.licence,
            needs if name == "celeba" else "",
        )
        for name, source in SOURCES.items()
    }


def hub_missing() -> str:
    """What must be installed before a set of the Hub can be opened; "" for nothing."""
    from engine.data.sources.hub import INSTALL

    return "" if importlib.util.find_spec("datasets") else f"This needs the package “datasets”: {INSTALL}"


def megabytes(number: float) -> str:
    """ "12 MB", "2.6 GB"."""
    return f"{number:,.0f} MB" if number < 1000 else f"{number / 1000:.1f} GB"


def folder_name(path: str) -> str:
    """The name of the set that a folder's path stands for. Raises ValueError with one sentence."""
    from engine.data.catalogue import DataError
    from engine.data.store import normal

    if not path.strip():
        raise DataError("Give the path of a folder on the machine that the playground runs on.")
    name = normal(f"folder:{path.strip()}")
    folder = Path(name.removeprefix("folder:"))
    if not folder.is_dir():
        raise DataError(f"There is no folder “{folder}” on the machine that the playground runs on.")
    return name


def hub_name(text: str) -> str:
    """The name of the set that a name on the Hub, or the address of its page, stands for. Raises ValueError."""
    from engine.data.catalogue import DataError
    from engine.data.sources.hub import NAME

    text = text.strip().removeprefix("https://").removeprefix("huggingface.co/").removeprefix("datasets/").strip("/")
    if NAME.fullmatch(text) is None or ".." in text:
        raise DataError("A data set on the Hub is called owner/name, for example ylecun/mnist.")
    return f"hub:{text}"


def has_changed(name: str) -> bool:
    """Whether a folder holds other pictures than when it was prepared, or is gone. Looks at every file's date."""
    from engine.data import store
    from engine.data.catalogue import DataError
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


def remove(name: str) -> None:
    """Take a prepared set off the disk."""
    from engine.data import store

    store.remove(name)


# --- preparing ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Progress:
    """How far a preparation is."""

    status: Status
    what: str
    done: int
    total: int
    """0 where it is not known."""
    unit: str
    seconds_left: float | None
    name: str
    """Of the set, once it is prepared."""
    error: str

    @property
    def share(self) -> float:
        """0 … 1."""
        return min(1.0, self.done / self.total) if self.total else 0.0

    @property
    def amount(self) -> str:
        """ "12 of 170 MB", "1,024 of 20,000 pictures"; "" where there is nothing to count yet."""
        if not self.total and not self.done:
            return ""
        if self.unit == "bytes":
            whole = f" of {megabytes(self.total / 1e6)}" if self.total else ""
            return f"{megabytes(self.done / 1e6)}{whole}"
        return f"{self.done:,} of {self.total:,} {self.unit}" if self.total else f"{self.done:,} {self.unit}"


class Preparation:
    """Prepares one set in a process of its own, which a thread listens to; the page looks at it whenever it likes.

    Args:
        title: what is prepared, for the reader.
        name: of the set; or what gives it, where that takes a while itself, and is told where to report.
        largest, most: see `engine.data.preparing.prepare`.
    """

    def __init__(
        self,
        title: str,
        name: str | Callable[[Callable[[Any], None]], str],
        *,
        largest: int = 128,
        most: int = 0,
    ) -> None:
        self.title = title
        self._name_of, self._options = name, ("--largest", str(largest), "--most", str(most))
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._process: subprocess.Popen[str] | None = None
        self._status: Status = "running"
        self._what, self._unit, self._done, self._total = "Beginning", "pictures", 0, 0
        self._phase = ("", 0, time.monotonic())
        self._name = self._error = ""
        self._thread = threading.Thread(target=self._run, name="preparing", daemon=True)
        self._thread.start()

    @property
    def progress(self) -> Progress:
        """How far it is."""
        with self._lock:
            _, first, began = self._phase
            left, passed = None, time.monotonic() - began
            if self._total and self._done > first and passed > 1:
                left = (self._total - self._done) * passed / (self._done - first)
            return Progress(
                self._status, self._what, self._done, self._total, self._unit, left, self._name, self._error
            )

    def stop(self) -> None:
        """Do not go on. Nothing is left of it, and what was prepared before stays."""
        self._stop.set()
        self._end("stopped")
        process = self._process
        if process is not None and process.poll() is None:
            process.terminate()
            threading.Thread(target=_see_to_the_end, args=(process,), daemon=True).start()

    def wait(self, timeout: float | None = None) -> None:
        """Block until nothing of it runs any more."""
        self._thread.join(timeout)

    def _run(self) -> None:
        try:
            name = self._name_of if isinstance(self._name_of, str) else self._name_of(self._told)
            if not self._stop.is_set():
                self._prepare(name)
        except _Stopped:
            self._end("stopped")
        except ValueError as error:
            self._end("failed", error=str(error))
        except OSError as error:
            self._end("failed", error=f"This could not be prepared: {error.strerror or error}.")

    def _prepare(self, name: str) -> None:
        # The very code that the page runs, wherever it lies.
        home = str(Path(__file__).resolve().parents[2])
        paths = os.pathsep.join([home, *filter(None, [os.environ.get("PYTHONPATH")])])
        command = [sys.executable, "-m", "engine.data.preparing", name, *self._options]
        with subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": paths},
        ) as process:
            self._process = process
            if self._stop.is_set():  # it was asked for while the process began
                process.terminate()
            assert process.stdout is not None
            last = self._listen(process.stdout)
        if "name" in last:
            self._end("done", name=str(last["name"]))
        elif "error" in last:
            self._end("failed", error=str(last["error"]))
        else:
            self._end("failed", error="The preparation broke off. It may have run out of memory.")

    def _listen(self, lines: IO[str]) -> dict[str, Any]:
        """Take in what the process tells; gives its last word."""
        last: dict[str, Any] = {}
        for line in lines:
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if isinstance(told, dict) and "what" in told:
                self._take(str(told["what"]), int(told["done"]), int(told["total"]), str(told["unit"]))
            elif isinstance(told, dict):
                last = told
        return last

    def _told(self, progress: Any) -> None:
        if self._stop.is_set():
            raise _Stopped
        self._take(progress.what, progress.done, progress.total, progress.unit)

    def _take(self, what: str, done: int, total: int, unit: str) -> None:
        with self._lock:
            if what != self._phase[0]:
                self._phase = (what, done, time.monotonic())
            self._what, self._done, self._total, self._unit = what, done, total, unit

    def _end(self, status: Status, name: str = "", error: str = "") -> None:
        with self._lock:
            if self._status == "running":
                self._status, self._name, self._error = status, name, error


class _Stopped(Exception):  # noqa: N818
    """The reader does not want it any more."""


def _see_to_the_end(process: subprocess.Popen[str]) -> None:
    try:
        process.wait(GRACE)
    except subprocess.TimeoutExpired:
        process.kill()


_current: Preparation | None = None
_current_lock = threading.Lock()


def current() -> Preparation | None:
    """The preparation of this process, running or just ended; a page that is reloaded finds it again."""
    return _current


def start(title: str, name: str, *, largest: int = 128, most: int = 0) -> Preparation:
    """Prepare a set. Raises ValueError while another is being prepared."""
    return _begin(lambda: Preparation(title, name, largest=largest, most=most))


def start_upload(file: BinaryIO, title: str, *, largest: int = 128) -> Preparation:
    """Store an uploaded zip, and prepare it. Raises ValueError while another set is being prepared."""

    def keep(tell: Callable[[Any], None]) -> str:
        from engine.data.sources import archive

        return archive.keep(file, title, tell=tell)

    return _begin(lambda: Preparation(title, keep, largest=largest))


def forget() -> None:
    """The reader has seen how it ended."""
    global _current
    with _current_lock:
        if _current is not None and _current.progress.status != "running":
            _current = None


def _begin(make: Callable[[], Preparation]) -> Preparation:
    global _current
    with _current_lock:
        if _current is not None and _current.progress.status == "running":
            raise ValueError(f"“{_current.title}” is being prepared: wait for it, or cancel it.")
        _current = make()
        return _current


def free_megabytes() -> float:
    """On the disk that prepared sets are kept on."""
    from engine.data import store

    root = store.data_root().absolute()
    while not root.exists():
        root = root.parent
    return shutil.disk_usage(root).free / 1e6
