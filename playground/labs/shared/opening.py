"""Models opened by hand in the Sampling lab: folders, files, names on the Hub, uploads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from engine.language import N_, _
from engine.storage import budgets
from playground.labs.shared.job import Job, Partial

if TYPE_CHECKING:
    from playground.policy.visitor import Visitor

Report = Callable[[int, int], None]
"""Called with the bytes done and in all."""

MAX_UPLOAD_MB = budgets.MODEL_UPLOAD // budgets.MEGABYTE
OBJECTIVES = {
    "": N_("as stated in the file"),
    "pred_noise": N_("noise"),
    "pred_x0": N_("clean image"),
    "pred_v": N_("velocity"),
}
"""What a file of denoising-diffusion-pytorch may predict, with titles."""


class Opening(Job[str]):
    """Gets and opens a model; the result is the model's name, the progress is in bytes.

    Args:
        title: what is done, for the reader.
        open_it: called with a function to report bytes to, (done, total); returns the model's name.
    """

    def __init__(self, title: str, open_it: Callable[[Report], str]) -> None:
        self.title = title
        self._open_it = open_it
        super().__init__(self._steps, "opening")

    @property
    def progress_text(self) -> str:
        """ "Downloading “x”, 12 of 40 MB"."""
        state = self.state
        return (
            _(
                "{title}, {done:.0f} of {total:.0f} MB",
                title=self.title,
                done=state.done / 1e6,
                total=state.total / 1e6,
            )
            if state.total
            else f"{self.title} …"
        )

    def _steps(self) -> Iterator[Partial[str]]:
        name = self._open_it(self.report)
        yield Partial(self.state.total, self.state.total, name)


def title_of(name: str) -> str:
    """What the list of models calls one that was opened by hand."""
    from engine.interop import hub, uploads

    if name.startswith(uploads.PREFIX):
        try:
            return _("Upload: {title}", title=uploads.find(name).title)
        except ValueError:
            return _("Upload: {title}", title=name)
    if hub.parse(name) and not Path(name).exists():
        return _("Hub: {name}", name=name)
    return _("Folder: {name}", name=name) if Path(name).is_dir() else _("File: {name}", name=name)


def expanded(name: str) -> str:
    """What was typed, with ~ as the reader's home."""
    try:
        return str(Path(name.strip()).expanduser()) if name.strip().startswith("~") else name.strip()
    except (RuntimeError, ValueError):  # a home that nobody has
        return name.strip()


def must_be_fetched(name: str) -> bool:
    """Whether a name is one of the Hub that is not on this machine."""
    from engine.interop import hub

    on_hub = hub.parse(name)
    return on_hub is not None and not Path(name).exists() and hub.cached(on_hub) is None


def fetch(name: str, visitor: Visitor) -> Opening:
    """Get a name of the Hub into its cache, and open it. Raises ValueError where the visitor may not."""
    visitor.check_host()

    def work(report: Report) -> str:
        return visitor.open_model(name, download=True, progress=report).name

    return Opening(_("Downloading “{name}”", name=name), work)


def keep(file: BinaryIO, title: str, visitor: Visitor, size: int = 0, objective: str = "") -> Opening:
    """Store an upload, and open it. Raises ValueError where the visitor may not.

    Args:
        file: a zip, or what a Trainer of denoising-diffusion-pytorch saved.
        title: what the file is called.
        visitor: who sends it.
        size, objective: of a Trainer's file: the side of its pictures, and what it predicts, a key of `OBJECTIVES`.
    """
    visitor.check_host()

    def work(report: Report) -> str:
        from engine.interop import uploads
        from engine.interop.trainer_files import TrainerSettings

        settings = (
            TrainerSettings.model_validate({"image_size": size, "objective": objective or None}) if size else None
        )
        return visitor.open_model(uploads.store(file, title, settings, progress=report).name).name

    return Opening(_("Opening “{title}”", title=title), work)
