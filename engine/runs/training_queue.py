"""The runs that this process trains, one after the other, and the thread that trains them."""

from __future__ import annotations

import atexit
import threading
from collections import deque

from engine.language import N_
from engine.runs.entry import RunEntry
from engine.runs.history import SaveError
from engine.runs.lock import HeldError
from engine.runs.record import Status
from engine.runtime import torch_threads

IN_MEMORY = N_("Nothing of it is lost while this program runs: mend that and press Resume.")
WRITTEN_AGAIN = N_("Nothing of it is lost while this program runs: press Resume, and it is written again.")


class TrainingQueue:
    """Entries in the order in which they are trained. The methods are called with the lock held, except for `close`.

    Args:
        lock: guards the entries; the thread holds it while it changes one.
    """

    def __init__(self, lock: threading.Lock) -> None:
        self.running: RunEntry | None = None
        """The entry that is trained at the moment."""
        self._waiting: deque[RunEntry] = deque()
        self._work = threading.Condition(lock)
        self._thread: threading.Thread | None = None
        self._closing = False

    def place(self, entry: RunEntry) -> int:
        """How many runs are before it; 0 for one that does not wait."""
        return self._waiting.index(entry) + (self.running is not None) if entry in self._waiting else 0

    def put(self, entry: RunEntry) -> None:
        """Append an entry."""
        run = entry.run
        try:  # from now on no other process may train it; a failed write is reported when its turn comes
            run.writer.claim()
            run.writer.write_record(run.record)
        except (HeldError, SaveError):
            pass
        entry.is_mine = True
        self._waiting.append(entry)
        if self._thread is None:
            self._thread = threading.Thread(target=self._train_all, name="training", daemon=True)
            self._thread.start()
            atexit.register(self.close)
        self._work.notify()

    def remove(self, entry: RunEntry) -> None:
        """Take an entry out, where it waits."""
        if entry in self._waiting:
            self._waiting.remove(entry)

    def set_aside(self, entry: RunEntry, status: Status, error: str = "") -> None:
        """Take an entry out and write its new status."""
        self.remove(entry)
        run = entry.run
        run.record = run.record.model_copy(update={"status": status, "error": error})
        run.request = None
        entry.end()

    def close(self, seconds: float = 10.0) -> None:
        """Pause and save the running entry, as the program does when it ends; wait for that at most so long.

        A thread that still computes when the interpreter ends would take the whole program down with it.
        """
        with self._work:
            self._closing = True
            if self.running is not None:
                self.running.run.request = "paused"
            self._work.notify_all()
        if self._thread is not None:
            self._thread.join(seconds)

    # --- the thread -----------------------------------------------------------------------------------------------

    def _train_all(self) -> None:
        while (entry := self._next()) is not None:
            with torch_threads.training_run():
                for _ in entry.run.train():
                    pass
            with self._work:
                self.running = None
                self._after(entry, *entry.run.ended)

    def _next(self) -> RunEntry | None:
        """The next entry to train, now running; None where the program ends."""
        with self._work:
            while True:
                while not self._waiting and not self._closing:
                    self._work.wait()
                if self._closing:
                    return None
                entry = self._waiting.popleft()
                run = entry.run
                request = run.folder.take_request()  # another process may have asked while it waited
                if request is None:
                    run.record = run.record.model_copy(update={"status": "running", "error": ""})
                    self.running = entry
                    return entry
                self.set_aside(entry, request)

    def _after(self, entry: RunEntry, status: Status, error: str) -> None:
        run = entry.run
        if status in ("paused", "stopped") and not error:
            # To save took a while: the reader may have asked for something else since, or to go on.
            status = run.request or "queued"
        if status == "queued":
            run.request = None
            run.record = run.record.model_copy(update={"status": status})
            self._waiting.appendleft(entry)
            return
        if status == "paused" and error and run.state is not None:
            error = f"{error} {IN_MEMORY if run.folder.path.is_dir() else WRITTEN_AGAIN}"
        self.set_aside(entry, status, error)
