"""A run as the service sees it: its own, or one that another process trains and whose files are followed."""

from __future__ import annotations

import contextlib

from engine.runs.driver import Run
from engine.runs.folder import ACTIVE, RunFolder, Status, Wish
from engine.runs.history import Follower, History, signature
from engine.runs.lock import holder_of
from engine.runs.trouble import SaveError


class Watched:
    """A run, and whether this process trains it.

    Args:
        folder: the run's.
        run: its driver, used only while this process trains it.
    """

    def __init__(self, folder: RunFolder, run: Run) -> None:
        self.run = run
        self.mine = False
        """Whether it waits, is trained, or is held in memory here."""
        self.status: Status = run.record.status
        self.elsewhere = False
        """Whether another process holds it."""
        self.where = ""
        """Which process that is."""
        self.title = ""
        self._folder = folder
        self._follower: Follower | None = None
        self._record_seen: object = ()
        self._title_seen: object = ()

    def refresh(self) -> None:
        """Bring everything up to date."""
        title = signature(self._folder.path / "title.json")
        if title != self._title_seen:
            self.title, self._title_seen = self._folder.read_title(), title
        if self.mine:
            self.status, self.elsewhere, self.where = self.run.record.status, False, ""
            return
        record = signature(self._folder.path / "run.json")
        if record != self._record_seen and (found := self._folder.read_record()) is not None:
            self.run.record, self._record_seen = found, record
        said = self.run.record.status
        holder = holder_of(self._folder.path) if said in ACTIVE else None
        self.elsewhere, self.where = holder is not None, str(holder or "")
        self.status = "interrupted" if said in ("queued", "running") and not self.elsewhere else said
        if self._follower is None:
            self._follower, self.run.scribe.history = Follower(self._folder), History()
        self._follower.follow(self.run.history)
        if self.run.learned is not None and (self.elsewhere or not self._newest(self.run.learned[0])):
            self.run.learned = None

    def ask(self, wish: Wish) -> None:
        """Ask the process that holds it."""
        try:
            self._folder.write_wish(wish)
        except OSError:
            self.run.note = "The process that trains it cannot be reached: its folder cannot be written."

    def end(self) -> None:
        """It does not wait and is not trained any more: say so on disk, and let others have it, unless memory is all it has."""
        run = self.run
        if run.scribe.may_write:  # else it is another's to say
            with contextlib.suppress(SaveError):
                run.scribe.write_record(run.record)
        if run.record.status in ("finished", "failed"):
            run.state = None
        run.release()
        never_written = run.record.status == "paused" and bool(run.record.error) and not self._folder.path.is_dir()
        if run.state is None and not never_written:
            self.mine, self._follower, self._record_seen = False, None, ()

    def _newest(self, step: int) -> bool:
        """Whether nothing newer than this step lies on disk."""
        there = self._folder.steps()
        return not there or there[-1] <= step


def look_at(folder: RunFolder) -> Watched:
    """A run as it is on disk now. Raises ValueError where there is none."""
    record = folder.read_record()
    if record is None:
        raise ValueError(f"There is no training run in “{folder.path}”.")
    watched = Watched(folder, Run(folder, record))
    watched.refresh()
    return watched
