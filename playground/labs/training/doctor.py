"""What the doctor says of a run, as the page shows it: its findings, and the settings with which to start again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from pydantic import ValidationError

from playground.labs.shared.controls import checked
from playground.labs.training.controls import TrainingControls

if TYPE_CHECKING:
    from engine.doctor.finding import Copies, Facts, Finding, Setting
    from engine.runs.snapshot import Snapshot
    from engine.training.config import TrainConfig

ICONS = {"wrong": "🛑", "doubtful": "⚠️", "note": "💡"}
KEPT = 200
"""Runs whose last findings are kept, so that a page that looks twice a second does not think twice a second."""
MEASURABLE = 2.0
"""Seconds of a step, beyond which its speed is not measured again."""
MEASURING = -1
SET_BY_THE_PAGE = ("warmup", "report_every", "sample_every")
"""Settings of a run that the page chooses by itself from the others."""

_lock = threading.Lock()
_found: dict[str, tuple[object, tuple[Finding, ...]]] = {}
_copies: dict[tuple[str, int], Copies | None] = {}
_looking: set[tuple[str, int]] = set()
_seen_running: set[str] = set()
"""Runs that this process trains or has trained: only of those is the speed the speed of this machine."""
_plain_speeds: dict[str, float] = {}


def findings(snapshot: Snapshot) -> tuple[Finding, ...]:
    """What is the matter with this run now. Quick: what takes longer is looked at in the background, for the next time."""
    from engine.doctor.rules import examine

    facts = _facts(snapshot)
    stamp = (len(snapshot.reports), snapshot.status, facts, len(snapshot.held_out), snapshot.bayes_optimal is not None)
    with _lock:
        known = _found.get(snapshot.id)
    if known is not None and known[0] == stamp:
        return known[1]
    found = examine(snapshot, facts)
    with _lock:
        _found[snapshot.id] = (stamp, found)
        while len(_found) > KEPT:
            del _found[next(iter(_found))]
    return found


def still_looking() -> bool:
    """Whether something is being looked at in the background, so that there may be more to say in a moment."""
    with _lock:
        return bool(_looking)


def _facts(snapshot: Snapshot) -> Facts:
    from engine.data.catalogue import load
    from engine.data.image_set import DataError
    from engine.doctor.finding import Facts

    try:
        data = load(snapshot.config.data)
    except DataError:  # the pictures are gone: the rules that need them keep silent
        return Facts()
    if snapshot.status == "running" and not snapshot.elsewhere:
        _seen_running.add(snapshot.id)
    return Facts(
        len(data) - int(data.held_out.sum()), len(data.class_names), _copies_of(snapshot), _plain_speed_of(snapshot)
    )


def _copies_of(snapshot: Snapshot) -> Copies | None:
    """What is known of copies among the last samples; begins to look in a thread where nothing is known yet."""
    if not snapshot.previews or snapshot.config.task != "denoiser":
        return None
    step, pictures = snapshot.previews[-1]
    key = (snapshot.id, step)
    if key not in _copies:
        _begin(key, partial(_look, key, pictures, snapshot.config))
    return _copies.get(key)


def _plain_speed_of(snapshot: Snapshot) -> float | None:
    """Images a second in fp32, measured once a run in half precision has ended here and the machine is free."""
    config, speed = snapshot.config, snapshot.images_per_second
    if config.precision == "fp32" or snapshot.status not in ("finished", "stopped") or not speed:
        return None
    quick = config.batch / speed <= MEASURABLE
    if snapshot.id in _seen_running and snapshot.id not in _plain_speeds and quick:
        _begin((snapshot.id, MEASURING), partial(_measure, snapshot.id, config))
    return _plain_speeds.get(snapshot.id)


def _begin(key: tuple[str, int], look: Callable[[], None]) -> None:
    """Look at something in a thread, unless another look is under way: then the next time the page asks."""

    def run() -> None:
        try:
            look()
        finally:
            with _lock:
                _looking.discard(key)

    with _lock:
        if _looking:
            return
        _looking.add(key)
    threading.Thread(target=run, name="doctor", daemon=True).start()


def _measure(run_id: str, config: TrainConfig) -> None:
    from engine.training.preflight import preflight

    found = preflight(config.model_copy(update={"precision": "fp32"}))
    # Where pictures are gone or memory is: nothing to compare with.
    _plain_speeds[run_id] = config.batch / found.seconds_per_step if found.passed else 0.0


def _look(key: tuple[str, int], pictures: object, config: TrainConfig) -> None:
    from engine.data.prepared import held_out_pictures, training_pictures
    from engine.doctor.copies import copies

    try:
        found = copies(key[1], pictures, training_pictures(config), held_out_pictures(config))  # type: ignore[arg-type]
    except ValueError:  # pictures that are gone or cannot be made that size: nothing to compare with
        found = None
    _copies[key] = found
    while len(_copies) > KEPT:
        _copies.pop(next(iter(_copies)), None)


def in_words(change: Mapping[str, Setting]) -> str:
    """The change as a person says it: "learning rate 0.001"."""
    return ", ".join(f"{title_of(name).lower()} {value_of(value)}" for name, value in change.items())


def title_of(name: str) -> str:
    """What a setting of a run is called."""
    from engine.training.config import TrainConfig

    field = TrainingControls.model_fields.get(name) or TrainConfig.model_fields[name]
    return field.title or name


def value_of(value: Setting) -> str:
    """A setting's value as the reader reads it."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return f"{value:,}" if value < 10**9 else str(value)
    return f"{value:g}" if isinstance(value, float) else value


def can_take(change: Mapping[str, Setting]) -> bool:
    """Whether the page has a control for every setting and value in it, or sets it well by itself."""
    known = {name: value for name, value in change.items() if name not in SET_BY_THE_PAGE}
    if not change or not known.keys() <= TrainingControls.model_fields.keys():
        return False
    try:
        checked(TrainingControls(), **known)
    except ValidationError:
        return False
    return True


def controls_of(config: TrainConfig, change: Mapping[str, Setting]) -> tuple[TrainingControls, list[str]]:
    """The page's controls as they were for this run, with a change.

    Returns:
        The controls, and the names of settings of the run that the page has no control for, or not that value.
    """
    values = config.model_dump() | dict(change)
    controls, left_out = TrainingControls(), []
    for name, value in values.items():
        if name in TrainingControls.model_fields:
            try:
                controls = checked(controls, **{name: value})
            except ValidationError:
                left_out.append(name)
        elif name not in SET_BY_THE_PAGE and value != type(config).model_fields[name].default:
            left_out.append(name)
    return controls.settled()[0], left_out


def for_the_shell(change: Mapping[str, Setting]) -> str:
    """The change as the command line takes it: "--set clip_norm=5"."""
    return " ".join(
        f"--set {name}={value:g}" if isinstance(value, float) else f"--set {name}={value}"
        for name, value in change.items()
    )


def told(change: Mapping[str, Setting], left_out: Sequence[str]) -> str:
    """What was done to the controls, for the reader."""
    text = "The settings are now those of this run"
    if change:
        text += f", with {in_words(change)}"
    text += ". Press **Start training** to begin a new run with them."
    if left_out:
        text += f" Not taken over, as the page has no control for it: {', '.join(title_of(name).lower() for name in left_out)}."
    return text
