"""The doctor's findings for the page: what can be computed at once, and in the background what takes seconds."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from cachetools import LRUCache

from playground.labs.shared.job import Job, Partial

if TYPE_CHECKING:
    from engine.doctor.finding import Copies, Facts, Finding
    from engine.runs.entry import Snapshot
    from engine.training.config import TrainConfig
    from engine.training.tasks.task import Pictures

ICONS = {"wrong": "🛑", "doubtful": "⚠️", "note": "💡"}
KEPT = 200
"""Runs whose findings are kept: the page requests them twice a second."""
MEASURABLE = 2.0
"""Seconds of a step beyond which its speed is not measured again."""

_lock = threading.Lock()
_findings: LRUCache[str, tuple[object, tuple[Finding, ...]]] = LRUCache(KEPT)
_copies: LRUCache[tuple[str, int], Copies | None] = LRUCache(KEPT)
_fp32_speeds: LRUCache[str, float] = LRUCache(KEPT)
_trained_here: set[str] = set()
"""Runs of this process: the speed of others may be that of another machine."""
_job: Job[None] | None = None


def findings(snapshot: Snapshot) -> tuple[Finding, ...]:
    """What the doctor finds in a run. Quick: what takes longer is computed in the background, for a later call."""
    from engine.doctor.rules import examine

    facts = _facts(snapshot)
    stamp = (len(snapshot.reports), snapshot.status, facts, len(snapshot.held_out), snapshot.bayes_optimal is not None)
    with _lock:
        known = _findings.get(snapshot.id)
    if known is not None and known[0] == stamp:
        return known[1]
    found = examine(snapshot, facts)
    with _lock:
        _findings[snapshot.id] = (stamp, found)
    return found


def is_examining() -> bool:
    """Whether an examination runs in the background, after which there may be more findings."""
    return _job is not None and _job.state.is_running


def _facts(snapshot: Snapshot) -> Facts:
    from engine.data.catalogue import load
    from engine.data.image_set import DataError
    from engine.doctor.finding import Facts

    try:
        data = load(snapshot.config.data)
    except DataError:  # the rules that need the data set then find nothing
        return Facts()
    if snapshot.status == "running" and not snapshot.elsewhere:
        _trained_here.add(snapshot.id)
    training = len(data) - int(data.held_out.sum())
    return Facts(training, len(data.class_names), _copies_in(snapshot), _fp32_speed_of(snapshot))


def _copies_in(snapshot: Snapshot) -> Copies | None:
    """Copies of training images among the latest samples; None until that is computed."""
    if not snapshot.previews or snapshot.config.task != "denoiser":
        return None
    step, samples = snapshot.previews[-1]
    key = (snapshot.id, step)
    with _lock:
        if key in _copies:
            return _copies[key]
    _start(lambda: _find_copies(key, samples, snapshot.config))
    return None


def _fp32_speed_of(snapshot: Snapshot) -> float | None:
    """Images per second in fp32; measured after a run in half precision has ended here, when the machine is idle."""
    config, speed = snapshot.config, snapshot.images_per_second
    if config.precision == "fp32" or snapshot.status not in ("finished", "stopped") or not speed:
        return None
    with _lock:
        known = _fp32_speeds.get(snapshot.id)
    if known is None and snapshot.id in _trained_here and config.batch / speed <= MEASURABLE:
        _start(lambda: _measure_fp32(snapshot.id, config))
    return known


def _start(compute: Callable[[], None]) -> None:
    """Compute something in the background, unless something else is computed: then a later call starts it."""
    global _job

    def work() -> Iterator[Partial[None]]:
        compute()
        yield Partial(1, 1, None)

    with _lock:
        if not is_examining():
            _job = Job(work, "doctor")


def _measure_fp32(run_id: str, config: TrainConfig) -> None:
    from engine.training.preflight import preflight

    found = preflight(config.model_copy(update={"precision": "fp32"}))
    with _lock:  # 0 where the data set is gone, memory runs out or other work runs: then nothing is compared
        _fp32_speeds[run_id] = config.batch / found.seconds_now if found.passed and not found.is_slowed else 0.0


def _find_copies(key: tuple[str, int], samples: Pictures, config: TrainConfig) -> None:
    from engine.data.prepared import held_out_pictures, training_pictures
    from engine.doctor.copies import copies

    try:
        found = copies(key[1], samples, training_pictures(config), held_out_pictures(config))
    except ValueError:  # the data set is gone or cannot be resized: nothing is compared
        found = None
    with _lock:
        _copies[key] = found
